/** The events: appending, and reading them by chain, by run and by position. */
import { canonical } from '../../core/canonical.js';
import type { Event, EventDraft } from '../../core/event.js';
import type { Iso, Json } from '../../core/json.js';
import { redact } from '../../core/redact.js';
import { chained, genesis, type Head, headText, sameEvent } from '../chain.js';
import type { HeadSignature, Placed, Signer, Store } from '../store.js';
import type { Queries, Value } from './database.js';

/** A transaction that holds the lock, and what an append needs besides. */
export interface Writing {
  transaction: Queries;
  signer: Signer;
  /** Values that this process holds and that must not be written down. */
  secrets: () => string[];
  now: () => Date;
}

/** Appends inside the caller's transaction, whose lock is the lock on every head. */
export async function appendAll(
  { transaction, signer, secrets, now }: Writing,
  drafts: EventDraft[],
): Promise<Event[]> {
  const known = secrets();
  const recordedAt = now().toISOString();
  const clean = drafts.map((draft) => redact(draft as unknown as Json, known) as unknown as EventDraft);
  const there = await recordedOnes(transaction, clean);
  const heads = await headsOf(transaction, [...new Set(clean.map(({ chain }) => chain))]);
  const fresh: Event[] = [];
  const events = clean.map((draft) => {
    const before = there.get(draft.id);
    if (before !== undefined) return sameEvent(before, draft);
    const event = chained(draft, heads.get(draft.chain) ?? genesis(draft.chain), recordedAt);
    heads.set(event.chain, event);
    there.set(event.id, event);
    fresh.push(event);
    return event;
  });
  if (fresh.length > 0) {
    await insert(transaction, fresh);
    await sign(transaction, signer, fresh);
  }
  return events;
}

/** Whether there is an event with this id, on whatever chain. */
export async function isRecorded(queries: Queries, id: string): Promise<boolean> {
  return (await queries.all('SELECT 1 FROM events WHERE id = $1', id)).length > 0;
}

export async function headOf(queries: Queries, chain: string): Promise<Head | undefined> {
  return (await headsOf(queries, [chain])).get(chain);
}

export async function eventsOf(queries: Queries, of: Parameters<Store['events']>[0]): Promise<Event[]> {
  const [where, name, order] = 'chain' in of ? ['chain = $1', of.chain, 'seq'] : ['run = $1', of.run, 'position'];
  const [some, values]: [string, Value[]] =
    of.actions === undefined ? ['', []] : [' AND action = ANY ($2)', [of.actions]];
  const rows = await queries.all<Row>(
    `SELECT body FROM events WHERE ${where}${some} ORDER BY ${order}`,
    name,
    ...values,
  );
  return rows.map(read);
}

export function textsOf(
  queries: Queries,
  { chain, after, limit }: Parameters<Store['texts']>[0],
): Promise<{ seq: number; text: string }[]> {
  return queries.all(
    'SELECT seq, body AS text FROM events WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3',
    chain,
    after,
    limit,
  );
}

export async function eventsAfter(queries: Queries, after: number, limit: number): Promise<Placed[]> {
  const rows = await queries.all<Row & { position: number }>(
    'SELECT position, body FROM events WHERE position > $1 ORDER BY position LIMIT $2',
    after,
    limit,
  );
  return rows.map((row) => ({ position: row.position, event: read(row) }));
}

export function headSignaturesOf(queries: Queries, chain: string): Promise<HeadSignature[]> {
  return queries.all('SELECT chain, seq, key, signature FROM head_signatures WHERE chain = $1 ORDER BY seq', chain);
}

export async function chainNames(queries: Queries): Promise<string[]> {
  const rows = await queries.all<{ chain: string }>('SELECT DISTINCT chain FROM events ORDER BY chain');
  return rows.map(({ chain }) => chain);
}

export function runsOf(
  queries: Queries,
  incident: string | undefined,
): Promise<{ run: string; incident: string; at: Iso }[]> {
  const columns = 'SELECT run, incident, at FROM runs';
  return incident === undefined
    ? queries.all(`${columns} ORDER BY first DESC`)
    : queries.all(`${columns} WHERE incident = $1 ORDER BY first DESC`, incident);
}

async function recordedOnes(queries: Queries, drafts: EventDraft[]): Promise<Map<string, Event>> {
  const rows = await queries.all<Row>(
    'SELECT body FROM events WHERE id = ANY ($1)',
    drafts.map(({ id }) => id),
  );
  return new Map(rows.map(read).map((event) => [event.id, event]));
}

async function headsOf(queries: Queries, chains: string[]): Promise<Map<string, Head>> {
  const rows = await queries.all<Row>(
    `SELECT head.body FROM unnest($1::text[]) AS asked (chain),
       LATERAL (SELECT body FROM events WHERE events.chain = asked.chain ORDER BY seq DESC LIMIT 1) AS head`,
    chains,
  );
  return new Map(rows.map(read).map(({ chain, seq, hash }) => [chain, { seq, hash }]));
}

/** Positions are taken under the lock, which is held until the commit: whoever sees one sees all before it. */
async function insert(transaction: Queries, events: Event[]): Promise<void> {
  const [taken] = await transaction.all<{ position: number }>(
    'UPDATE firebreak_journal SET position = position + $1 RETURNING position',
    events.length,
  );
  if (taken === undefined) throw new Error('The journal has lost the row that is its lock (this is a bug).');
  const first = taken.position - events.length + 1;
  await transaction.run(
    `INSERT INTO events (position, chain, seq, id, run, action, body)
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    events.map((_event, index) => first + index),
    events.map(({ chain }) => chain),
    events.map(({ seq }) => seq),
    events.map(({ id }) => id),
    events.map(({ run }) => run ?? null),
    events.map(({ action }) => action),
    events.map((event) => canonical(event)),
  );
  for (const [index, { run, chain, occurredAt }] of events.entries()) {
    const isFirst = run !== undefined && events.findIndex((event) => event.run === run) === index;
    if (!isFirst) continue;
    await transaction.run(
      'INSERT INTO runs (run, incident, at, first) VALUES ($1, $2, $3, $4) ON CONFLICT (run) DO NOTHING',
      run,
      chain,
      occurredAt,
      first + index,
    );
  }
}

/** Once for each chain that has moved, at its new head. */
async function sign(transaction: Queries, signer: Signer, events: Event[]): Promise<void> {
  const heads = new Map(events.map((event) => [event.chain, event]));
  for (const [chain, head] of heads) {
    await transaction.run(
      'INSERT INTO head_signatures (chain, seq, key, signature) VALUES ($1, $2, $3, $4)',
      chain,
      head.seq,
      signer.key,
      signer.sign(headText(chain, head)),
    );
  }
}

interface Row {
  body: string;
}

function read({ body }: Row): Event {
  return JSON.parse(body) as Event;
}
