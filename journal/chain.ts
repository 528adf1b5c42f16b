/** How events hang together: each is hashed with the hash of the one before it, and the head is signed by its writer. */
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import type { Event, EventDraft } from '../core/event.js';
import type { Digest, Iso } from '../core/json.js';
import { digestOf, sha256 } from './digest.js';

/** Where a chain stands. */
export interface Head {
  seq: number;
  hash: Digest;
}

/** What the first event of a chain names as the one before it, so that no chain can begin with another's events. */
export function genesis(chain: string): Head {
  return { seq: 0, hash: sha256(chain) };
}

/** Gives a draft its place after the head. */
export function chained(draft: EventDraft, head: Head, recordedAt: Iso): Event {
  const unhashed = { ...draft, version: 1 as const, seq: head.seq + 1, recordedAt, prev: head.hash };
  return { ...unhashed, hash: digestOf(unhashed) };
}

/** The hash that an event must have. */
export function hashOf(event: Event): Digest {
  const { hash: _hash, ...unhashed } = event;
  return digestOf(unhashed);
}

/** What is signed at the head of a chain. */
export function headText(chain: string, head: Head): string {
  return canonical({ chain, seq: head.seq, hash: head.hash });
}

/** The first one stays: a retried activity says the same at another time. Another thing under the same id is a bug. */
export function sameEvent(before: Event, draft: EventDraft): Event {
  if (before.chain === draft.chain && before.run === draft.run && before.action === draft.action) return before;
  throw new FirebreakError(
    'journal.id-reused',
    `Event ${draft.id} (${draft.action}) of ${draft.chain} is already recorded as ${before.action} of ${before.chain} (this is a bug).`,
    { nextStep: `look at event ${before.seq} of ${before.chain}, which stays as it is.`, target: draft.id },
  );
}
