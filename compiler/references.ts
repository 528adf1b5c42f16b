/** What `firebreak.yaml` and `people.yaml` say of each other and of runbooks: checked once all of them are known. */
import type { Hook } from '../core/hook.js';
import type { Installation } from '../core/installation.js';
import type { Inventory } from '../core/inventory.js';
import { byHook, type People } from '../core/people.js';
import type { Runbook } from '../core/runbook.js';
import { readInput } from './inputs.js';
import { didYouMean, oneOf, type Problem } from './problem.js';
import { type Report, reportOn } from './report.js';
import { parseSource } from './source.js';

export interface ReferenceFiles {
  installation: { file: string; text: string };
  people: { file: string; text: string };
}

/** `runbooks` are those that compile; one that does not is a problem of its own. */
export function checkReferences(
  files: ReferenceFiles,
  { installation, people, runbooks }: { installation: Installation; people: People; runbooks: Runbook[] },
): Problem[] {
  return [
    ...reported(files.installation, (report) => {
      checkOwners(installation, people, report);
      for (const [name, hook] of Object.entries(installation.hooks ?? {}))
        checkHook(name, hook, { people, runbooks, targets: installation.targets ?? {} }, report);
    }),
    ...reported(files.people, (report) => checkServices(people, installation, runbooks, report)),
  ];
}

/** That a runbook is for other environments than this one, told where it says so: a slip in the name would be nothing else. */
export function notForHere(
  source: { file: string; text: string },
  { name, environments = [] }: Runbook,
  environment: string,
): Problem[] {
  return reported(source, (report) =>
    report.note(
      ['metadata', 'environments'],
      'runbook.other-environment',
      `${name} cannot be launched here, in "${environment}"${didYouMean(environment, environments)}`,
      `Add "${environment}" if it is for here, too.`,
    ),
  );
}

function reported({ file, text }: { file: string; text: string }, look: (report: Report) => void): Problem[] {
  const { source } = parseSource(file, text);
  if (source === undefined) return [];
  const report = reportOn(source);
  look(report);
  return report.problems;
}

/** Whose a thing is, people are told who decide about it: a name that nobody has is no answer. */
function checkOwners({ targets = {} }: Installation, { principals, groups }: People, report: Report): void {
  const persons = Object.keys(principals).filter((id) => principals[id]?.service === undefined);
  const known = [...Object.keys(groups), ...persons];
  for (const [name, { owner }] of Object.entries(targets)) {
    const path = ['targets', name, 'owner'];
    if (!known.includes(owner)) {
      const message = `people.yaml has no person or group "${owner}"${didYouMean(owner, known)}`;
      report.value(path, 'target.unknown-owner', message, oneOf(known));
    } else if (principals[owner]?.revokedAt !== undefined) {
      report.note(path, 'target.revoked-owner', `${owner} was revoked`, 'Name whoever it belongs to now.');
    }
  }
}

function checkHook(
  name: string,
  hook: Hook,
  { people, runbooks, targets }: { people: People; runbooks: Runbook[]; targets: Inventory },
  report: Report,
): void {
  const path = ['hooks', name];
  const runbook = runbooks.find((each) => each.name === hook.runbook);
  if (runbook === undefined) {
    const names = runbooks.map((each) => each.name);
    report.value(
      [...path, 'runbook'],
      'hook.unknown-runbook',
      `unknown runbook "${hook.runbook}"${didYouMean(hook.runbook, names)}`,
      oneOf(names),
    );
  } else checkInputs(hook, runbook, { inventory: targets, path: [...path, 'inputs'], report });
  const speaker = byHook(people, name);
  if (speaker === undefined || speaker.revokedAt !== undefined) {
    report.key(
      path,
      'hook.nobody',
      speaker === undefined
        ? `no service of people.yaml speaks through hook "${name}", so all that is sent to it is refused`
        : `${speaker.id}, who speaks through hook "${name}", was revoked, so all that is sent to it is refused`,
      `Add a principal with service: { hook: ${name}, launches: [${hook.runbook}], owner: PERSON } to people.yaml.`,
    );
  } else if (speaker.service?.launches.includes(hook.runbook) === false) {
    report.value(
      [...path, 'runbook'],
      'hook.not-allowed',
      `${speaker.id}, who speaks through this hook, may not launch "${hook.runbook}"`,
      `List it under launches of ${speaker.id} in people.yaml.`,
    );
  }
}

function checkInputs(
  { inputs }: Hook,
  runbook: Runbook,
  { inventory, path, report }: { inventory: Inventory; path: string[]; report: Report },
): void {
  const known = Object.keys(runbook.inputs);
  for (const [name, expr] of Object.entries(inputs)) {
    const type = runbook.inputs[name];
    if (type === undefined) {
      const message = `${runbook.name} has no input "${name}"${didYouMean(name, known)}`;
      report.key([...path, name], 'hook.unknown-input', message, oneOf(known));
    } else if (expr.op === 'literal') {
      for (const fault of readInput(name, type, expr.value, inventory).faults)
        report.value([...path, name], 'hook.input', fault, 'Give a value that could also be given at launch.');
    }
  }
  for (const [name, type] of Object.entries(runbook.inputs)) {
    if (Object.hasOwn(inputs, name) || type.default !== undefined || type.optional === true) continue;
    const message = `${runbook.name} needs the input "${name}"`;
    report.value(path, 'hook.missing-input', message, `Say where it comes from, as in ${name}: \${{ body.${name} }}.`);
  }
}

/** A service that can do nothing is a slip to be told of; it lets nobody in. */
function checkServices(people: People, { hooks = {} }: Installation, runbooks: Runbook[], report: Report): void {
  const names = Object.keys(hooks);
  const known = runbooks.map(({ name }) => name);
  for (const { id, service } of Object.values(people.principals)) {
    if (service === undefined) continue;
    const path = ['principals', id, 'service'];
    if (!names.includes(service.hook)) {
      const message = `firebreak.yaml has no hook "${service.hook}"${didYouMean(service.hook, names)}`;
      report.note([...path, 'hook'], 'people.unknown-hook', message, oneOf(names));
    }
    for (const name of service.launches.filter((each) => !known.includes(each))) {
      const message = `there is no runbook "${name}"${didYouMean(name, known)}`;
      report.note([...path, 'launches'], 'people.unknown-runbook', message, oneOf(known));
    }
  }
}
