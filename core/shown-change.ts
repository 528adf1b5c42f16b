/** A change as it is shown to people, with what is otherwise than somebody who reads before → after would take for granted. */
import { same } from './canonical.js';
import type { Json } from './json.js';
import type { PlannedChange } from './plan.js';

export interface ShownChange extends PlannedChange {
  /**
   * Of a change that puts back: what the plan that was approved then saw. `after` is what was found right before the first
   * write, and whoever came in between may have set it.
   */
  planned?: Json;
}

type Told = Pick<ShownChange, 'after' | 'found' | 'planned'>;

/** Whether what is there, or what would be put back, is not what people saw when they agreed. */
export function differs(change: Told): boolean {
  return differences(change).length > 0;
}

/** Each with its value: `found now`, where it is not `before`; `the approved plan saw`, where it did not see `after`. */
export function differences({ after, found, planned }: Told): { says: string; value: Json }[] {
  return [
    ...(found === undefined ? [] : [{ says: 'found now', value: found }]),
    ...(planned === undefined || same(planned, after) ? [] : [{ says: 'the approved plan saw', value: planned }]),
  ];
}
