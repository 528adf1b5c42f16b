/** Facts of a run that several verbs tell. */
import type { AskView, RunView } from '../core/run-view.js';

/** A refused launch has no end of its own. */
export function hasEnded({ endedAt, state }: Pick<RunView, 'endedAt' | 'state'>): boolean {
  return endedAt !== undefined || state === 'refused';
}

/** Who has agreed at a gate and not taken it back, and how many are missing. */
export function awaited({ spec, decided }: AskView): { agreed: string[]; missing: number } {
  const approvals = new Set(decided.filter(({ verb }) => verb === 'approve').map(({ by }) => by));
  for (const { by, verb } of decided) if (verb === 'withdraw') approvals.delete(by);
  return { agreed: [...approvals], missing: Math.max(spec.need - approvals.size, 0) };
}
