/** What a warrant grants for one step, and that the plan is of that step's unit. */
import { FirebreakError } from '../core/errors.js';
import type { Bundle } from '../core/installation.js';
import type { StepPlan } from '../core/plan.js';
import type { CarryOutInput } from './contract.js';
import type { AnyAction } from './define-action.js';
import type { ExecutorDeps } from './deps.js';
import { actionOf } from './find-unit.js';
import { refuse } from './refuse.js';
import { type Grant, judgeWarrant, type Question } from './warrant.js';

export async function grantOf(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  asOf: Question['asOf'],
): Promise<Grant> {
  return judgeWarrant(questionOf(deps, bundle, input, asOf), (step) =>
    step.work.kind === 'change' ? actionOf(step.work.unit).risk : 'read',
  );
}

export function questionOf(
  { store, system }: ExecutorDeps,
  bundle: Bundle,
  { run, step, warrant }: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  asOf: Question['asOf'],
): Question {
  return { store, bundle, system, run, step, warrant, asOf };
}

/** A plan is made for whoever asks, of any unit; people agreed to this step's, at the gate that its risk asks for. */
export function refuseOtherUnit({ changes, step }: StepPlan, { name }: AnyAction): void {
  const other = changes.find(({ unit }) => unit !== name);
  if (other !== undefined)
    throw refuse('warrant.other-unit', `Step "${step}" is ${name}; its plan has a change of ${other.unit}.`);
}

export function actionOfStep({ step }: Grant): AnyAction {
  if (step.work.kind !== 'change')
    throw new FirebreakError('step.changes-nothing', `Step "${step.id}" changes nothing (this is a bug).`, {
      nextStep: 'report it.',
    });
  return actionOf(step.work.unit);
}
