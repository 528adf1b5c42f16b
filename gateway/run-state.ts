import type { RunState } from '../core/run-view.js';

/** Whether a run is over: nothing moves it any more. What it holds may still be in force. */
export function hasEnded(state: RunState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled' || state === 'refused';
}
