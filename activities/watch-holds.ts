/**
 * Looks after a containment while it is in force: what differs from what is held is an event, told to the owner, and settled
 * again, so many times an hour at most; each side of a target by itself, so that flips of one use up nothing of another. A hold
 * that was intended and never finished is finished forward here, whatever became of its run; a part that appeared since is
 * settled under the original warrant, if that still stands.
 */
import { same } from '../core/canonical.js';
import { changeKey } from '../core/change.js';
import type { LimitReached } from '../core/event-data.js';
import type { Hold } from '../core/hold.js';
import type { Iso, JsonObject } from '../core/json.js';
import type { PlannedChange } from '../core/plan.js';
import { limitReached, type SettleLimit } from '../core/settle-limit.js';
import { type Attempt, settleContext } from './attempt.js';
import { actionOfStep, grantOf, refuseOtherUnit } from './grant.js';
import type { WatchInput, WatchResult } from './contract.js';
import type { AnyAction } from './define-action.js';
import type { ExecutorDeps } from './deps.js';
import { draft } from './drafts.js';
import { errorOf, isGone } from './failures.js';
import { actionOf } from './find-unit.js';
import { loadPlan, planItems } from './plan-step.js';
import { refuseProtected } from './protected.js';
import { settleAll } from './settle.js';
import { mayBeUnderWay, whileUnderWay } from './under-way.js';

const hourMs = 60 * 60_000;

export async function watchHolds(deps: ExecutorDeps, input: WatchInput, attempt: Attempt): Promise<WatchResult> {
  const held = await deps.store.holds({ holder: input.run.run, state: 'open' });
  const mine = held.filter((hold) => hold.target.system === deps.system && hold.containing && isOfStep(hold, input));
  for (const hold of mine) await lookAt(hold, deps, input, attempt);
  await lookForParts(mine, deps, input, attempt);
  const open = (await deps.store.holds({ holder: input.run.run, state: 'open' })).filter((hold) => hold.containing);
  return { open: open.length, ended: await hasEnded(deps, input) };
}

async function hasEnded({ store }: ExecutorDeps, { run }: WatchInput): Promise<boolean> {
  return (await store.events({ run: run.run, actions: ['run.done', 'run.failed', 'run.cancelled'] })).length > 0;
}

function isOfStep({ holders }: Hold, { run, step }: WatchInput): boolean {
  return holders.some((holder) => holder.run === run.run && holder.step === step);
}

async function lookAt(hold: Hold, deps: ExecutorDeps, input: WatchInput, attempt: Attempt): Promise<void> {
  if (hold.state === 'releasing' || mayBeUnderWay(hold)) return;
  const action = actionOf(hold.unit);
  try {
    refuseProtected((await deps.bundle()).installation.protected, hold.target, hold.item, hold.target.system);
    const now = await action.read(hold.target, hold, attempt.world);
    if (same(now.state, hold.after)) {
      if (hold.state === 'intended') await markInForce(hold, deps, input);
      else if (hold.differsSince !== undefined) await deps.store.differs(hold.id, false);
      return;
    }
    await deps.store.differs(hold.id, true);
    await say(deps, input, hold, 'containment.differs', {
      says: `${hold.target.id} is not as held`,
      found: now.state,
      held: hold.after,
    });
  } catch (error) {
    if (attempt.signal.aborted) throw error;
    await sayUnseen(deps, input, hold, error);
    return;
  }
  try {
    await settleAgain(hold, action, deps, input, attempt);
  } catch (error) {
    if (attempt.signal.aborted) throw error;
    await say(deps, input, hold, 'containment.not-settled', {
      says: `${hold.target.id} could not be put back into containment; it is tried again at the next look`,
      error: errorOf(error),
    });
  }
}

/** That a target is gone is told once; that it cannot be looked at is told at each look, and pages once an hour for each reason. */
async function sayUnseen(deps: ExecutorDeps, input: WatchInput, hold: Hold, error: unknown): Promise<void> {
  if (isGone(error)) {
    const says = `${hold.target.id} is not there any more: ${errorOf(error).message} A release closes its hold`;
    await say(
      deps,
      input,
      hold,
      'containment.differs',
      { says, error: errorOf(error) },
      { event: 'gone', page: 'gone' },
    );
    return;
  }
  const { code } = errorOf(error);
  await say(
    deps,
    input,
    hold,
    'containment.differs',
    { says: `${hold.target.id} could not be looked at`, error: errorOf(error) },
    { event: `unseen/${input.look}`, page: `unseen/${code}/${hourNow()}` },
  );
}

/**
 * No warrant is asked for: the hold's row is an executor's own word that it was approved, and it only goes forward. The limit is
 * for what somebody flips back; a write of ours that was cut short is finished however often that takes.
 */
async function settleAgain(
  hold: Hold,
  action: AnyAction,
  deps: ExecutorDeps,
  input: WatchInput,
  attempt: Attempt,
): Promise<void> {
  const limit =
    hold.state === 'in force'
      ? limitReached(await timesPutBack(hold, deps, input), input.settlesPerHour, Date.now())
      : undefined;
  if (limit !== undefined) return sayLimit(deps, input, hold, limit);
  // Intended again before the write: cut short in the middle, it is finished forward, by the next look or by a release. Somebody
  // may have begun to release it since it was listed; once this is on record, a release waits until the write is over.
  const mine = await deps.store.reopen(
    hold.id,
    draft(input.run, {
      id: `${hold.id}/reopened/${input.look}`,
      actor: actorOf(deps),
      action: 'hold.reopened',
      step: input.step,
      target: hold.target,
      data: { hold: hold.id },
    }),
  );
  if (mine === undefined) return;
  const written = await whileUnderWay(deps.store, mine, () =>
    action.write(hold.target, hold.after, mine, attempt.world),
  );
  if (written === undefined) return;
  const back = await action.read(hold.target, mine, attempt.world);
  const shown = same(back.state, hold.after);
  if (shown) await markInForce(mine, deps, input);
  await say(deps, input, hold, 'containment.settled-again', {
    says: shown ? `${hold.target.id} was put back into containment` : `${hold.target.id} could not be put back`,
    shown: shown ? 'read back' : 'no',
  });
}

/** Counted from the journal, which outlives every worker and every execution of the containment. */
async function timesPutBack({ id }: Hold, { store }: ExecutorDeps, { run }: WatchInput): Promise<Iso[]> {
  const reopened = await store.events({ run: run.run, actions: ['hold.reopened'] });
  return reopened.filter(({ data }) => data?.['hold'] === id).map(({ recordedAt }) => recordedAt);
}

/**
 * Parts of an item that this run still holds, and that were never held for it. What was released, or kept as somebody left it,
 * did not appear since: people agreed to let it go, perhaps while the rest is still on its way.
 */
async function lookForParts(mine: Hold[], deps: ExecutorDeps, input: WatchInput, attempt: Attempt): Promise<void> {
  const bundle = await deps.bundle();
  const plan = await loadPlan(deps.store, input.plan, input.run.run, input.step);
  const unit = plan.changes[0]?.unit;
  if (unit === undefined || !actionOf(unit).partsOpen) return;
  const standing = mine.filter((hold) => hold.unit === unit && hold.state !== 'releasing');
  const items = plan.items.filter((item) => standing.some((hold) => same(hold.item, item)));
  if (items.length === 0) return;
  const { changes } = await planItems(actionOf(unit), items, {
    store: deps.store,
    world: attempt.world,
    system: deps.system,
    protected: bundle.installation.protected,
    onFailure: plan.onFailure,
  });
  const heldOnce = await everHeld(deps, input);
  const fresh: PlannedChange[] = [];
  for (const change of changes.filter((each) => each.standing !== 'already' && !heldOnce.has(changeKey(each)))) {
    if ((await deps.store.openHold(changeKey(change))) === undefined) fresh.push(change);
  }
  if (fresh.length === 0) return;
  for (const change of fresh)
    await say(deps, input, change, 'containment.differs', {
      says: `${change.target.id} appeared and is not contained`,
      found: change.before,
    });
  try {
    const grant = await grantOf(deps, bundle, input, 'passing');
    refuseOtherUnit(plan, actionOfStep(grant));
    const outcomes = await settleAll(fresh, {
      ...settleContext(deps, bundle, input, grant, attempt),
      actionOf: () => actionOfStep(grant),
      look: `watch-${input.look}`,
    });
    for (const outcome of outcomes)
      await say(deps, input, outcome, 'containment.settled-again', {
        says: `${outcome.target.id}: ${outcome.status}`,
        shown: outcome.shown,
      });
  } catch (error) {
    if (attempt.signal.aborted) throw error;
    for (const change of fresh)
      await say(deps, input, change, 'containment.limit-reached', {
        says: `${change.target.id} is not covered by the approval any more; a person must look`,
        error: errorOf(error),
      });
  }
}

/** Sides of targets that this run took or joined a hold on, whatever became of it. */
async function everHeld({ store }: ExecutorDeps, { run, step }: WatchInput): Promise<Set<string>> {
  const taken = await store.holds({ run: run.run, state: 'any' });
  const settled = (await store.outcomes(run.run, step)).filter(({ hold }) => hold !== undefined);
  return new Set([...taken, ...settled].map(({ key }) => key));
}

async function markInForce(hold: Hold, deps: ExecutorDeps, input: WatchInput): Promise<void> {
  const at = {
    id: `${hold.id}/in-force/${hold.intendedAt}`,
    actor: actorOf(deps),
    action: 'hold.in-force' as const,
    step: input.step,
    target: hold.target,
    data: { hold: hold.id },
  };
  await deps.store.inForce(hold.id, hold.observed, draft(input.run, at));
}

async function sayLimit(deps: ExecutorDeps, input: WatchInput, hold: Hold, { until }: SettleLimit): Promise<void> {
  const why =
    until === undefined
      ? 'nothing is put back by itself here'
      : `it was put back ${input.settlesPerHour} times in an hour, and will be again after ${until}`;
  const says = `${hold.target.id} is not as held: ${why}; a person must see who changes it`;
  const data: LimitReached = { says, hold: hold.id, ...(until === undefined ? {} : { until }) };
  const as = { event: `${input.look}`, page: `limit/${hourNow()}` };
  await say(deps, input, hold, 'containment.limit-reached', data, as);
}

function hourNow(): number {
  return Math.floor(Date.now() / hourMs);
}

type Side = { target: Hold['target']; aspect: string };

/** `as` names the event and its page where this look is not what makes them one. */
async function say(
  deps: ExecutorDeps,
  input: WatchInput,
  of: Side,
  action: 'containment.differs' | 'containment.settled-again' | 'containment.not-settled' | 'containment.limit-reached',
  data: object,
  as: { event: string; page: string } = { event: `${input.look}`, page: `${input.look}` },
): Promise<void> {
  const event = draft(input.run, {
    id: `${changeKey(of)}/${action}/${as.event}`,
    actor: actorOf(deps),
    action,
    step: input.step,
    target: of.target,
    data: JSON.parse(JSON.stringify(data)) as JsonObject,
  });
  const events = [event];
  if (action !== 'containment.settled-again') {
    const { says } = data as { says: string };
    events.push(
      draft(input.run, {
        id: `${changeKey(of)}/paged/${action}/${as.page}`,
        actor: actorOf(deps),
        action: 'owner.paged',
        step: input.step,
        target: of.target,
        data: { owner: input.owner, says },
      }),
    );
  }
  await deps.store.append(events);
}

function actorOf(deps: ExecutorDeps): string {
  return `executor:${deps.system}`;
}
