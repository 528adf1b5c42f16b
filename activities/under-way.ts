/** Whether somebody alive may be writing what a hold is about. */
import type { Hold } from '../core/hold.js';

/** Longer than the write of any unit takes, its calls tried again included. */
const underWayMs = 15_000;

/** True of an intended hold that is younger than a write takes; an older one was cut short. */
export function mayBeUnderWay({ state, intendedAt }: Hold): boolean {
  return state === 'intended' && Date.now() - Date.parse(intendedAt) < underWayMs;
}
