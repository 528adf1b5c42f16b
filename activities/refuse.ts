/** A refusal by an executor's own judgement. */
import { FirebreakError } from '../core/errors.js';

export function refuse(code: string, message: string): FirebreakError {
  return new FirebreakError(code, message, {
    nextStep: 'launch it anew, and have it approved, through Slack or the firebreak command.',
  });
}
