/** Never saw off the branch: what the inventory protects is refused by the planner and again by the executor. */
import type { Target } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import type { Protected } from '../core/installation.js';
import { textsIn } from '../core/inventory.js';
import type { Json } from '../core/json.js';

/** Throws when the target, or anything that the item names, is protected. */
export function refuseProtected(list: Protected[], target: Target | undefined, item: Json, system: string): void {
  const hit = list.find(
    (each) =>
      each.target.system === system && (each.target.id === target?.id || textsIn(item).includes(each.target.id)),
  );
  if (hit === undefined) return;
  throw new FirebreakError('target.protected', `${hit.target.type} ${hit.target.id} is protected: ${hit.why}.`, {
    nextStep: 'leave it out, or take it from `protected` in firebreak.yaml if that is no longer true.',
    target: hit.target.id,
  });
}
