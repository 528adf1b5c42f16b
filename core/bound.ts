/**
 * What people agree to where targets are still to be found: a unit of one step, and a number of targets at most. Which list they
 * come from, and what is done to each, is the runbook's, which the launch fixes.
 */
import type { OnFailure, UnitName } from './change.js';
import type { Risk } from './risk.js';
import type { Step } from './runbook.js';

export interface BoundEffect {
  kind: 'bound';
  step: string;
  unit: UnitName;
  atMost: number;
  risk: Risk;
  onFailure: OnFailure;
}

/**
 * What a gate can ask about a step whose targets nobody knows yet. Undefined where it must wait for them: without a bound, or
 * where what is done cannot be taken back, for then people agree to each target.
 */
export function boundOf({ id, work, bound, onFailure }: Step, risk: Risk): BoundEffect | undefined {
  if (work.kind !== 'change' || bound === undefined || risk === 'irreversible') return undefined;
  return { kind: 'bound', step: id, unit: work.unit, atMost: bound, risk, onFailure };
}
