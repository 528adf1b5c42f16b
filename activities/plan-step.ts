/** Reads the world and says what a step would change; changes nothing. Large, so it is stored and named by digest. */
import pLimit from 'p-limit';
import { canonical, same } from '../core/canonical.js';
import { type Change, changeKey, effectOf, type OnFailure } from '../core/change.js';
import { derived } from '../core/derived.js';
import { FirebreakError } from '../core/errors.js';
import type { Protected } from '../core/installation.js';
import type { Digest, Json } from '../core/json.js';
import type { PlannedChange, PlanRef, StepPlan } from '../core/plan.js';
import { worst } from '../core/risk.js';
import { digestOf, effectDigest } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { AnyAction } from './define-action.js';
import { errorOf, isTransient } from './failures.js';
import { refuseProtected } from './protected.js';

/** Items read at once while planning. */
const itemsAtOnce = 8;

export interface PlanContext {
  store: Store;
  world: unknown;
  system: string;
  protected: Protected[];
  onFailure: OnFailure;
}

export interface PlannedItems {
  changes: PlannedChange[];
  failed: StepPlan['failed'];
}

/** Plans items of one unit. An item that cannot be planned fails alone; a system that does not answer fails the call. */
export async function planItems(action: AnyAction, items: Json[], context: PlanContext): Promise<PlannedItems> {
  const limit = pLimit(itemsAtOnce);
  const failed: StepPlan['failed'] = [];
  const changes = new Map<string, PlannedChange>();
  const planned = await Promise.all(items.map((item) => limit(() => planItem(action, item, context, failed))));
  // Equal changes of several items, such as one quarantine group for many hosts, are one change.
  for (const change of planned.flat()) if (!changes.has(changeKey(change))) changes.set(changeKey(change), change);
  return { changes: [...changes.values()], failed };
}

async function planItem(
  action: AnyAction,
  item: Json,
  context: PlanContext,
  failed: StepPlan['failed'],
): Promise<PlannedChange[]> {
  try {
    refuseProtected(context.protected, undefined, item, context.system);
    const input = parseInput(action, item);
    const planned = await action.plan(input, context.world);
    return await Promise.all(planned.map((each) => readBefore(action, item, each, context)));
  } catch (error) {
    if (isTransient(error)) throw error;
    failed.push({ item, ...errorOf(error) });
    return [];
  }
}

async function readBefore(
  action: AnyAction,
  item: Json,
  planned: Awaited<ReturnType<AnyAction['plan']>>[number],
  context: PlanContext,
): Promise<PlannedChange> {
  refuseProtected(context.protected, planned.target, item, context.system);
  const aspect = planned.aspect ?? action.aspect;
  const held = await context.store.openHold(changeKey({ target: planned.target, aspect }));
  const now = await action.read(planned.target, held, context.world);
  const change: Change = {
    unit: action.name,
    item,
    target: planned.target,
    aspect,
    before: now.state,
    after: planned.after,
    dependsOn: planned.dependsOn ?? [],
    risk: action.risk,
    guarded: action.guarded,
    oneWay: action.oneWay,
    partsOpen: action.partsOpen,
  };
  return {
    ...change,
    effect: effectDigest(effectOf(change, context.onFailure)),
    standing: same(now.state, planned.after) ? 'already' : 'change',
    ...(held === undefined ? {} : { hold: held.id }),
  };
}

/** Stores a plan and gives what a workflow may carry of it. */
export async function storePlan(store: Store, system: string, plan: StepPlan): Promise<PlanRef> {
  const id = digestOf(plan);
  await store.putDocument('plan', id, plan as unknown as Json);
  return refOf(id, system, plan);
}

function refOf(id: Digest, system: string, plan: StepPlan): PlanRef {
  return { id, step: plan.step, system, round: plan.round, ...sumOf(plan) };
}

const sumOf = derived(({ items, changes, failed, bound, settled }: StepPlan) => {
  const toChange = changes.filter((change) => change.standing !== 'already');
  return {
    items: items.length,
    toChange: toChange.length,
    already: changes.length - toChange.length,
    failed: failed.length,
    risk: worst([...toChange.map((change) => change.risk), ...(bound === undefined ? [] : [bound.risk])]),
    ...(bound === undefined ? {} : { atMost: bound.atMost }),
    ...(settled === undefined ? {} : { settled }),
  };
});

/** What of a plan is of these items. */
export function partOf(plan: StepPlan, items: Json[]): PlannedItems {
  const of = byItem(plan);
  const names = [...new Set(items.map((item) => canonical(item)))];
  return {
    changes: names.flatMap((name) => of.changes.get(name) ?? []),
    failed: names.flatMap((name) => of.failed.get(name) ?? []),
  };
}

const byItem = derived(({ changes, failed }: StepPlan) => ({ changes: grouped(changes), failed: grouped(failed) }));

function grouped<T extends { item: Json }>(list: T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of list) {
    const name = canonical(each.item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [each]);
    else group.push(each);
  }
  return groups;
}

/**
 * The stored plan of that digest. It must belong to the run and step that name it, and the reference must describe it: people
 * are shown the reference.
 */
export async function loadPlan(store: Store, ref: PlanRef, run: string, step: string): Promise<StepPlan> {
  const plan = (await store.document('plan', ref.id)) as unknown as StepPlan | undefined;
  if (plan !== undefined && plan.run === run && plan.step === step && same(ref, refOf(ref.id, ref.system, plan)))
    return plan;
  throw new FirebreakError('plan.unknown', `There is no plan ${ref.id} of step ${step} in ${run}.`, {
    nextStep: 'retry plans it anew.',
  });
}

function parseInput(action: AnyAction, item: Json): unknown {
  const parsed = action.input.safeParse(item);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FirebreakError(
    'input.invalid',
    `${action.name} cannot take ${JSON.stringify(item)}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`,
    {
      nextStep: 'correct the input and launch again.',
    },
  );
}
