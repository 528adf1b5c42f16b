/** IAM is one for all regions, and shows what was written after a moment only. */
import { FirebreakError } from '../../core/errors.js';
import { eventually } from './eventually.js';
import type { AwsWorld } from './world.js';

/** How long IAM may go on showing what was there before: ten looks, a second apart. */
const lag = { attempts: 10, waitMs: 1_000 };

/** Waits until a write shows; what does not show in time is an error to retry. */
export async function untilSeen(world: AwsWorld, what: string, look: () => Promise<boolean>): Promise<void> {
  if (await eventually(world, lag, async () => (await look()) || undefined)) return;
  throw new FirebreakError('aws.not-visible', `${what} was written, but IAM does not show it.`, {
    nextStep: 'retry; if it stays so, see in CloudTrail who changes it.',
    isTerminal: false,
    target: what,
  });
}
