/** The registry: every unit that exists, as a literal list, so that it can be read. */
import { closest } from 'fastest-levenshtein';
import { FirebreakError } from '../core/errors.js';
import { checkSnapshots } from './aws/check-snapshots.js';
import { collectInstance } from './aws/collect-instance.js';
import { containPrincipal } from './aws/contain-principal.js';
import { deactivateKey } from './aws/deactivate-key.js';
import { findInstances } from './aws/find-instances.js';
import { isolateInstance } from './aws/isolate-instance.js';
import { makeQuarantineGroup } from './aws/make-quarantine-group.js';
import { protectInstance } from './aws/protect-instance.js';
import { revokeRoleSessions } from './aws/revoke-role-sessions.js';
import { rotateAccessKey } from './aws/rotate-access-key.js';
import { snapshotInstance } from './aws/snapshot-instance.js';
import type { AnyUnit } from './define-action.js';

export const units: AnyUnit[] = [
  checkSnapshots,
  collectInstance,
  containPrincipal,
  deactivateKey,
  findInstances,
  isolateInstance,
  makeQuarantineGroup,
  protectInstance,
  revokeRoleSessions,
  rotateAccessKey,
  snapshotInstance,
];

export function unitNamed(name: string): AnyUnit {
  const found = units.find((unit) => unit.name === name);
  if (found !== undefined) return found;
  const nearest = closest(
    name,
    units.map((unit) => unit.name),
  );
  throw new FirebreakError('unit.unknown', `There is no unit "${name}".`, {
    nextStep: `write "${nearest}", if that is what was meant.`,
  });
}
