/** Whether somebody alive may be writing what a hold is about. */
import type { Hold } from '../core/hold.js';

/** Much longer than a write takes when AWS answers; one that throttling makes longer is found by its own reading back. */
const underWayMs = 15_000;

/** True of an intended hold that is younger than a write takes; an older one was cut short. */
export function mayBeUnderWay({ state, intendedAt }: Hold): boolean {
  return state === 'intended' && Date.now() - Date.parse(intendedAt) < underWayMs;
}
