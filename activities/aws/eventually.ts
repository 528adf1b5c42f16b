import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsWorld } from './world.js';

/** Looks until there is something to see: EC2 shows what it has just done after a moment only. Undefined when it never does. */
export async function eventually<T>(
  { signal }: AwsWorld,
  { attempts, waitMs }: { attempts: number; waitMs: number },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const seen = await look();
    if (seen !== undefined || attempt >= attempts) return seen;
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  }
}
