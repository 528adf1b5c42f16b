/**
 * The lines of an exported timeline; `docs/timeline-format.md` describes them for a second verifier.
 * Every line is the canonical form of its value, so that there is one way to write each timeline.
 */
import * as z from 'zod';
import { canonical } from '../core/canonical.js';
import type { Event } from '../core/event.js';
import type { Digest, Iso } from '../core/json.js';
import type { People } from '../core/people.js';
import type { Head } from './chain.js';
import { digestOf } from './digest.js';

export const timelineVersion = 1;

/** The first line: what the timeline is of, and the public keys and identities that its proofs rest on. */
export interface TimelineHeader {
  type: 'timeline';
  version: 1;
  chain: string;
  exportedAt: Iso;
  redaction: string;
  people: People;
  /** Over the canonical form of all the rest of this line. */
  hash: Digest;
}

/** A line for each event. `head` stands where an append ended: its writer's signature over the chain up to here. */
export interface TimelineEvent {
  event: Event;
  head?: { key: string; signature: string };
}

/** The last line: how much there is, where the chain ends, and the digest of every byte before this line. */
export interface TimelineTrailer {
  type: 'trailer';
  version: 1;
  chain: string;
  events: number;
  head: Head;
  sha256: Digest;
  key: string;
  /** Over the canonical form of all the rest of this line. */
  signature: string;
}

export function headerHash(header: Omit<TimelineHeader, 'hash'> & { hash?: Digest }): Digest {
  const { hash: _hash, ...rest } = header;
  return digestOf(rest);
}

export function trailerText(trailer: Omit<TimelineTrailer, 'signature'> & { signature?: string }): string {
  const { signature: _signature, ...rest } = trailer;
  return canonical(rest);
}

const text = z.string();
const moment = z.iso.datetime({ precision: 3 });
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const seq = z.int().min(0);

const people = z.strictObject({
  principals: z.record(
    text,
    z.strictObject({
      id: text,
      name: text.optional(),
      slack: z.array(z.strictObject({ team: text, user: text })),
      ssh: z.array(text),
      service: z.strictObject({ hook: text, launches: z.array(text), owner: text }).optional(),
      revokedAt: moment.optional(),
    }),
  ),
  groups: z.record(text, z.array(text)),
  responders: z.array(text),
  keys: z.array(
    z.strictObject({ id: text, use: z.enum(['gateway', 'journal']), publicKey: text, revokedAt: moment.optional() }),
  ),
});

export const headerShape = z.strictObject({
  type: z.literal('timeline'),
  version: z.literal(timelineVersion),
  chain: text.min(1),
  exportedAt: moment,
  redaction: text,
  people,
  hash: digest,
});

/** What every event has; `statement` and `data` are read by whoever needs them. */
export const eventLineShape = z.strictObject({
  event: z.looseObject({
    version: z.literal(1),
    chain: text,
    seq,
    id: text,
    run: text.optional(),
    step: text.optional(),
    occurredAt: moment,
    recordedAt: moment,
    actor: text,
    action: text,
    prev: digest,
    hash: digest,
  }),
  head: z.strictObject({ key: text, signature: text }).optional(),
});

export const trailerShape = z.strictObject({
  type: z.literal('trailer'),
  version: z.literal(timelineVersion),
  chain: text,
  events: seq,
  head: z.strictObject({ seq, hash: digest }),
  sha256: digest,
  key: text,
  signature: text,
});
