/** The inputs of a step's unit, one for each target of `for_each`. */
import { evaluate, stepsRead } from './expression.js';
import type { Json } from './json.js';
import { isByPerson, type Step } from './runbook.js';

/** Undefined when `for_each` is no list. */
export function itemsFrom({ forEach, work }: Step, names: Record<string, Json>): Json[] | undefined {
  if (work.kind === 'exchange' || isByPerson(work)) return [];
  const { with: template } = work;
  if (forEach === undefined) return [evaluate(template, names)];
  const list = evaluate(forEach, names);
  return Array.isArray(list) ? list.map((item) => evaluate(template, { ...names, item })) : undefined;
}

/** Whether they are known from what was launched alone, without the results of steps: whoever has the launch can work them out. */
export function followFromLaunch({ forEach, work }: Step): boolean {
  if (work.kind === 'exchange' || isByPerson(work)) return true;
  return [forEach, work.with].every((expr) => expr === undefined || stepsRead(expr).length === 0);
}
