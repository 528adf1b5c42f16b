/** Names by content: the same JSON value has the same digest wherever it is computed, whatever its key order. */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.js';
import type { Effect } from '../core/change.js';
import type { Digest } from '../core/json.js';

/** Over bytes, or over a text in UTF-8. */
export function sha256(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** Over the canonical form (RFC 8785) of a JSON value. */
export function digestOf(value: unknown): Digest {
  return sha256(canonical(value));
}

/** What one approved thing is called. */
export function effectDigest(effect: Effect): Digest {
  return digestOf(effect);
}

/** What people approve: the set of effects. Neither order nor repetition counts, so planning again keeps it. */
export function planDigest(effects: readonly Digest[]): Digest {
  return digestOf(sortedUnique(effects));
}

/** The list that a plan digest is over, as it is stored under it. */
function sortedUnique(effects: readonly Digest[]): Digest[] {
  return [...new Set(effects)].toSorted();
}
