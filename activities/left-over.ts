/** What of a plan did not end well, so that a retry works on that alone and leaves all else as it is. */
import { canonical } from '../core/canonical.js';
import { changeKey, type Outcome } from '../core/change.js';
import { type Counts, countOutcomes, stateOf } from '../core/counts.js';
import type { Json } from '../core/json.js';
import type { PlanRef, StepPlan } from '../core/plan.js';
import type { Store } from '../journal/store.js';
import { loadPlan } from './plan-step.js';

export interface LeftOver {
  items: Json[];
  /** How the changes of the other items ended. */
  settled: Counts;
}

export async function leftOver(store: Store, ref: PlanRef, run: string, step: string): Promise<LeftOver> {
  const plan = await loadPlan(store, ref, run, step);
  const outcomes = await store.outcomes(run, step);
  const bad = new Set([...notPlanned(plan), ...notSettled(plan, outcomes), ...endedBadly(outcomes)]);
  return {
    items: plan.items.filter((item) => bad.has(canonical(item))),
    settled: countOutcomes(outcomes.filter(({ item }) => !bad.has(canonical(item)))),
  };
}

function notPlanned({ failed }: StepPlan): string[] {
  return failed.map(({ item }) => canonical(item));
}

/** Not come to: a ramp stopped before it, or the batch was cut short. */
function notSettled({ changes }: StepPlan, outcomes: Outcome[]): string[] {
  const ended = new Set(outcomes.map(({ key }) => key));
  return changes.filter((change) => !ended.has(changeKey(change))).map(({ item }) => canonical(item));
}

function endedBadly(outcomes: Outcome[]): string[] {
  return outcomes.filter((outcome) => stateOf(countOutcomes([outcome])) !== 'done').map(({ item }) => canonical(item));
}
