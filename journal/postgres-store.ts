/**
 * The store of a production installation: one PostgreSQL database that processes on several machines open at the same time.
 * Every method that appends is one transaction holding one lock from its start, so a chain has one head whoever appends, and
 * a follower that has seen a position has seen all before it.
 */
import type { Signer, Store } from './store.js';
import { addressOf } from './postgres/address.js';
import {
  appendAll,
  chainNames,
  eventsAfter,
  eventsOf,
  headOf,
  headSignaturesOf,
  runsOf,
  textsOf,
  type Writing,
} from './postgres/chains.js';
import { connect, type Unanswered } from './postgres/database.js';
import {
  documentOf,
  evidenceOf,
  outcomesOf,
  putDocument,
  putEvidence,
  putOutcomes,
  sealedEvidence,
} from './postgres/documents.js';
import {
  close,
  differs,
  holdOf,
  holdsOf,
  inForce,
  intend,
  join,
  leave,
  openHold,
  reclaim,
  reopen,
  writes,
  wrote,
} from './postgres/holds.js';
import { cardOf, cursorOf, delivered, putCard, receive, remember, setCursor, waiting } from './postgres/memory.js';
import { prepareSchema } from './postgres/schema.js';

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, see `postgres/address.ts`; a secret. */
  url: string;
  /** Signs the head of each chain that an append moves. */
  signer: Signer;
  /** Values that this process holds and that must never be written down; asked at each append. */
  secrets?: () => string[];
  now?: () => Date;
}

/** Settles once the tables are there; refuses a database that is not ours. */
export async function openPostgresStore({
  url,
  signer,
  secrets = () => [],
  now = () => new Date(),
}: PostgresStoreOptions): Promise<Store> {
  const database = connect(addressOf(url));
  try {
    await prepareSchema(database);
  } catch (error) {
    await database.end();
    throw error;
  }
  const write = <T>(work: (writing: Writing) => Promise<T>, whenUnanswered: Unanswered): Promise<T> =>
    database.write((transaction) => work({ transaction, signer, secrets, now }), whenUnanswered);
  return {
    append: (drafts) => write((writing) => appendAll(writing, drafts), 'repeat'),
    events: (of) => eventsOf(database, of),
    texts: (of) => textsOf(database, of),
    follow: (after, limit) => eventsAfter(database, after, limit),
    head: (chain) => headOf(database, chain),
    headSignatures: (chain) => headSignaturesOf(database, chain),
    chains: () => chainNames(database),
    runs: (of) => runsOf(database, of?.incident),

    // Whether it was the first is the answer of these two, and a repetition would find itself there.
    intend: (draft, event) => write((writing) => intend(writing, draft, event), 'tell'),
    join: (hold, holder, event) => write((writing) => join(writing, hold, holder, event), 'tell'),
    inForce: (hold, observed, event) => write((writing) => inForce(writing, hold, observed, event), 'repeat'),
    leave: (hold, run, left, releasing) => write((writing) => leave(writing, hold, run, left, releasing), 'repeat'),
    reopen: (hold, event) => write((writing) => reopen(writing, hold, event), 'repeat'),
    differs: (hold, does) => write((writing) => differs(writing, hold, does), 'repeat'),
    writes: (hold, since) => write((writing) => writes(writing, hold, since), 'repeat'),
    wrote: (hold) => write((writing) => wrote(writing, hold), 'repeat'),
    reclaim: (hold, holder, event) => write((writing) => reclaim(writing, hold, holder, event), 'repeat'),
    close: (hold, run, outcome, event) => write((writing) => close(writing, hold, run, outcome, event), 'repeat'),
    hold: (id) => holdOf(database, id),
    openHold: (key) => openHold(database, key),
    holds: (of) => holdsOf(database, of),

    putDocument: (kind, digest, body) => putDocument(database, kind, digest, body),
    document: (kind, digest) => documentOf(database, kind, digest),

    putOutcomes: (run, step, outcomes) => putOutcomes(database, run, step, outcomes, secrets()),
    outcomes: (run, step, key) => outcomesOf(database, run, step, key),

    putEvidence: (item, sealed, event) => write((writing) => putEvidence(writing, item, sealed, event), 'repeat'),
    evidence: (of) => evidenceOf(database, of.run),
    sealedEvidence: (sha256) => sealedEvidence(database, sha256),

    cursor: (name) => cursorOf(database, name),
    setCursor: (name, position) => setCursor(database, name, position),
    card: (key) => cardOf(database, key),
    putCard: (card) => putCard(database, card),
    remember: (id, nowMs, keepMs) => database.write((inside) => remember(inside, id, nowMs, keepMs), 'tell'),
    receive: (message) => receive(database, message),
    waiting: () => waiting(database),
    delivered: (id) => delivered(database, id),

    end: () => database.end(),
  };
}
