/** What every activity does beside its work: it shows that its worker lives, and its errors leave as failures with a code. */
import { heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { FirebreakError } from '../core/errors.js';

/** Well inside the heartbeat timeout of 4 s, after which a killed worker's work is given to another. */
const heartbeatEveryMs = 1000;

export function asActivities<T extends object>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: unknown[]) => {
      const beat = setInterval(heartbeat, heartbeatEveryMs);
      try {
        return await (activity as (...args: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw asFailure(error);
      } finally {
        clearInterval(beat);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** The code is the failure's type; terminal ones are not tried again. */
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
