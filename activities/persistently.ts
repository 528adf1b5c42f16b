/**
 * Tries again what may pass by itself, inside the attempt. Temporal's own retries are without limit and left to dead workers and
 * lost heartbeats, so that being killed often never uses up the tries that a throttling system needs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../core/errors.js';
import type { Retry } from '../core/runbook.js';
import { isTransient } from './failures.js';

/** The longest wait between two tries. */
const waitMaxMs = 30_000;

export async function persistently<T>(
  { attempts, firstWaitMs }: Retry,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FirebreakError) || !isTransient(error)) throw error;
      if (attempt >= attempts) throw givenUp(error, attempt);
      await sleep(Math.min(firstWaitMs * 2 ** (attempt - 1), waitMaxMs), undefined, { signal });
    }
  }
}

function givenUp(error: FirebreakError, attempts: number): FirebreakError {
  return new FirebreakError(error.code, `${error.message} Tried ${attempts} times.`, {
    nextStep: error.nextStep,
    cause: error,
  });
}
