/** The rules of holding that every store keeps, whatever it is made of: who may join, which step may follow which state. */
import { FirebreakError } from '../core/errors.js';
import type { Hold, Holder, HoldState } from '../core/hold.js';
import type { Iso, Json } from '../core/json.js';
import type { HoldDraft } from './store.js';

/** A hold as a store keeps it, beside its holders. */
export interface HoldRow {
  id: string;
  state: HoldState;
  body: string;
  observed: string | null;
  intended_at: Iso;
  in_force_at: Iso | null;
  differs_since: Iso | null;
  writing_until: Iso | null;
  closed_at: Iso | null;
  outcome: string | null;
  releasing_for: string | null;
}

export function holdFrom(row: HoldRow, holders: Holder[]): Hold {
  const body = JSON.parse(row.body) as Omit<HoldDraft, 'holders'>;
  return {
    ...body,
    version: 1,
    containing: body.containing || (!body.oneWay && holders.some((holder) => holder.containing === true)),
    holders,
    state: row.state,
    intendedAt: row.intended_at,
    ...(row.observed === null ? {} : { observed: JSON.parse(row.observed) as Json }),
    ...(row.differs_since === null ? {} : { differsSince: row.differs_since }),
    ...(row.writing_until === null ? {} : { writingUntil: row.writing_until }),
    ...(row.in_force_at === null ? {} : { inForceAt: row.in_force_at }),
    ...(row.state === 'releasing' && row.releasing_for !== null ? { releasingFor: row.releasing_for } : {}),
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
  };
}

/** As it stands right after it was intended, by whoever writes it now. */
export function intendedHold(draft: HoldDraft, now: Date): Hold {
  const { holders, containing, oneWay } = draft;
  return {
    ...draft,
    version: 1,
    containing: containing || (!oneWay && holders.some((holder) => holder.containing === true)),
    state: 'intended',
    intendedAt: now.toISOString(),
    writingUntil: leaseFrom(now),
  };
}

/** As it stands right after it came into force. */
export function holdInForce(intended: Hold, observed: Json | undefined, now: Date): Hold {
  const { differsSince: _differs, writingUntil: _writing, observed: _before, ...hold } = intended;
  return { ...hold, state: 'in force', inForceAt: now.toISOString(), ...(observed === undefined ? {} : { observed }) };
}

/** For how long an executor that said it writes is believed to be at it, in milliseconds; it says so again while it is. */
const writeLeaseMs = 15_000;

export function leaseFrom(now: Date): Iso {
  return new Date(now.getTime() + writeLeaseMs).toISOString();
}

/** Nothing is written any more once it is being released; but whoever is in the middle of it may say that it goes on. */
export function mayWrite({ state, writingUntil }: Hold, since: 'now' | 'before', now: Date): boolean {
  if (since === 'now' || state === 'intended') return state === 'intended';
  return state === 'releasing' && writingUntil !== undefined && now.toISOString() < writingUntil;
}

export function canJoin({ state, holders }: Hold, run: string): boolean {
  return state !== 'releasing' && state !== 'closed' && !isHeldFor(holders, run);
}

/** Whether a run may close it: nobody else holds it, and nobody has taken it back from the run's release. */
export function mayClose({ state, holders, releasingFor }: Hold, run: string): boolean {
  return state === 'releasing' ? releasingFor === run : holders.every((holder) => holder.run === run);
}

export function isHeldFor(holders: Holder[], run: string): boolean {
  return holders.some((holder) => holder.run === run);
}

export function mustExist(hold: Hold | undefined, id: string): Hold {
  if (hold !== undefined) return hold;
  throw new FirebreakError('hold.unknown', `There is no hold ${id} in the journal.`, {
    nextStep: 'list the holds with `firebreak holds`.',
    target: id,
  });
}

export function mustBe(hold: Hold, states: HoldState[], shall: string): void {
  if (states.includes(hold.state)) return;
  throw new FirebreakError('hold.wrong-state', `Hold ${hold.id} of ${hold.key} is ${hold.state} and cannot ${shall}.`, {
    nextStep: 'read the hold again; another run has taken it further meanwhile.',
    target: hold.key,
  });
}

/** For a draft whose id is that of a closed hold. */
export function idReused({ id, key }: HoldDraft): FirebreakError {
  return new FirebreakError('hold.id-reused', `Hold ${id} is already in the journal, and closed (this is a bug).`, {
    nextStep: 'give the new hold an id of its own.',
    target: key,
  });
}
