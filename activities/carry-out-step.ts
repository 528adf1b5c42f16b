/**
 * A batch of a step: judges the warrant, settles, then plans the same items again. What is left over inside the bound (an
 * interface attached meanwhile) is settled at once, a few times at most; what lies outside comes back, to be asked for in
 * another round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { canonical } from '../core/canonical.js';
import { changeKey, type Outcome } from '../core/change.js';
import type { Bundle } from '../core/installation.js';
import type { Json } from '../core/json.js';
import type { PlannedChange, StepPlan } from '../core/plan.js';
import { type Attempt, settleContext } from './attempt.js';
import type { CarryOutInput } from './contract.js';
import type { AnyAction } from './define-action.js';
import { refuseForeignItems } from './derived-items.js';
import type { ExecutorDeps } from './deps.js';
import { actionOfStep, grantOf, refuseOtherUnit } from './grant.js';
import { partOf, planItems } from './plan-step.js';
import { type SettleContext, settleAll } from './settle.js';

/** Looks after the first settling; what still moves then is a person's to see. */
const looksMax = 3;

export async function carryOutStep(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: CarryOutInput,
  plan: StepPlan,
  attempt: Attempt,
): Promise<Outcome[]> {
  const grant = await grantOf(deps, bundle, input, 'now');
  const items = plan.items.slice(input.from, input.to);
  await refuseForeignItems({ store: deps.store, run: input.run.run, ...grant, warrant: input.warrant }, items);
  const action = actionOfStep(grant);
  refuseOtherUnit(plan, action);
  const context = settleContext(deps, bundle, input, grant, attempt);
  const { changes, failed } = partOf(plan, items);
  const outcomes = await settleAll(changes, { ...context, look: '0' });
  for (const { item, ...error } of failed) outcomes.push(await itemFailed(input, action, item, error, context));
  return latest([...outcomes, ...(await lookAgain(deps, bundle, plan, action, items, outcomes, context))]);
}

/** Plans the items again until nothing is left that may be settled; what people did not agree to comes back as `outside`. */
async function lookAgain(
  deps: ExecutorDeps,
  bundle: Bundle,
  plan: StepPlan,
  action: AnyAction,
  items: Json[],
  before: Outcome[],
  context: SettleContext,
): Promise<Outcome[]> {
  const failedItems = new Set(plan.failed.map((each) => canonical(each.item)));
  const goodItems = items.filter((item) => !failedItems.has(canonical(item)));
  const found: Outcome[] = [];
  for (let look = 1; look <= looksMax; look += 1) {
    const { changes, failed } = await planItems(action, goodItems, planContext(deps, bundle, context, plan));
    const ended = new Map([...before, ...found].map((outcome) => [outcome.key, outcome]));
    const leftovers = changes.filter((change) => mayTryAgain(change, ended.get(changeKey(change))));
    for (const { item, ...error } of failed)
      if (!ended.has(itemKey(item))) found.push(await itemFailed({ step: context.step }, action, item, error, context));
    if (leftovers.length === 0) break;
    if (look > 1) await sleep(look * 500, undefined, { signal: context.signal });
    const settled = await settleAll(leftovers, { ...context, look: String(look) });
    found.push(...settled);
    // Nothing was written, so there is nothing new to see: a group that another batch made for many hosts is only joined.
    if (settled.every(({ status, shown }) => status === 'already' && shown !== 'no')) break;
  }
  return found;
}

/** A difference is settled again, unless it ended in a way that only a person or a new round can change. */
function mayTryAgain(change: PlannedChange, ended: Outcome | undefined): boolean {
  if (change.standing === 'already') return ended === undefined || ended.shown === 'no';
  return ended === undefined || (ended.status !== 'moved' && ended.status !== 'outside');
}

function planContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  context: SettleContext,
  plan: StepPlan,
): Parameters<typeof planItems>[2] {
  return {
    store: deps.store,
    world: context.world,
    system: deps.system,
    protected: bundle.installation.protected,
    onFailure: plan.onFailure,
  };
}

/** An item that could not even be planned is an outcome too: nothing is skipped silently. */
async function itemFailed(
  { step }: { step: string },
  action: AnyAction,
  item: Json,
  error: { code: string; message: string; nextStep?: string },
  context: SettleContext,
): Promise<Outcome> {
  const at = new Date().toISOString();
  const target = { system: action.name.split('.')[0] ?? '', type: 'item', id: canonical(item) };
  const outcome: Outcome = {
    version: 1,
    key: itemKey(item),
    unit: action.name,
    item,
    target,
    aspect: action.aspect,
    status: 'failed',
    shown: 'no',
    error,
    attempt: context.attempt,
    startedAt: at,
    endedAt: at,
  };
  await context.store.putOutcomes(context.run.run, step, [outcome]);
  return outcome;
}

function itemKey(item: Json): string {
  return `item:${canonical(item)}`;
}

/** The latest outcome of each key: a later look says how a change really ended. */
function latest(outcomes: Outcome[]): Outcome[] {
  return [...new Map(outcomes.map((outcome) => [outcome.key, outcome])).values()];
}
