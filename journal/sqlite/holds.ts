/**
 * Holds: each step checks the state that it comes from, and is recorded in the transaction of its event. A step that is
 * repeated after a crash is told by its event, and answers as it did the first time.
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
import { appendAll, recorded, type Writing } from './chains.js';
import type { Database, Value } from './database.js';

interface Row extends HoldRow {
  /** JSON list, in the order of joining. */
  holders: string;
}

/** Hold and holders in one read, so that another process's write cannot fall between the two. */
const select = `SELECT holds.*, (
  SELECT json_group_array(json(body)) FROM (SELECT body FROM holders WHERE hold = holds.id ORDER BY rowid)
) AS holders FROM holds`;

export function intend(writing: Writing, draft: HoldDraft, event: EventDraft): { hold: Hold; first: boolean } {
  const { database } = writing;
  const open = openHold(database, draft.key);
  if (open !== undefined) return { hold: open, first: false };
  if (rowOf(database, draft.id) !== undefined) throw idReused(draft);
  const { holders, ...body } = draft;
  const now = writing.now();
  const hold = intendedHold(draft, now);
  database.run(
    `INSERT INTO holds (id, key, run, incident, state, body, intended_at, writing_until)
     VALUES (?, ?, ?, ?, 'intended', ?, ?, ?)`,
    draft.id,
    draft.key,
    draft.origin.run,
    draft.origin.incident,
    canonical(body),
    hold.intendedAt,
    leaseFrom(now),
  );
  for (const holder of holders) addHolder(database, draft.id, holder);
  appendAll(writing, [event]);
  return { hold, first: true };
}

export function join(writing: Writing, id: string, holder: Holder, event: EventDraft): boolean {
  const { database } = writing;
  if (!canJoin(existing(database, id), holder.run)) return false;
  addHolder(database, id, holder);
  appendAll(writing, [event]);
  return true;
}

/** Two writers may finish the same intended hold; the second finds it in force, and adds nothing. */
export function inForce(writing: Writing, id: string, observed: Json | undefined, event: EventDraft): Hold {
  const { database } = writing;
  const hold = existing(database, id);
  if (hold.state === 'in force') return hold;
  mustBe(hold, ['intended'], 'be in force');
  const now = writing.now();
  database.run(
    `UPDATE holds SET state = 'in force', in_force_at = ?, differs_since = NULL, writing_until = NULL, observed = ? WHERE id = ?`,
    now.toISOString(),
    observed === undefined ? null : canonical(observed),
    id,
  );
  appendAll(writing, [event]);
  return holdInForce(hold, observed, now);
}

export function reopen(writing: Writing, id: string, event: EventDraft): Hold | undefined {
  const { database } = writing;
  const hold = existing(database, id);
  if (hold.state === 'intended') return hold;
  if (hold.state !== 'in force') return undefined;
  intendAgain(writing, id, event);
  return existing(database, id);
}

export function differs({ database, now }: Writing, id: string, does: boolean): void {
  if (does)
    database.run('UPDATE holds SET differs_since = coalesce(differs_since, ?) WHERE id = ?', now().toISOString(), id);
  else database.run('UPDATE holds SET differs_since = NULL WHERE id = ?', id);
}

export function writes(writing: Writing, id: string, since: 'now' | 'before'): boolean {
  if (!mayWrite(existing(writing.database, id), since, writing.now())) return false;
  writing.database.run('UPDATE holds SET writing_until = ? WHERE id = ?', leaseFrom(writing.now()), id);
  return true;
}

export function wrote({ database }: Writing, id: string): void {
  database.run('UPDATE holds SET writing_until = NULL WHERE id = ?', id);
}

export function reclaim(writing: Writing, id: string, holder: Holder, event: EventDraft): Hold | undefined {
  const { database } = writing;
  const hold = existing(database, id);
  if (hold.state !== 'releasing') return recorded(database, event.id) === undefined ? undefined : hold;
  addHolder(database, id, holder);
  intendAgain(writing, id, event);
  return existing(database, id);
}

function intendAgain(writing: Writing, id: string, event: EventDraft): void {
  writing.database.run(
    `UPDATE holds SET state = 'intended', intended_at = ?, writing_until = ?, in_force_at = NULL, releasing_for = NULL WHERE id = ?`,
    writing.now().toISOString(),
    leaseFrom(writing.now()),
    id,
  );
  appendAll(writing, [event]);
}

export function leave(
  writing: Writing,
  id: string,
  run: string,
  left: EventDraft,
  releasing: EventDraft,
): 'left' | 'last' | 'not a holder' {
  const { database } = writing;
  const { state, holders, releasingFor } = existing(database, id);
  if (releasingFor === run) return 'last';
  if (!isHeldFor(holders, run)) {
    return recorded(database, left.id) === undefined ? 'not a holder' : 'left';
  }
  if (state === 'closed') return 'not a holder';
  database.run('DELETE FROM holders WHERE hold = ? AND run = ?', id, run);
  if (holders.length > 1) {
    appendAll(writing, [left]);
    return 'left';
  }
  database.run(`UPDATE holds SET state = 'releasing', releasing_for = ? WHERE id = ?`, run, id);
  appendAll(writing, [releasing]);
  return 'last';
}

export function close(writing: Writing, id: string, run: string, outcome: string, event: EventDraft): Hold {
  const { database } = writing;
  const hold = existing(database, id);
  if (hold.state === 'closed' && recorded(database, event.id) !== undefined) return hold;
  mustBe(hold, ['intended', 'in force', 'releasing'], 'be closed');
  if (!mayClose(hold, run)) return hold;
  database.run(
    `UPDATE holds SET state = 'closed', closed_at = ?, outcome = ? WHERE id = ?`,
    writing.now().toISOString(),
    outcome,
    id,
  );
  appendAll(writing, [event]);
  return existing(database, id);
}

export function holdOf(database: Database, id: string): Hold | undefined {
  const row = rowOf(database, id);
  return row === undefined ? undefined : toHold(row);
}

export function openHold(database: Database, key: string): Hold | undefined {
  const row = database.all<Row>(`${select} WHERE key = ? AND state <> 'closed'`, key)[0];
  return row === undefined ? undefined : toHold(row);
}

export function holdsOf(database: Database, of: Parameters<Store['holds']>[0]): Hold[] {
  const wanted: [string, ...Value[]][] = [];
  if (of.state !== 'any') wanted.push([`state <> 'closed'`]);
  if (of.run !== undefined) wanted.push(['run = ?', of.run]);
  if (of.incident !== undefined) wanted.push([`(incident = ? OR ${heldFor('incident')})`, of.incident, of.incident]);
  if (of.holder !== undefined) wanted.push([`(releasing_for = ? OR ${heldFor('run')})`, of.holder, of.holder]);
  const where = ['1', ...wanted.map(([sql]) => sql)].join(' AND ');
  const values = wanted.flatMap(([, ...bound]) => bound);
  return database.all<Row>(`${select} WHERE ${where} ORDER BY number`, ...values).map(toHold);
}

function heldFor(column: 'run' | 'incident'): string {
  return `EXISTS (SELECT 1 FROM holders WHERE hold = holds.id AND holders.${column} = ?)`;
}

function addHolder(database: Database, hold: string, holder: Holder): void {
  database.run(
    'INSERT INTO holders (hold, run, incident, body) VALUES (?, ?, ?, ?)',
    hold,
    holder.run,
    holder.incident,
    canonical(holder),
  );
}

function rowOf(database: Database, id: string): Row | undefined {
  return database.all<Row>(`${select} WHERE id = ?`, id)[0];
}

function existing(database: Database, id: string): Hold {
  return mustExist(holdOf(database, id), id);
}

function toHold(row: Row): Hold {
  return holdFrom(row, JSON.parse(row.holders) as Holder[]);
}
