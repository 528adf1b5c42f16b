/** Units by name and kind, for the engine. */
import { FirebreakError } from '../core/errors.js';
import type { UnitName } from '../core/change.js';
import type { AnyAction, AnyCheck, AnyCollector } from './define-action.js';
import { unitNamed } from './index.js';

export function actionOf(name: UnitName): AnyAction {
  const unit = unitNamed(name);
  if (unit.kind === 'action') return unit;
  throw wrongKind(name, 'changes nothing');
}

export function collectorOf(name: UnitName): AnyCollector {
  const unit = unitNamed(name);
  if (unit.kind === 'collector') return unit;
  throw wrongKind(name, 'collects nothing');
}

export function checkOf(name: UnitName): AnyCheck {
  const unit = unitNamed(name);
  if (unit.kind === 'check') return unit;
  throw wrongKind(name, 'checks nothing');
}

function wrongKind(name: UnitName, what: string): FirebreakError {
  return new FirebreakError('unit.wrong-kind', `${name} ${what}.`, {
    nextStep: 'name another unit in the runbook; see `firebreak explain`.',
  });
}
