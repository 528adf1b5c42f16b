/** The events: appending, and reading them by chain, by run and by position. */
import { canonical } from '../../core/canonical.js';
import type { Event, EventDraft } from '../../core/event.js';
import type { Iso, Json } from '../../core/json.js';
import { redact } from '../../core/redact.js';
import { chained, genesis, type Head, headText, sameEvent } from '../chain.js';
import type { HeadSignature, Placed, Signer, Store } from '../store.js';
import type { Database } from './database.js';

export interface Writing {
  database: Database;
  signer: Signer;
  /** Values that this process holds and that must not be written down. */
  secrets: () => string[];
  now: () => Date;
  /** Where the chains stand that this transaction moved; signed at its end. */
  moved: Map<string, Head>;
}

/** Appends inside the caller's transaction, whose write lock is the lock on every head. */
export function appendAll({ database, secrets, now, moved }: Writing, drafts: EventDraft[]): Event[] {
  const known = secrets();
  const recordedAt = now().toISOString();
  return drafts.map((draft) => {
    const clean = redact(draft as unknown as Json, known) as unknown as EventDraft;
    const before = recorded(database, clean.id);
    if (before !== undefined) return sameEvent(before, clean);
    const event = chained(
      clean,
      moved.get(clean.chain) ?? headOf(database, clean.chain) ?? genesis(clean.chain),
      recordedAt,
    );
    insert(database, event);
    moved.set(event.chain, { seq: event.seq, hash: event.hash });
    return event;
  });
}

/** Once for each chain that the transaction has moved, at its new head. */
export function signHeads({ database, signer, moved }: Writing): void {
  for (const [chain, head] of moved) {
    database.run(
      'INSERT INTO head_signatures (chain, seq, key, signature) VALUES (?, ?, ?, ?)',
      chain,
      head.seq,
      signer.key,
      signer.sign(headText(chain, head)),
    );
  }
}

/** The event with this id, on whatever chain. */
export function recorded(database: Database, id: string): Event | undefined {
  const row = database.all<{ body: string }>('SELECT body FROM events WHERE id = ?', id)[0];
  return row === undefined ? undefined : read(row);
}

export function headOf(database: Database, chain: string): Head | undefined {
  const row = database.all<{ body: string }>(
    'SELECT body FROM events WHERE chain = ? ORDER BY seq DESC LIMIT 1',
    chain,
  )[0];
  if (row === undefined) return undefined;
  const { seq, hash } = read(row);
  return { seq, hash };
}

export function eventsOf(database: Database, of: Parameters<Store['events']>[0]): Event[] {
  const [where, name] = 'chain' in of ? ['chain = ?', of.chain] : ['run = ?', of.run];
  // With a sign before it the order names no index: events of a run are found by their own, and then put in order.
  const order = 'chain' in of ? 'seq' : '+position';
  const actions = of.actions ?? [];
  if (of.actions !== undefined && actions.length === 0) return [];
  const some = actions.length === 0 ? '' : ` AND action IN (${actions.map(() => '?').join(', ')})`;
  return database
    .all<{ body: string }>(`SELECT body FROM events WHERE ${where}${some} ORDER BY ${order}`, name, ...actions)
    .map(read);
}

export function textsOf(
  database: Database,
  { chain, after, limit }: Parameters<Store['texts']>[0],
): { seq: number; text: string }[] {
  return database.all(
    'SELECT seq, body AS text FROM events WHERE chain = ? AND seq > ? ORDER BY seq LIMIT ?',
    chain,
    after,
    limit,
  );
}

export function eventsAfter(database: Database, after: number, limit: number): Placed[] {
  return database
    .all<{ position: number; body: string }>(
      'SELECT position, body FROM events WHERE position > ? ORDER BY position LIMIT ?',
      after,
      limit,
    )
    .map((row) => ({ position: row.position, event: read(row) }));
}

export function headSignaturesOf(database: Database, chain: string): HeadSignature[] {
  return database.all<HeadSignature>(
    'SELECT chain, seq, key, signature FROM head_signatures WHERE chain = ? ORDER BY seq',
    chain,
  );
}

export function chainNames(database: Database): string[] {
  return database.all<{ chain: string }>('SELECT DISTINCT chain FROM events ORDER BY chain').map(({ chain }) => chain);
}

export function runsOf(database: Database, incident: string | undefined): { run: string; incident: string; at: Iso }[] {
  const columns = 'SELECT run, incident, at FROM runs';
  return incident === undefined
    ? database.all(`${columns} ORDER BY first DESC`)
    : database.all(`${columns} WHERE incident = ? ORDER BY first DESC`, incident);
}

function insert(database: Database, event: Event): void {
  const run = event.run ?? null;
  const row = database.all<{ position: number }>(
    'INSERT INTO events (chain, seq, id, run, action, body) VALUES (?, ?, ?, ?, ?, ?) RETURNING position',
    event.chain,
    event.seq,
    event.id,
    run,
    event.action,
    canonical(event),
  )[0];
  if (run === null || row === undefined) return;
  database.run(
    'INSERT OR IGNORE INTO runs (run, incident, at, first) VALUES (?, ?, ?, ?)',
    run,
    event.chain,
    event.occurredAt,
    row.position,
  );
}

function read(row: { body: string }): Event {
  return JSON.parse(row.body) as Event;
}
