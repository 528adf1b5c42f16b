/** How far the steps of a run have come, change by change, folded from its events as they arrive. */
import type { Event } from '../../core/event.js';

export interface StepProgress {
  /** Changes that ended as they should, and those that did not, by target and aspect. */
  good: Set<string>;
  bad: Set<string>;
  /** Begun and not ended, the oldest first. */
  underWay: Set<string>;
}

export type Progress = ReadonlyMap<string, StepProgress>;

/** One event further; a change that is tried again is under way again. */
export function advance(progress: Progress, { action, step, target, outcome, data }: Event): Progress {
  if (step === undefined || target === undefined) return progress;
  if (action !== 'hold.intended' && action !== 'change.settled') return progress;
  const aspect = data?.['aspect'];
  const change = `${target.type} ${target.id}${typeof aspect === 'string' ? ` ${aspect}` : ''}`;
  const { good, bad, underWay } = progress.get(step) ?? { good: new Set(), bad: new Set(), underWay: new Set() };
  for (const each of [good, bad, underWay]) each.delete(change);
  if (action === 'hold.intended') underWay.add(change);
  else if (outcome === 'applied' || outcome === 'already') good.add(change);
  else bad.add(change);
  return new Map(progress).set(step, { good, bad, underWay });
}
