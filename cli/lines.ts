/** Values and gates in the width of a terminal. */
import { canonical } from '../core/canonical.js';
import type { GateSpec } from '../core/gate.js';
import type { Json } from '../core/json.js';
import type { PlanAnswer } from '../gateway/api.js';
import { targetKey } from '../core/change.js';
import { table } from './table.js';

/** Characters of one state; longer ones are cut, with their end marked. */
const stateMax = 80;

export function short(value: Json): string {
  const text = typeof value === 'string' ? value : canonical(value);
  return text.length > stateMax ? `${text.slice(0, stateMax - 1)}…` : text;
}

export function whoDecides({ need, from, personalKeys }: GateSpec): string {
  return `${need} of ${from.join(', ')}${personalKeys > 0 ? `, ${personalKeys} with a key of their own` : ''}`;
}

/** Every change, also those that need none: whoever asks for the plan wants all of it. */
export function planTable({ steps }: PlanAnswer): string[] {
  const rows = steps.flatMap(({ step, changes }) =>
    changes.map(({ target, aspect, before, after, standing }) => [
      step,
      targetKey(target),
      aspect,
      short(before),
      short(after),
      standing,
    ]),
  );
  const failed = steps.flatMap((each) =>
    each.failed.map(({ item, message }) => `${each.step}: ${short(item)} could not be planned: ${message}`),
  );
  return [...table(['STEP', 'TARGET', 'ASPECT', 'BEFORE', 'AFTER', 'IS'], rows), ...failed];
}
