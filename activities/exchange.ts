/**
 * Release and undo: a change with `before` and `after` exchanged, guarded. Release goes over open holds and closes each with
 * its outcome; undo of what is no longer held is an ordinary settling of the exchanged change.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { same } from '../core/canonical.js';
import { type Outcome, effectOf } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import type { Hold } from '../core/hold.js';
import type { Json } from '../core/json.js';
import type { PlannedChange } from '../core/plan.js';
import { effectDigest } from '../journal/digest.js';
import type { AnyAction } from './define-action.js';
import { draft } from './drafts.js';
import { errorOf, isGone, isTransient } from './failures.js';
import { refuseProtected } from './protected.js';
import type { SettleContext } from './settle.js';
import { mayBeUnderWay } from './under-way.js';

/** Between two looks whether a write under way has ended, in milliseconds. */
const lookEveryMs = 250;

/** The exchanged change of a hold, with what is found on it where that differs. */
export async function planExchange(
  hold: Hold,
  runs: string[],
  action: AnyAction,
  world: unknown,
): Promise<PlannedChange> {
  const exchange = exchangeOf(hold, runs);
  try {
    const now = await action.read(hold.target, hold, world);
    return { ...exchange, ...(same(now.state, hold.after) ? {} : { found: now.state }) };
  } catch (error) {
    // One target that nobody can look at any more must not keep all others contained.
    if (isTransient(error)) throw error;
    return { ...exchange, found: isGone(error) ? { gone: error.message } : { unknown: errorOf(error).message } };
  }
}

/** What exchanging a hold means, from the hold alone; `leave` where other holders remain, so that nothing but the holder goes. */
export function exchangeOf(hold: Hold, runs: string[]): PlannedChange {
  const others = hold.holders.filter((holder) => !runs.includes(holder.run));
  const leaves = hold.state !== 'closed' && others.length > 0;
  const change = {
    unit: hold.unit,
    item: hold.item,
    target: hold.target,
    aspect: hold.aspect,
    before: hold.after,
    after: leaves ? ({ 'left to': others.map((holder) => holder.run) } as Json) : hold.before,
    dependsOn: [],
    risk: hold.risk,
    guarded: true,
    oneWay: false,
    // What is put back is approved for each target by itself: nothing that appeared later is inside.
    partsOpen: false,
  };
  return {
    ...change,
    effect: effectDigest(effectOf(change, 'continue')),
    standing: leaves ? 'leave' : 'change',
    hold: hold.id,
  };
}

/** Releases one hold for these runs, after an earlier attempt, a colleague's change, or a write that never ended. */
export async function releaseHold(change: PlannedChange, runs: string[], context: SettleContext): Promise<Outcome> {
  const startedAt = new Date().toISOString();
  const ended = await releaseOnce(change, runs, context).catch((error: unknown) => {
    if (context.signal.aborted) throw error;
    return { status: 'failed' as const, shown: 'no' as const, error: errorOf(error) };
  });
  const { unit, item, target, aspect, before, after } = change;
  const key = `${change.hold}`;
  const endedAt = new Date().toISOString();
  const outcome: Outcome = {
    version: 1,
    key,
    unit,
    item,
    target,
    aspect,
    before,
    after,
    attempt: context.attempt,
    startedAt,
    endedAt,
    ...ended,
  };
  await context.store.putOutcomes(context.run.run, context.step, [outcome]);
  return outcome;
}

type Ended = Pick<Outcome, 'status' | 'shown'> & Partial<Pick<Outcome, 'hold' | 'found' | 'error'>>;

async function releaseOnce(change: PlannedChange, runs: string[], context: SettleContext): Promise<Ended> {
  const { store, world } = context;
  const hold = await onceWritten(change.hold ?? '', context);
  if (hold === undefined) throw unknownHold(change);
  if (hold.state === 'closed')
    return { status: hold.outcome === 'kept as found' ? 'moved' : 'applied', shown: 'read back', hold: hold.id };
  // From the hold as it is now, not from the plan: what was approved must be what putting this hold back would do.
  const exchange = exchangeOf(hold, runs);
  if (!context.covers(exchange)) return { status: 'outside', shown: 'no', hold: hold.id };
  refuseProtected(context.protected, hold.target, hold.item, hold.target.system);
  // Who goes away last puts back; joining and this exclude each other in the store.
  let last = hold.releasingFor;
  for (const holder of runs.filter((each) => hold.holders.some((held) => held.run === each))) {
    if ((await leave(hold, holder, context)) === 'last') last = holder;
  }
  if (last === undefined) return { status: 'left', shown: 'read back', hold: hold.id };
  // Somebody may have begun to write it in this moment; nobody can from now on.
  const left = (await onceWritten(hold.id, context)) ?? hold;
  // Left to others when it was approved, and they have gone since: putting back was not agreed to.
  if (exchange.standing === 'leave') return { status: 'outside', shown: 'no', hold: hold.id };
  const action = context.actionOf(hold.unit);
  let now: { state: Json };
  try {
    now = await action.read(hold.target, hold, world);
  } catch (error) {
    if (!isGone(error)) throw error;
    await close(hold, last, 'gone', { gone: error.message }, context);
    return { status: 'already', shown: 'read back', hold: hold.id };
  }
  const unfinished = left.inForceAt === undefined;
  if (unfinished && !same(now.state, hold.after) && !same(now.state, hold.before)) {
    // Cut short on the way there: finished forward first, so that what is exchanged is a known state.
    await action.write(hold.target, hold.after, hold, world);
    now = await action.read(hold.target, hold, world);
  }
  if (same(now.state, hold.before)) {
    if (unfinished) await action.clearUp?.(hold.target, hold, world);
    return closed(hold, last, context);
  }
  if (!same(now.state, hold.after)) {
    await close(hold, last, 'kept as found', now.state, context);
    return { status: 'moved', shown: 'read back', hold: hold.id, found: now.state, error: keptError(hold) };
  }
  // Contained anew by others: what they agreed to stands.
  if ((await store.hold(hold.id))?.releasingFor !== last) return { status: 'left', shown: 'read back', hold: hold.id };
  await action.write(hold.target, hold.before, hold, world);
  const back = await action.read(hold.target, hold, world);
  if (!same(back.state, hold.before)) throw notBack(hold);
  const ended = await closed(hold, last, context);
  // They did so while this was being written.
  if (ended.status === 'left') await action.write(hold.target, hold.after, hold, world);
  return ended;
}

/** The hold, once no living executor can be in the middle of writing it: the watch may be at it in this moment. */
async function onceWritten(id: string, { store, signal }: SettleContext): Promise<Hold | undefined> {
  for (;;) {
    const hold = await store.hold(id);
    if (hold === undefined || !mayBeUnderWay(hold)) return hold;
    await sleep(lookEveryMs, undefined, { signal });
  }
}

async function leave(
  hold: Hold,
  holder: string,
  { store, run, step, actor }: SettleContext,
): Promise<'left' | 'last' | 'not a holder'> {
  const said = { actor, step, target: hold.target, data: { hold: hold.id, holder } };
  return store.leave(
    hold.id,
    holder,
    draft(run, { id: `${hold.id}/${holder}/left`, action: 'hold.left', ...said }),
    draft(run, { id: `${hold.id}/${holder}/releasing`, action: 'hold.releasing', ...said }),
  );
}

/** `left` where somebody has taken it back from this release meanwhile. */
async function closed(hold: Hold, last: string, context: SettleContext): Promise<Ended> {
  const { state } = await close(hold, last, 'released', hold.before, context);
  return { status: state === 'closed' ? 'applied' : 'left', shown: 'read back', hold: hold.id };
}

async function close(
  hold: Hold,
  last: string,
  outcome: string,
  found: Json,
  { store, run, step, actor }: SettleContext,
): Promise<Hold> {
  const data = {
    hold: hold.id,
    unit: hold.unit,
    aspect: hold.aspect,
    before: hold.after,
    after: found,
    ...(same(hold.planned, hold.before) ? {} : { planned: hold.planned }),
  };
  return store.close(
    hold.id,
    last,
    outcome,
    draft(run, { id: `${hold.id}/closed`, actor, action: 'hold.closed', step, target: hold.target, outcome, data }),
  );
}

function keptError(hold: Hold): { code: string; message: string; nextStep: string } {
  return {
    code: 'release.kept-as-found',
    message: `Could not release ${hold.target.id}: its ${hold.aspect} were changed after they were set and were left as they are.`,
    nextStep: `look at the change, then set them by hand; before the containment they were ${JSON.stringify(hold.before)}.`,
  };
}

function notBack(hold: Hold): FirebreakError {
  return new FirebreakError(
    'release.not-shown',
    `${hold.target.id} was written back but does not read back as before.`,
    {
      nextStep: 'look at it, then release again.',
      isTerminal: false,
      target: hold.target.id,
    },
  );
}

function unknownHold(change: PlannedChange): FirebreakError {
  return new FirebreakError('hold.unknown', `There is no hold ${change.hold} on ${change.target.id}.`, {
    nextStep: 'see `firebreak holds`.',
  });
}
