/** The error for a name that is not there: which was probably meant, and which there are. */
import { didYouMean, oneOf } from '../compiler/problem.js';
import { CliError, exitCodes } from './exit-codes.js';

/** `what` is the sentence without its end: `people.yaml has no principal "alicia"`. */
export function unknownName(code: string, what: string, name: string, known: string[]): CliError {
  const meant = didYouMean(name, known);
  return new CliError(exitCodes.badInput, code, meant === '' ? `${what}.` : `${what}${meant}`, {
    nextStep: oneOf(known),
  });
}
