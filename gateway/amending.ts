/** Amending: a run of the same runbook in the same incident, over what is added to the lists of another run, and that alone. */
import { canonical } from '../core/canonical.js';
import type { Digest, Json, JsonObject } from '../core/json.js';
import type { Installation } from '../core/installation.js';
import type { RunView } from '../core/run-view.js';
import type { InputType, Runbook } from '../core/runbook.js';
import { readInput } from '../compiler/inputs.js';
import type { Preparing } from './prepare.js';
import type { LaunchAsk } from './prepare-launch.js';
import { Refusal } from './refusal.js';
import { knownRun } from './views.js';

/** The inputs of that run, but of its lists only what is new; lists that do not grow are left out where they can be. */
export async function amendedInputs(
  { views, bundle }: Pick<Preparing, 'views' | 'bundle'>,
  runbook: Runbook,
  digest: Digest,
  { amends = '', inputs, reason }: LaunchAsk,
): Promise<JsonObject> {
  const base = await knownRun(views, amends);
  refuseOther(base, runbook, digest);
  const covered = [base, ...(await views.runs()).filter((view) => view.amends === base.run)];
  const added = Object.entries(inputs).map(([name, given]): [string, Json] => {
    const type = runbook.inputs[name];
    if (type?.type !== 'list')
      throw new Refusal(
        'amend.not-a-list',
        `"${name}" is no list of ${runbook.name}, and only lists can grow.`,
        `add to one of ${listsOf(runbook).join(', ')}.`,
      );
    return [name, newIn({ name, type, given }, covered, bundle.installation.targets)];
  });
  if (added.every(([, list]) => Array.isArray(list) && list.length === 0))
    throw new Refusal(
      'amend.nothing-new',
      `${base.run} has all of that already.`,
      `look at it: firebreak status ${base.run}`,
    );
  const kept = Object.entries(base.inputs as JsonObject).filter(([name]) => {
    const type = runbook.inputs[name];
    return type?.type !== 'list' || (type.optional !== true && inputs[name] === undefined);
  });
  const why = reason !== undefined && runbook.inputs['reason'] !== undefined ? { reason } : {};
  return { ...Object.fromEntries(kept), ...why, ...Object.fromEntries(added) };
}

function refuseOther(
  { run, verb, runbook: name, digest: launched, incident }: RunView,
  runbook: Runbook,
  digest: Digest,
): void {
  if (verb !== 'launch')
    throw new Refusal(
      'amend.no-launch',
      `${run} is a ${verb}, which nothing can be added to.`,
      `launch ${runbook.name} by itself.`,
    );
  if (launched !== digest)
    throw new Refusal(
      'amend.other-runbook',
      `${run} was launched with ${name === runbook.name ? 'another version of ' : ''}${name}.`,
      `launch by itself what is to be added: firebreak run ${runbook.name} --incident ${incident}`,
    );
}

interface Given {
  name: string;
  type: InputType;
  given: Json;
}

function newIn({ name, type, given }: Given, covered: RunView[], targets: Installation['targets']): Json[] {
  const { value, faults } = readInput(name, type, given, targets);
  if (faults.length > 0) throw new Refusal('inputs.invalid', `${faults.join('; ')}.`, 'correct what is to be added.');
  const there = new Set(covered.flatMap(({ inputs }) => entriesOf((inputs as JsonObject)[name])).map(canonical));
  return entriesOf(value).filter((entry) => !there.has(canonical(entry)));
}

function entriesOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function listsOf({ inputs }: Runbook): string[] {
  return Object.entries(inputs).flatMap(([name, { type }]) => (type === 'list' ? [name] : []));
}
