/** How a step stands, from how its changes ended. */
import type { Outcome } from './change.js';

export interface Counts {
  applied: number;
  already: number;
  moved: number;
  failed: number;
  outside: number;
  left: number;
  /** Neither probed nor read back: not success. */
  unshown: number;
}

export const noCounts: Counts = { applied: 0, already: 0, moved: 0, failed: 0, outside: 0, left: 0, unshown: 0 };

export function countOutcomes(outcomes: Pick<Outcome, 'status' | 'shown'>[]): Counts {
  return outcomes.reduce<Counts>((counts, { status, shown }) => {
    const unshown = (status === 'applied' || status === 'already') && shown === 'no' ? 1 : 0;
    return { ...counts, [status]: counts[status] + 1, unshown: counts.unshown + unshown };
  }, noCounts);
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    applied: a.applied + b.applied,
    already: a.already + b.already,
    moved: a.moved + b.moved,
    failed: a.failed + b.failed,
    outside: a.outside + b.outside,
    left: a.left + b.left,
    unshown: a.unshown + b.unshown,
  };
}

/** `done` needs every change shown, and at least one: a rule over an empty set refuses. */
export function stateOf(counts: Counts): 'done' | 'partial' | 'failed' {
  const good = counts.applied + counts.already + counts.left - counts.unshown;
  const bad = counts.moved + counts.failed + counts.outside + counts.unshown;
  if (bad === 0 && good > 0) return 'done';
  return good > 0 ? 'partial' : 'failed';
}
