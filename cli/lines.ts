/** Values and gates in the width of a terminal. */
import { canonical } from '../core/canonical.js';
import type { GateSpec } from '../core/gate.js';
import type { Json } from '../core/json.js';
import { itemName } from '../core/reach.js';
import { differences, differs } from '../core/shown-change.js';
import type { PlanAnswer } from '../gateway/api.js';
import { targetKey } from '../core/change.js';
import { table } from './table.js';

/** Characters of one state; longer ones are cut, with their end marked. */
const stateMax = 80;

export function short(value: Json): string {
  const text = typeof value === 'string' ? value : canonical(value);
  return text.length > stateMax ? `${text.slice(0, stateMax - 1)}…` : text;
}

/** `change; found now: [...]`: what is otherwise stands beside what it puts into question. */
export function withDifferences(text: string, change: Parameters<typeof differences>[0]): string {
  return [text, ...differences(change).map(({ says, value }) => `${says}: ${short(value)}`)].join('; ');
}

export function whoDecides({ need, from, personalKeys }: GateSpec): string {
  return `${need} of ${from.join(', ')}${personalKeys > 0 ? `, ${personalKeys} with a key of their own` : ''}`;
}

/** Every change, also those that need none: whoever asks for the plan wants all of it, what is otherwise than planned first. */
export function planTable({ steps }: PlanAnswer): string[] {
  const rows = steps
    .flatMap(({ step, changes }) => changes.map((change) => ({ step, change })))
    .toSorted((a, b) => Number(differs(b.change)) - Number(differs(a.change)))
    .map(({ step, change }) => [
      step,
      itemName(change.item, change.known),
      targetKey(change.target),
      change.aspect,
      short(change.before),
      short(change.after),
      withDifferences(change.standing, change),
    ]);
  const toBeFound = steps.flatMap(({ step, bound }) =>
    bound === undefined ? [] : [`${step}: ${bound.unit} on up to ${bound.atMost} targets that are still to be found`],
  );
  const failed = steps.flatMap((each) =>
    each.failed.map(({ item, message }) => `${each.step}: ${short(item)} could not be planned: ${message}`),
  );
  return [...table(['STEP', 'ITEM', 'TARGET', 'ASPECT', 'BEFORE', 'AFTER', 'IS'], rows), ...toBeFound, ...failed];
}
