/** What people agreed to: a list of effect digests. What is not in it was not approved, whoever asks. */
import type { Digest } from './json.js';

export type Bound = ReadonlySet<Digest>;

/** Whether carrying out an effect was approved. An empty bound covers nothing. */
export function covers(bound: Bound, effect: Digest): boolean {
  return bound.has(effect);
}
