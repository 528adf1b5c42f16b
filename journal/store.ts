/**
 * The store: what must outlive every process. SQLite embedded, PostgreSQL in production; one conformance suite
 * (`test/journal/store-conformance.ts`) runs over every implementation. Each method is one transaction: it happened
 * with its events, or it did not happen.
 */
import type { Event, EventAction, EventDraft } from '../core/event.js';
import type { Hold, Holder } from '../core/hold.js';
import type { Digest, Iso, Json } from '../core/json.js';
import type { Outcome } from '../core/change.js';

/** Signs the head of a chain after an append; one signature an append, by the process that wrote it. */
export interface Signer {
  key: string;
  sign(text: string): string;
}

/** An event with its place in the whole store, by which followers keep their cursor. */
export interface Placed {
  position: number;
  event: Event;
}

/** A writer's signature over the head of a chain as it stood after the event `seq`. */
export interface HeadSignature {
  chain: string;
  seq: number;
  key: string;
  signature: string;
}

/** A hold before the store has given it its state. */
export type HoldDraft = Omit<
  Hold,
  'version' | 'state' | 'intendedAt' | 'inForceAt' | 'releasingFor' | 'closedAt' | 'outcome' | 'observed'
>;

/** An item of evidence; the bytes lie encrypted beside it under `sha256` of the plain text. */
export interface EvidenceItem {
  id: string;
  chain: string;
  run: string;
  step: string;
  item: Json;
  name: string;
  sha256: string;
  bytes: number;
  mediaType: string;
  method: string;
  collectedBy: string;
  collectedAt: Iso;
}

/** A Slack message that Firebreak keeps current. `posting` means that the post may or may not have happened. */
export interface Card {
  /** Names the card for good, e.g. `status:run-4k7m`; also the message's metadata key in Slack. */
  key: string;
  channel: string;
  ts?: string;
  state: 'posting' | 'posted';
  /** Digest of what it shows, so that an equal update is not sent. */
  shows?: Digest;
}

/** Something a person said that was durably received, and is to be delivered until Temporal has taken it. */
export interface Inbox {
  id: string;
  receivedAt: Iso;
  message: Json;
}

/** `known-runbook` is a note, under a runbook's digest, that an executor had it in its bundle once. */
export type DocumentKind = 'plan' | 'effects' | 'runbook' | 'known-runbook' | 'inputs' | 'found' | 'adopted';

export interface Store {
  /**
   * Appends in order, chain by chain, each event once by its id; returns all of them as recorded, old or new. The first one
   * with an id stays, for a retried activity says the same at another time; the same id for another action or run is an error.
   */
  append(drafts: EventDraft[]): Promise<Event[]>;
  /** Events of a chain (all, or those of a run), in order; only some actions if named. */
  events(of: ({ chain: string } | { run: string }) & { actions?: EventAction[] }): Promise<Event[]>;
  /** The next events of a chain after a sequence number, each as its canonical text: a whole chain may be too much to hold. */
  texts(of: { chain: string; after: number; limit: number }): Promise<{ seq: number; text: string }[]>;
  /** Events after a position, in the order of the store. */
  follow(after: number, limit: number): Promise<Placed[]>;
  head(chain: string): Promise<{ seq: number; hash: Digest } | undefined>;
  headSignatures(chain: string): Promise<HeadSignature[]>;
  chains(): Promise<string[]>;
  /** Runs with an event in the journal, the newest first. */
  runs(of?: { incident: string }): Promise<{ run: string; incident: string; at: Iso }[]>;

  /** Writes the hold as intended with its event, unless an open hold has the key: then returns that one, unchanged. */
  intend(draft: HoldDraft, event: EventDraft): Promise<{ hold: Hold; first: boolean }>;
  /** Adds a holder with the event; false when the hold is being released or closed, or has this holder already (then no event). */
  join(hold: string, holder: Holder, event: EventDraft): Promise<boolean>;
  /** Marks an intended hold in force. Already in force: returned unchanged, without the event, for anyone may finish it forward. */
  inForce(hold: string, observed: Json | undefined, event: EventDraft): Promise<Hold>;
  /**
   * Makes a hold in force an intended one again, right before it is written anew: cut short there, nobody knows how it
   * stands. An intended one is returned unchanged, without the event; undefined when it is being released or closed.
   */
  reopen(hold: string, event: EventDraft): Promise<Hold | undefined>;
  /**
   * Says for some seconds from now that an executor writes what is held, so that a release waits for it; said again while the
   * write goes on (`before`). False when it may not begin: the hold is not intended any more. Intending and reopening say it too.
   */
  writes(hold: string, since: 'now' | 'before'): Promise<boolean>;
  /** Marks what the watch finds otherwise than held and does not put back now; again as held, or in force anew, it is not marked. */
  differs(hold: string, does: boolean): Promise<void>;
  /** The write is over, without the hold being in force. */
  wrote(hold: string): Promise<void>;
  /**
   * Takes a hold that is being released back: intended again, with this holder alone, its first `before` kept. Undefined in
   * any other state.
   */
  reclaim(hold: string, holder: Holder, event: EventDraft): Promise<Hold | undefined>;
  /**
   * Takes a run from the holders. `left`: others remain. `last`: nobody remains, the hold is now `releasing` and no one can join.
   * Again `last` when it is already being released for this run, so that a retry goes on.
   */
  leave(hold: string, run: string, left: EventDraft, releasing: EventDraft): Promise<'left' | 'last' | 'not a holder'>;
  /**
   * Closes it for the run that alone holds it, or for which it is being released. Where somebody else holds it (they joined
   * or took it back), it is returned unchanged, without the event.
   */
  close(hold: string, run: string, outcome: string, event: EventDraft): Promise<Hold>;
  hold(id: string): Promise<Hold | undefined>;
  openHold(key: string): Promise<Hold | undefined>;
  /**
   * Open ones unless `any` is asked for, the oldest first. `run`: where it comes from; `holder`: who holds it, or for whom it
   * is being released; `incident`: either of the two.
   */
  holds(of: { run?: string; incident?: string; state?: 'open' | 'any'; holder?: string }): Promise<Hold[]>;

  /** Stores a JSON document under its digest (plans, lists of effect digests, compiled runbooks); a second put is a no-op. */
  putDocument(kind: DocumentKind, digest: Digest, body: Json): Promise<void>;
  document(kind: DocumentKind, digest: Digest): Promise<Json | undefined>;

  putOutcomes(run: string, step: string, outcomes: Outcome[]): Promise<void>;
  /** The last outcome of each key, or of one, in the order of the keys. */
  outcomes(run: string, step?: string, key?: string): Promise<(Outcome & { step: string })[]>;

  /** Stores the item and its encrypted bytes with the event, once for each item id. */
  putEvidence(item: EvidenceItem, sealed: Uint8Array, event: EventDraft): Promise<void>;
  evidence(of: { run: string }): Promise<EvidenceItem[]>;
  sealedEvidence(sha256: string): Promise<Uint8Array | undefined>;

  cursor(name: string): Promise<number>;
  setCursor(name: string, position: number): Promise<void>;
  card(key: string): Promise<Card | undefined>;
  putCard(card: Card): Promise<void>;
  /** Remembers a request for replay defence; false when it was seen before. Forgets what is older than `keepMs`. */
  remember(id: string, nowMs: number, keepMs: number): Promise<boolean>;
  receive(message: Inbox): Promise<void>;
  waiting(): Promise<Inbox[]>;
  delivered(id: string): Promise<void>;

  end(): Promise<void>;
}
