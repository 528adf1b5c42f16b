/** The changes that people are asked about, fetched from the store by the references that a run's view holds. */
import { same } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import { type Inventory, knownOf } from '../core/inventory.js';
import type { PlannedChange, PlanRef, StepPlan } from '../core/plan.js';
import type { AskView, RunView } from '../core/run-view.js';
import type { ShownChange } from '../core/shown-change.js';
import type { Store } from '../journal/store.js';
import type { PlanAnswer } from './api.js';
import { unknownName } from './unknown.js';

/**
 * The plan of one ask (by its id or its gate's name), by default of what asks now, otherwise the last plan of each step.
 * `plan` is what people sign; undefined where no single ask is meant.
 */
export async function planOf(
  store: Store,
  view: RunView,
  askName?: string,
  inventory: Inventory = {},
): Promise<PlanAnswer> {
  const asks = askName === undefined ? asking(view) : [askNamed(view, askName)];
  const refs =
    asks.length > 0
      ? asks.flatMap((ask) => ask.plans)
      : view.steps.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
  const steps = await Promise.all(refs.map((ref) => stepPlan(store, ref)));
  return {
    plan: asks.length === 1 ? asks[0]?.about.plan : undefined,
    steps: await Promise.all(
      steps.map(async ({ step, changes, failed, bound }) => ({
        step,
        changes: await Promise.all(changes.map((change) => shown(store, change, inventory))),
        failed: failed.map(({ item, code, message }) => ({ item, code, message })),
        ...(bound === undefined ? {} : { bound }),
      })),
    ),
  };
}

/** With its name in the inventory, and with what the hold knows of its plan, where the change puts back what the hold found. */
async function shown(store: Store, change: PlannedChange, inventory: Inventory): Promise<ShownChange> {
  const known = knownOf(inventory, change);
  const named = known === undefined ? change : { ...change, known };
  const hold = change.hold === undefined ? undefined : await store.hold(change.hold);
  return hold !== undefined && same(change.after, hold.before) ? { ...named, planned: hold.planned } : named;
}

export function asking(view: RunView): AskView[] {
  return view.asks.filter((ask) => ask.state === 'asking');
}

/** The ask of that id, or the latest at a gate of that name. */
function askNamed(view: RunView, name: string): AskView {
  const ask = view.asks.findLast((each) => each.id === name || each.about.gate === name);
  if (ask !== undefined) return ask;
  const gates = [...new Set(view.asks.map((each) => each.about.gate))];
  throw unknownName(
    'gate.unknown',
    `${view.run} has not asked at a gate "${name}"`,
    name,
    gates,
    `See \`firebreak status ${view.run}\`.`,
  );
}

async function stepPlan(store: Store, ref: PlanRef): Promise<StepPlan> {
  const plan = await store.document('plan', ref.id);
  if (plan !== undefined) return plan as unknown as StepPlan;
  throw new FirebreakError(
    'plan.missing',
    `The plan ${ref.id} of step "${ref.step}" is not in the store (this is a bug).`,
    {
      nextStep: 'decide nothing on it; plan again with `firebreak retry RUN`.',
    },
  );
}
