/**
 * Holds: each step checks the state that it comes from, and is recorded in the transaction of its event. A step that is
 * repeated after a crash is told by its event, and answers as it did the first time.
 */
import { canonical } from '../../core/canonical.js';
import { FirebreakError } from '../../core/errors.js';
import type { EventDraft } from '../../core/event.js';
import type { Hold, Holder, HoldState } from '../../core/hold.js';
import type { Iso, Json } from '../../core/json.js';
import type { HoldDraft, Store } from '../store.js';
import { appendAll, recorded, type Writing } from './chains.js';
import type { Database, Value } from './database.js';

interface Row {
  id: string;
  state: HoldState;
  body: string;
  observed: string | null;
  intended_at: Iso;
  in_force_at: Iso | null;
  closed_at: Iso | null;
  outcome: string | null;
  releasing_for: string | null;
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
  if (rowOf(database, draft.id) !== undefined) {
    throw new FirebreakError(
      'hold.id-reused',
      `Hold ${draft.id} is already in the journal, and closed (this is a bug).`,
      {
        nextStep: 'give the new hold an id of its own.',
        target: draft.key,
      },
    );
  }
  const { holders, ...body } = draft;
  database.run(
    `INSERT INTO holds (id, key, run, incident, state, body, intended_at) VALUES (?, ?, ?, ?, 'intended', ?, ?)`,
    draft.id,
    draft.key,
    draft.origin.run,
    draft.origin.incident,
    canonical(body),
    writing.now().toISOString(),
  );
  for (const holder of holders) addHolder(database, draft.id, holder);
  appendAll(writing, [event]);
  return { hold: mustExist(database, draft.id), first: true };
}

export function join(writing: Writing, id: string, holder: Holder, event: EventDraft): boolean {
  const { database } = writing;
  const { state, holders } = mustExist(database, id);
  if (state === 'releasing' || state === 'closed' || holders.some(({ run }) => run === holder.run)) return false;
  addHolder(database, id, holder);
  appendAll(writing, [event]);
  return true;
}

/** Two writers may finish the same intended hold; the second finds it in force, and adds nothing. */
export function inForce(writing: Writing, id: string, observed: Json | undefined, event: EventDraft): Hold {
  const { database } = writing;
  const hold = mustExist(database, id);
  if (hold.state === 'in force') return hold;
  mustBe(hold, ['intended'], 'be in force');
  database.run(
    `UPDATE holds SET state = 'in force', in_force_at = ?, observed = ? WHERE id = ?`,
    writing.now().toISOString(),
    observed === undefined ? null : canonical(observed),
    id,
  );
  appendAll(writing, [event]);
  return mustExist(database, id);
}

export function leave(
  writing: Writing,
  id: string,
  run: string,
  left: EventDraft,
  releasing: EventDraft,
): 'left' | 'last' | 'not a holder' {
  const { database } = writing;
  const { state, holders } = mustExist(database, id);
  if (state === 'releasing' && rowOf(database, id)?.releasing_for === run) return 'last';
  if (!holders.some((holder) => holder.run === run)) {
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

export function close(writing: Writing, id: string, outcome: string, event: EventDraft): Hold {
  const { database } = writing;
  const hold = mustExist(database, id);
  if (hold.state === 'closed' && recorded(database, event.id) !== undefined) return hold;
  mustBe(hold, ['intended', 'in force', 'releasing'], 'be closed');
  database.run(
    `UPDATE holds SET state = 'closed', closed_at = ?, outcome = ? WHERE id = ?`,
    writing.now().toISOString(),
    outcome,
    id,
  );
  appendAll(writing, [event]);
  return mustExist(database, id);
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

function mustExist(database: Database, id: string): Hold {
  const hold = holdOf(database, id);
  if (hold !== undefined) return hold;
  throw new FirebreakError('hold.unknown', `There is no hold ${id} in the journal.`, {
    nextStep: 'list the holds with `firebreak holds`.',
    target: id,
  });
}

function mustBe(hold: Hold, states: HoldState[], shall: string): void {
  if (states.includes(hold.state)) return;
  throw new FirebreakError('hold.wrong-state', `Hold ${hold.id} of ${hold.key} is ${hold.state} and cannot ${shall}.`, {
    nextStep: 'read the hold again; another run has taken it further meanwhile.',
    target: hold.key,
  });
}

function toHold(row: Row): Hold {
  return {
    ...(JSON.parse(row.body) as Omit<HoldDraft, 'holders'>),
    version: 1,
    holders: JSON.parse(row.holders) as Holder[],
    state: row.state,
    intendedAt: row.intended_at,
    ...(row.observed === null ? {} : { observed: JSON.parse(row.observed) as Json }),
    ...(row.in_force_at === null ? {} : { inForceAt: row.in_force_at }),
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
  };
}
