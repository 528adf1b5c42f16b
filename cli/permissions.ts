/**
 * `permissions [RUNBOOK|UNIT...]`: the least IAM policy under which they work, for the credentials of their executor; offline.
 * Without names it is the policy of every unit there is, which is what an executor of all runbooks needs.
 */
import { unitNamed, units } from '../activities/index.js';
import type { AnyUnit } from '../activities/define-action.js';
import { policyOf, unitsOf } from '../activities/permissions.js';
import { catalogOf } from '../compiler/catalog.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { findRunbook } from './find-runbook.js';
import type { Call } from './perform.js';

export async function permissions({ out }: Call, names: string[]): Promise<ExitCode> {
  const named = await Promise.all(names.map(unitsNamed));
  const wanted = names.length === 0 ? units : [...new Set(named.flat())];
  const policy = policyOf(wanted);
  // The policy alone on stdout, so that it can go into a file as it is.
  out.answer({ units: wanted.map(({ name }) => name), policy }, [JSON.stringify(policy, null, 2)]);
  return exitCodes.done;
}

/** A unit's name has its major, `aws.isolate-instance@1`; no runbook and no file of one has. */
async function unitsNamed(name: string): Promise<AnyUnit[]> {
  return /@\d+$/.test(name) ? [unitNamed(name)] : unitsOf(await findRunbook(name, catalogOf(units)));
}
