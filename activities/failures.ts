/** The one place where errors become Temporal failures: `code` is the type, terminal ones are not tried again. */
import { ApplicationFailure } from '@temporalio/common';
import { FirebreakError } from '../core/errors.js';

function asFailure(error: unknown): Error {
  if (error instanceof FirebreakError) {
    return ApplicationFailure.create({
      message: error.message,
      type: error.code,
      nonRetryable: error.isTerminal,
      details: [{ code: error.code, nextStep: error.nextStep }],
    });
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** Wraps every activity of a record so that its errors leave as failures with a code. */
export function withFailures<T extends object>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await (activity as (...args: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw asFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** What an outcome or a plan keeps of an error: a code and sentences, no stack and no answer of a remote system. */
export function errorOf(error: unknown): { code: string; message: string; nextStep?: string } {
  if (error instanceof FirebreakError) return { code: error.code, message: error.message, nextStep: error.nextStep };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'engine.unexpected', message: `${message} (this is a bug)` };
}

/** Whether trying again may help. */
export function isTransient(error: unknown): boolean {
  return error instanceof FirebreakError && !error.isTerminal;
}
