/** What is kept of an error, and whether it may pass by itself. */
import { FirebreakError } from '../core/errors.js';

/** What an outcome or a plan keeps of an error: a code and sentences, no stack and no answer of a remote system. */
export function errorOf(error: unknown): { code: string; message: string; nextStep?: string } {
  if (error instanceof FirebreakError) return { code: error.code, message: error.message, nextStep: error.nextStep };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'engine.unexpected', message: `${message} (this is a bug)` };
}

/** Whether a unit's read says that its target is not there any more: such codes end in `.not-found` or `-terminated`. */
export function isGone(error: unknown): error is FirebreakError {
  return error instanceof FirebreakError && /(\.not-found|-terminated)$/.test(error.code);
}

/** Whether trying again may help. */
export function isTransient(error: unknown): boolean {
  return error instanceof FirebreakError && !error.isTerminal;
}
