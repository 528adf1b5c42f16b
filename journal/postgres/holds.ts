/**
 * Holds: each step checks the state that it comes from, and is recorded in the transaction of its event. A step that is
 * repeated after a crash is told by its event, and answers as it did the first time. The rules are in `hold-rules.ts`.
 */
import { canonical } from '../../core/canonical.js';
import type { EventDraft } from '../../core/event.js';
import type { Hold, Holder } from '../../core/hold.js';
import type { Json } from '../../core/json.js';
import {
  canJoin,
  holdFrom,
  holdInForce,
  type HoldRow,
  idReused,
  intendedHold,
  isHeldFor,
  leaseFrom,
  mayClose,
  mayWrite,
  mustBe,
  mustExist,
} from '../hold-rules.js';
import type { HoldDraft, Store } from '../store.js';
import { appendAll, isRecorded, type Writing } from './chains.js';
import type { Queries } from './database.js';

interface Row extends HoldRow {
  /** JSON texts, in the order of joining. */
  holders: string[];
}

/** Hold and holders in one read, so that another process's write cannot fall between the two. */
const select = `SELECT holds.*, ARRAY(
  SELECT holders.body FROM holders WHERE holders.hold = holds.id ORDER BY holders.number
) AS holders FROM holds`;

export async function intend(
  writing: Writing,
  draft: HoldDraft,
  event: EventDraft,
): Promise<{ hold: Hold; first: boolean }> {
  const { transaction } = writing;
  const open = await openHold(transaction, draft.key);
  if (open !== undefined) return { hold: open, first: false };
  if ((await rowOf(transaction, draft.id)) !== undefined) throw idReused(draft);
  const { holders, ...body } = draft;
  const now = writing.now();
  const hold = intendedHold(draft, now);
  await transaction.run(
    `INSERT INTO holds (id, key, run, incident, state, body, intended_at, writing_until)
     VALUES ($1, $2, $3, $4, 'intended', $5, $6, $7)`,
    draft.id,
    draft.key,
    draft.origin.run,
    draft.origin.incident,
    canonical(body),
    hold.intendedAt,
    leaseFrom(now),
  );
  for (const holder of holders) await addHolder(transaction, draft.id, holder);
  await appendAll(writing, [event]);
  return { hold, first: true };
}

export async function join(writing: Writing, id: string, holder: Holder, event: EventDraft): Promise<boolean> {
  const { transaction } = writing;
  if (!canJoin(await existing(transaction, id), holder.run)) return false;
  await addHolder(transaction, id, holder);
  await appendAll(writing, [event]);
  return true;
}

/** Two writers may finish the same intended hold; the second finds it in force, and adds nothing. */
export async function inForce(
  writing: Writing,
  id: string,
  observed: Json | undefined,
  event: EventDraft,
): Promise<Hold> {
  const { transaction } = writing;
  const hold = await existing(transaction, id);
  if (hold.state === 'in force') return hold;
  mustBe(hold, ['intended'], 'be in force');
  const now = writing.now();
  await transaction.run(
    `UPDATE holds SET state = 'in force', in_force_at = $1, differs_since = NULL, writing_until = NULL, observed = $2 WHERE id = $3`,
    now.toISOString(),
    observed === undefined ? null : canonical(observed),
    id,
  );
  await appendAll(writing, [event]);
  return holdInForce(hold, observed, now);
}

export async function reopen(writing: Writing, id: string, event: EventDraft): Promise<Hold | undefined> {
  const { transaction } = writing;
  const hold = await existing(transaction, id);
  if (hold.state === 'intended') return hold;
  if (hold.state !== 'in force') return undefined;
  await intendAgain(writing, id, event);
  return existing(transaction, id);
}

export async function differs({ transaction, now }: Writing, id: string, does: boolean): Promise<void> {
  if (does)
    await transaction.run(
      'UPDATE holds SET differs_since = coalesce(differs_since, $1) WHERE id = $2',
      now().toISOString(),
      id,
    );
  else await transaction.run('UPDATE holds SET differs_since = NULL WHERE id = $1', id);
}

export async function writes(writing: Writing, id: string, since: 'now' | 'before'): Promise<boolean> {
  const { transaction } = writing;
  if (!mayWrite(await existing(transaction, id), since, writing.now())) return false;
  await transaction.run('UPDATE holds SET writing_until = $1 WHERE id = $2', leaseFrom(writing.now()), id);
  return true;
}

export async function wrote({ transaction }: Writing, id: string): Promise<void> {
  await transaction.run('UPDATE holds SET writing_until = NULL WHERE id = $1', id);
}

export async function reclaim(
  writing: Writing,
  id: string,
  holder: Holder,
  event: EventDraft,
): Promise<Hold | undefined> {
  const { transaction } = writing;
  const hold = await existing(transaction, id);
  if (hold.state !== 'releasing') return (await isRecorded(transaction, event.id)) ? hold : undefined;
  await addHolder(transaction, id, holder);
  await intendAgain(writing, id, event);
  return existing(transaction, id);
}

async function intendAgain(writing: Writing, id: string, event: EventDraft): Promise<void> {
  await writing.transaction.run(
    `UPDATE holds SET state = 'intended', intended_at = $1, writing_until = $2, in_force_at = NULL, releasing_for = NULL WHERE id = $3`,
    writing.now().toISOString(),
    leaseFrom(writing.now()),
    id,
  );
  await appendAll(writing, [event]);
}

export async function leave(
  writing: Writing,
  id: string,
  run: string,
  left: EventDraft,
  releasing: EventDraft,
): Promise<'left' | 'last' | 'not a holder'> {
  const { transaction } = writing;
  const { state, holders, releasingFor } = await existing(transaction, id);
  if (releasingFor === run) return 'last';
  if (!isHeldFor(holders, run)) return (await isRecorded(transaction, left.id)) ? 'left' : 'not a holder';
  if (state === 'closed') return 'not a holder';
  await transaction.run('DELETE FROM holders WHERE hold = $1 AND run = $2', id, run);
  if (holders.length > 1) {
    await appendAll(writing, [left]);
    return 'left';
  }
  await transaction.run(`UPDATE holds SET state = 'releasing', releasing_for = $1 WHERE id = $2`, run, id);
  await appendAll(writing, [releasing]);
  return 'last';
}

export async function close(
  writing: Writing,
  id: string,
  run: string,
  outcome: string,
  event: EventDraft,
): Promise<Hold> {
  const { transaction } = writing;
  const hold = await existing(transaction, id);
  if (hold.state === 'closed' && (await isRecorded(transaction, event.id))) return hold;
  mustBe(hold, ['intended', 'in force', 'releasing'], 'be closed');
  if (!mayClose(hold, run)) return hold;
  await transaction.run(
    `UPDATE holds SET state = 'closed', closed_at = $1, outcome = $2 WHERE id = $3`,
    writing.now().toISOString(),
    outcome,
    id,
  );
  await appendAll(writing, [event]);
  return existing(transaction, id);
}

export async function holdOf(queries: Queries, id: string): Promise<Hold | undefined> {
  const row = await rowOf(queries, id);
  return row === undefined ? undefined : toHold(row);
}

export async function openHold(queries: Queries, key: string): Promise<Hold | undefined> {
  const row = (await queries.all<Row>(`${select} WHERE key = $1 AND state <> 'closed'`, key))[0];
  return row === undefined ? undefined : toHold(row);
}

export async function holdsOf(queries: Queries, of: Parameters<Store['holds']>[0]): Promise<Hold[]> {
  const wanted: [(number: string) => string, string | undefined][] = [
    [(n) => `run = ${n}`, of.run],
    [(n) => `(incident = ${n} OR ${heldFor('incident', n)})`, of.incident],
    [(n) => `(releasing_for = ${n} OR ${heldFor('run', n)})`, of.holder],
  ];
  const values: string[] = [];
  const conditions = [of.state === 'any' ? 'true' : `state <> 'closed'`];
  for (const [condition, value] of wanted) {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  }
  const rows = await queries.all<Row>(`${select} WHERE ${conditions.join(' AND ')} ORDER BY number`, ...values);
  return rows.map(toHold);
}

function heldFor(column: 'run' | 'incident', number: string): string {
  return `EXISTS (SELECT FROM holders WHERE holders.hold = holds.id AND holders.${column} = ${number})`;
}

async function addHolder(transaction: Queries, hold: string, holder: Holder): Promise<void> {
  await transaction.run(
    'INSERT INTO holders (hold, run, incident, body) VALUES ($1, $2, $3, $4)',
    hold,
    holder.run,
    holder.incident,
    canonical(holder),
  );
}

async function rowOf(queries: Queries, id: string): Promise<Row | undefined> {
  return (await queries.all<Row>(`${select} WHERE id = $1`, id))[0];
}

async function existing(queries: Queries, id: string): Promise<Hold> {
  return mustExist(await holdOf(queries, id), id);
}

function toHold(row: Row): Hold {
  return holdFrom(
    row,
    row.holders.map((holder) => JSON.parse(holder) as Holder),
  );
}
