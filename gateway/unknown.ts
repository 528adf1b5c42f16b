/** The error for a name that is not there: which was probably meant, and which there are. */
import { didYouMean, oneOf } from '../compiler/problem.js';
import { FirebreakError } from '../core/errors.js';

/** `what` is the sentence without its end: `No runbook is called "aws-host"`. */
export function unknownName(code: string, what: string, name: string, known: string[], otherwise = ''): FirebreakError {
  const meant = didYouMean(name, known);
  const next = known.length === 0 ? otherwise : `${oneOf(known)} ${otherwise}`.trim();
  return new FirebreakError(code, meant === '' ? `${what}.` : `${what}${meant}`, {
    nextStep: next === '' ? oneOf(known) : next,
  });
}
