/**
 * The embedded store: one SQLite file that gateway, worker and CLI open at the same time. Every method that writes happens whole
 * or not at all, in a transaction holding the write lock from its start, so a chain has one head whoever appends; methods called
 * in the same moment share one (`sqlite/group.ts`).
 */
import type { Store, Signer } from './store.js';
import {
  appendAll,
  chainNames,
  eventsAfter,
  eventsOf,
  headOf,
  headSignaturesOf,
  runsOf,
  signHeads,
  textsOf,
  type Writing,
} from './sqlite/chains.js';
import { openDatabase } from './sqlite/database.js';
import { groupWrites } from './sqlite/group.js';
import {
  documentOf,
  evidenceOf,
  outcomesOf,
  putDocument,
  putEvidence,
  putOutcomes,
  sealedEvidence,
} from './sqlite/documents.js';
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
} from './sqlite/holds.js';
import { cardOf, cursorOf, delivered, putCard, receive, remember, setCursor, waiting } from './sqlite/memory.js';

export interface SqliteStoreOptions {
  file: string;
  /** Signs the head of each chain that an append moves. */
  signer: Signer;
  /** Values that this process holds and that must never be written down; asked at each append. */
  secrets?: () => string[];
  now?: () => Date;
}

export function openSqliteStore({
  file,
  signer,
  secrets = () => [],
  now = () => new Date(),
}: SqliteStoreOptions): Store {
  const database = openDatabase(file);
  const writing: Writing = { database, signer, secrets, now, moved: new Map() };
  const group = groupWrites((works) =>
    database.write(() => {
      writing.moved.clear();
      const results = works.map((work) => work());
      signHeads(writing);
      return results;
    }),
  );
  return {
    append: async (drafts) => group.write(() => appendAll(writing, drafts)),
    events: async (of) => eventsOf(database, of),
    texts: async (of) => textsOf(database, of),
    follow: async (after, limit) => eventsAfter(database, after, limit),
    head: async (chain) => headOf(database, chain),
    headSignatures: async (chain) => headSignaturesOf(database, chain),
    chains: async () => chainNames(database),
    runs: async (of) => runsOf(database, of?.incident),

    intend: async (draft, event) => group.write(() => intend(writing, draft, event)),
    join: async (hold, holder, event) => group.write(() => join(writing, hold, holder, event)),
    inForce: async (hold, observed, event) => group.write(() => inForce(writing, hold, observed, event)),
    leave: async (hold, run, left, releasing) => group.write(() => leave(writing, hold, run, left, releasing)),
    reopen: async (hold, event) => group.write(() => reopen(writing, hold, event)),
    differs: async (hold, does) => group.write(() => differs(writing, hold, does)),
    writes: async (hold, since) => group.write(() => writes(writing, hold, since)),
    wrote: async (hold) => group.write(() => wrote(writing, hold)),
    reclaim: async (hold, holder, event) => group.write(() => reclaim(writing, hold, holder, event)),
    close: async (hold, run, outcome, event) => group.write(() => close(writing, hold, run, outcome, event)),
    hold: async (id) => holdOf(database, id),
    openHold: async (key) => openHold(database, key),
    holds: async (of) => holdsOf(database, of),

    putDocument: async (kind, digest, body) => group.write(() => putDocument(database, kind, digest, body)),
    document: async (kind, digest) => documentOf(database, kind, digest),

    putOutcomes: async (run, step, outcomes) => group.write(() => putOutcomes(writing, run, step, outcomes)),
    outcomes: async (run, step, key) => outcomesOf(database, run, step, key),

    putEvidence: async (item, sealed, event) => group.write(() => putEvidence(writing, item, sealed, event)),
    evidence: async (of) => evidenceOf(database, of.run),
    sealedEvidence: async (sha256) => sealedEvidence(database, sha256),

    cursor: async (name) => cursorOf(database, name),
    setCursor: async (name, position) => group.write(() => setCursor(database, name, position)),
    card: async (key) => cardOf(database, key),
    putCard: async (card) => group.write(() => putCard(database, card)),
    remember: async (id, nowMs, keepMs) => group.write(() => remember(database, id, nowMs, keepMs)),
    receive: async (message) => group.write(() => receive(database, message)),
    waiting: async () => waiting(database),
    delivered: async (id) => group.write(() => delivered(database, id)),

    end: async () => {
      group.flush();
      database.end();
    },
  };
}
