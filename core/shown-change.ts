/** A change as it is shown to people, with what is otherwise than somebody who reads before → after would take for granted. */
import { same } from './canonical.js';
import type { Known } from './inventory.js';
import type { Json } from './json.js';
import type { PlannedChange } from './plan.js';

export interface ShownChange extends PlannedChange {
  /** What the inventory calls its item, and whose that is. */
  known?: Known;
  /**
   * Of a change that puts back: what the plan that was approved then saw. `after` is what was found right before the first
   * write, and whoever came in between may have set it.
   */
  planned?: Json;
}

type Told = Pick<ShownChange, 'after' | 'found' | 'planned'> & Partial<Pick<ShownChange, 'before' | 'adopted'>>;

/** Whether what is there, or what would be put back, is not what people saw when they agreed. */
export function differs(change: Told): boolean {
  return differences(change).length > 0;
}

const adoptedSays = 'done by hand and taken over; as somebody tells it, a release puts back';

/** Each with its value: that it is taken over, with what is told of it; `found now`, where it is not `before`; `the approved plan saw`, where it did not see `after`. */
export function differences({ before, after, found, planned, adopted }: Told): { says: string; value: Json }[] {
  return [
    ...(adopted === true && before !== undefined ? [{ says: adoptedSays, value: before }] : []),
    ...(found === undefined ? [] : [{ says: 'found now', value: found }]),
    ...(planned === undefined || same(planned, after) ? [] : [{ says: 'the approved plan saw', value: planned }]),
  ];
}
