/** The one place that knows what to do with what it finds. */
import pLimit from 'p-limit';
import { same } from '../core/canonical.js';
import { changeKey, type Outcome, type Shown } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import type { Hold, Holder, Origin } from '../core/hold.js';
import { shortId } from '../core/ids.js';
import type { Protected } from '../core/installation.js';
import type { Json } from '../core/json.js';
import type { PlannedChange } from '../core/plan.js';
import type { Store } from '../journal/store.js';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRef } from './contract.js';
import type { AnyAction, Reading } from './define-action.js';
import { draft } from './drafts.js';
import { errorOf } from './failures.js';
import { refuseProtected } from './protected.js';
import { whileUnderWay } from './under-way.js';

export interface SettleContext {
  store: Store;
  world: unknown;
  actionOf: (unit: string) => AnyAction;
  run: RunRef;
  step: string;
  origin: Origin;
  containing: boolean;
  protected: Protected[];
  /** Whether people agreed to this effect. */
  covers: (change: PlannedChange) => boolean;
  actor: string;
  attempt: number;
  /** Which look of the batch this is; names its events. */
  look: string;
  signal: AbortSignal;
}

interface Settling extends SettleContext {
  /** Changes that others depend on, once they were found settled and shown: of many hosts in one network all need the same. */
  settled: Set<string>;
}

/** Changes of one batch that may be under way at once; AWS throttles accounts, not connections. */
const changesAtOnce = 8;

/** Settles changes in the order that their dependencies ask for, as many at once as that allows. */
export async function settleAll(changes: PlannedChange[], context: SettleContext): Promise<Outcome[]> {
  const limit = pLimit(changesAtOnce);
  const settling: Settling = { ...context, settled: new Set() };
  const outcomes = new Map<string, Promise<Outcome>>();
  const byKey = new Map(changes.map((change) => [changeKey(change), change]));
  const start = (change: PlannedChange, above: string[]): Promise<Outcome> => {
    const key = changeKey(change);
    const running = outcomes.get(key);
    if (running !== undefined) return running;
    // A cycle cannot be waited for; it shows as an unsettled dependency, which is an outcome.
    const first = change.dependsOn.filter((needed) => byKey.has(needed) && !above.includes(needed));
    const mine = Promise.all(first.map((needed) => start(byKey.get(needed) as PlannedChange, [...above, key]))).then(
      () => limit(() => settle(change, settling)),
    );
    outcomes.set(key, mine);
    return mine;
  };
  const ends = await Promise.allSettled(changes.map((change) => start(change, [])));
  const ended = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  // In one write, also of a batch that was told to end: what has ended so far is kept. Holds are what a lost worker is told by.
  if (ended.length > 0) await context.store.putOutcomes(context.run.run, context.step, ended);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return ended;
}

/** Brings one change about, whatever an earlier attempt, a colleague or an attacker has done meanwhile. */
async function settle(change: PlannedChange, context: Settling): Promise<Outcome> {
  const startedAt = new Date().toISOString();
  try {
    context.signal.throwIfAborted();
    const ended = await settleOnce(change, context);
    if (isGood(ended)) context.settled.add(changeKey(change));
    return outcomeOf(change, context, startedAt, ended);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return outcomeOf(change, context, startedAt, { status: 'failed', shown: 'no', error: errorOf(error) });
  }
}

export type Ended = Pick<Outcome, 'status' | 'shown'> &
  Partial<Pick<Outcome, 'hold' | 'found' | 'observed' | 'error' | 'before'>>;

async function settleOnce(change: PlannedChange, context: Settling): Promise<Ended> {
  const { store, world } = context;
  const action = context.actionOf(change.unit);
  refuseProtected(context.protected, change.target, change.item, change.target.system);
  let held = await store.openHold(changeKey(change));
  if (held !== undefined && (!same(held.after, change.after) || (held.state === 'releasing' && !context.containing)))
    return movedUnderHold(held);
  if (held !== undefined && change.oneWay && !held.oneWay) return wouldComeBack(held);
  let now = await action.read(change.target, held, world);
  if (held?.state === 'releasing') {
    if (!same(now.state, change.after) && !context.covers(change))
      return { status: 'outside', shown: 'no', found: now.state };
    held = await takeBack(held, context);
    // Its release ended in this moment.
    if (held === undefined) return settleOnce(change, context);
  }
  // A creating write that was cut short may have made the thing without our seeing it yet.
  if (held?.state === 'intended' && action.readLagMs > 0 && !same(now.state, change.after)) {
    await sleep(action.readLagMs, undefined, { signal: context.signal });
    now = await action.read(change.target, held, world);
  }
  if (same(now.state, change.after)) {
    // Between the two reads another run may have held and written it; without joining, its release would lift ours.
    if (held === undefined && (await store.openHold(changeKey(change))) !== undefined)
      return settleOnce(change, context);
    if (change.adopted === true && held === undefined) return takeOver(change, action, now, context);
    return alreadySo(change, action, held, now.identity, context);
  }
  if (!context.covers(change)) return { status: 'outside', shown: 'no', found: now.state };
  const planned = change.adopted === true ? (change.found ?? change.after) : change.before;
  if (change.guarded && held === undefined && !same(now.state, planned)) {
    return { status: 'moved', shown: 'no', found: now.state, error: movedError(change) };
  }
  await refuseUnsettledDependencies(change, context);
  // Durable before the act, and the first `before` wins: a retry must not mistake our half-made work for the original.
  const { hold, first } =
    held === undefined ? await intend(change, putBack(change, now.state), context) : { hold: held, first: true };
  // Somebody was faster by a moment: what they hold decides.
  if (!first) return settleOnce(change, context);
  if (held !== undefined) await join(held, context);
  const mine = await reopen(hold, context);
  const written =
    mine &&
    (await whileUnderWay(
      store,
      mine,
      () => action.write(change.target, change.after, mine, world),
      held === undefined,
    ));
  // Its release began in this moment, or ended.
  if (mine === undefined || written === undefined) return settleOnce(change, context);
  return enforce(change, action, mine, written.observed, context);
}

/** Held as if we had made it, with the word of a person for what was there before; nothing is written. */
async function takeOver(
  change: PlannedChange,
  action: AnyAction,
  { state, identity }: Reading<Json>,
  context: Settling,
): Promise<Ended> {
  if (!context.covers(change)) return { status: 'outside', shown: 'no', found: state };
  const { hold, first } = await intend(change, change.before, context);
  return first ? enforce(change, action, hold, identity, context) : settleOnce(change, context);
}

/** What release will put back: what is found, or what was there before somebody did it by hand. */
function putBack({ adopted, before }: PlannedChange, found: Json): Json {
  return adopted === true ? before : found;
}

/** A hold in force is intended again before it is written anew: cut short there, nobody knows how it stands. */
async function reopen(hold: Hold, { store, run, step, actor }: SettleContext): Promise<Hold | undefined> {
  if (hold.state === 'intended') return hold;
  return store.reopen(
    hold.id,
    draft(run, {
      id: `${hold.id}/reopened/${hold.inForceAt}`,
      actor,
      action: 'hold.reopened',
      step,
      target: hold.target,
      data: { hold: hold.id },
    }),
  );
}

/** Reads back, marks the hold in force, probes. A hold that cannot be read back stays intended: status says unknown. */
async function enforce(
  change: PlannedChange,
  action: AnyAction,
  hold: Hold,
  observed: Json | undefined,
  context: SettleContext,
): Promise<Ended> {
  const { store, world, run, step } = context;
  const back = await action.read(change.target, hold, world);
  if (!same(back.state, change.after)) {
    throw new FirebreakError(
      'change.not-shown',
      `${change.target.id} was written but does not read back as intended.`,
      {
        nextStep: 'look at it; retry settles it again.',
        isTerminal: false,
        target: change.target.id,
      },
    );
  }
  const seen = observed ?? back.identity;
  await store.inForce(
    hold.id,
    seen,
    draft(run, {
      id: `${hold.id}/in-force/${hold.intendedAt}`,
      actor: context.actor,
      action: 'hold.in-force',
      step,
      target: change.target,
      data: { hold: hold.id, ...(seen === undefined ? {} : { observed: seen }) },
    }),
  );
  const shown = await show(change, action, context);
  if (shown === 'no') return { status: 'failed', shown, hold: hold.id, before: hold.before, error: probeError(change) };
  return {
    status: 'applied',
    shown,
    hold: hold.id,
    before: hold.before,
    ...(seen === undefined ? {} : { observed: seen }),
  };
}

async function alreadySo(
  change: PlannedChange,
  action: AnyAction,
  held: Hold | undefined,
  identity: Json | undefined,
  context: SettleContext,
): Promise<Ended> {
  // Nobody of ours holds it: it was somebody else's doing, and it stays theirs.
  if (held === undefined) {
    const shown = await show(change, action, context);
    return { status: 'already', shown, ...(identity === undefined ? {} : { observed: identity }) };
  }
  const ours = held.origin.run === context.run.run && held.origin.step === context.step;
  if (!ours) await join(held, context);
  if (held.state === 'intended') {
    const ended = await enforce(change, action, held, identity, context);
    return ours ? ended : { ...ended, status: ended.status === 'applied' ? 'already' : ended.status };
  }
  const shown = await show(change, action, context);
  const observed = held.observed ?? identity;
  return {
    status: ours ? 'applied' : 'already',
    shown,
    hold: held.id,
    before: held.before,
    ...(observed === undefined ? {} : { observed }),
  };
}

async function show(change: PlannedChange, action: AnyAction, { world }: SettleContext): Promise<Shown> {
  if (action.probe === undefined) return 'read back';
  const probed = await action.probe(change.target, change.after, world, change.item);
  if (probed === undefined) return 'read back';
  return probed.shown ? 'probed' : 'no';
}

async function intend(
  change: PlannedChange,
  found: Json,
  context: SettleContext,
): Promise<{ hold: Hold; first: boolean }> {
  const { run, step } = context;
  const id = shortId('hold', randomBytes(10));
  const { unit, item, target, aspect, risk, guarded, oneWay, partsOpen, after, dependsOn, adopted } = change;
  return context.store.intend(
    {
      id,
      key: changeKey(change),
      unit,
      item,
      target,
      aspect,
      risk,
      guarded,
      oneWay,
      partsOpen,
      dependsOn,
      containing: context.containing && !oneWay,
      planned: change.before,
      before: found,
      after,
      holders: [holderFor(context)],
      origin: context.origin,
    },
    draft(run, {
      id: `${id}/intended`,
      actor: context.actor,
      action: 'hold.intended',
      step,
      target,
      data: {
        hold: id,
        unit,
        aspect,
        planned: change.before,
        before: found,
        after,
        ...(adopted === true ? { adopted, says: 'done by hand, taken over' } : {}),
      },
    }),
  );
}

/**
 * People agreed to contain what others agreed to let go, and its release is not over, or never ended: the hold goes on, with
 * its first `before`, and the release finds that it is not its own any more.
 */
async function takeBack(open: Hold, context: SettleContext): Promise<Hold | undefined> {
  return context.store.reclaim(
    open.id,
    holderFor(context),
    draft(context.run, {
      id: `${open.id}/taken-back/${open.intendedAt}`,
      actor: context.actor,
      action: 'hold.taken-back',
      step: context.step,
      target: open.target,
      data: { hold: open.id },
    }),
  );
}

function holderFor({ run, step, containing }: SettleContext): Holder {
  return {
    run: run.run,
    incident: run.incident,
    step,
    requester: run.requester,
    since: new Date().toISOString(),
    ...(containing ? { containing } : {}),
  };
}

/** Becomes a holder of what is held, and says so. A second join of the same run is none. */
async function join(held: Hold, context: SettleContext): Promise<void> {
  const { store, run, step, actor } = context;
  if (held.holders.some((holder) => holder.run === run.run)) return;
  const event = draft(run, {
    id: `${held.id}/joined`,
    actor,
    action: 'hold.joined',
    step,
    target: held.target,
    data: { hold: held.id, holders: held.holders.map((each) => each.run) },
  });
  if (await store.join(held.id, holderFor(context), event)) return;
  const now = await store.hold(held.id);
  if (now?.holders.some((each) => each.run === run.run)) return;
  throw new FirebreakError('hold.being-released', `${held.target.id} is being released at this moment.`, {
    nextStep: 'wait for the release to end, then retry.',
    isTerminal: false,
    target: held.target.id,
  });
}

async function refuseUnsettledDependencies(change: PlannedChange, context: Settling): Promise<void> {
  for (const key of change.dependsOn) {
    if (context.settled.has(key) || (await isSettled(key, context))) {
      context.settled.add(key);
      continue;
    }
    throw new FirebreakError(
      'change.depends-on-unsettled',
      `${change.target.id} needs ${key} first, which is not settled and shown.`,
      {
        nextStep: 'see why that one failed; retry settles both.',
        target: change.target.id,
      },
    );
  }
}

async function isSettled(key: string, { store, run }: SettleContext): Promise<boolean> {
  if ((await store.openHold(key))?.state === 'in force') return true;
  const outcomes = await store.outcomes(run.run, undefined, key);
  return outcomes.some(isGood);
}

function isGood({ shown, status }: Pick<Outcome, 'shown' | 'status'>): boolean {
  return shown !== 'no' && (status === 'applied' || status === 'already');
}

function movedUnderHold(held: Hold): Ended {
  const releasing = held.state === 'releasing';
  return {
    status: 'moved',
    shown: 'no',
    hold: held.id,
    error: {
      code: releasing ? 'hold.being-released' : 'hold.other-state',
      message: releasing
        ? `${held.target.id} is being released.`
        : `${held.target.id} is held in another state by ${held.holders.map((each) => each.run).join(', ')}.`,
      nextStep: releasing
        ? 'wait for the release to end, then retry.'
        : `release that first: firebreak release ${held.origin.run}.`,
    },
  };
}

/** What is done for good must not be held by whom a release puts it back for. */
function wouldComeBack(held: Hold): Ended {
  return {
    status: 'moved',
    shown: 'no',
    hold: held.id,
    error: {
      code: 'hold.would-come-back',
      message: `${held.target.id} is held by ${held.holders.map((each) => each.run).join(', ')}, and its release would bring back what this does for good.`,
      nextStep: `release that first: firebreak release ${held.origin.run}; then retry.`,
    },
  };
}

function movedError(change: PlannedChange): { code: string; message: string; nextStep: string } {
  return {
    code: 'change.moved',
    message: `${change.target.id} is neither as planned nor as intended, and this change is guarded.`,
    nextStep: 'look at what changed it, then retry to plan it anew.',
  };
}

function probeError(change: PlannedChange): { code: string; message: string; nextStep: string } {
  return {
    code: 'change.probe-failed',
    message: `${change.target.id} reads back as intended, but the probe from outside does not show the effect.`,
    nextStep: 'treat it as not contained; look at what still reaches it.',
  };
}

function outcomeOf(change: PlannedChange, { attempt }: SettleContext, startedAt: string, ended: Ended): Outcome {
  const { unit, item, target, aspect, before, after } = change;
  const endedAt = new Date().toISOString();
  return {
    version: 1,
    key: changeKey(change),
    unit,
    item,
    target,
    aspect,
    before,
    after,
    attempt,
    startedAt,
    endedAt,
    ...ended,
  };
}
