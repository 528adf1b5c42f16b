/** What can be said of a whole runbook and of the people who would have to answer for it. */
import { stepsRead } from '../core/expression.js';
import { atLeast } from '../core/gate.js';
import { isResponder, type People } from '../core/people.js';
import { leastGate, worst } from '../core/risk.js';
import type { Runbook, Step } from '../core/runbook.js';
import { whoMay } from '../core/verbs.js';
import { canBeAnswered } from './person-form.js';
import type { Path } from './place.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';

interface Context {
  people: People | undefined;
  report: Report;
  placeOf: (step: string) => Path;
}

export function lint(runbook: Runbook, context: Context): void {
  noteUnusedInputs(runbook, context.report);
  noteDecidedContainments(runbook, context);
  if (context.people !== undefined) canBeAnswered(runbook, context.people, context);
  for (const name of Object.keys(runbook.gates)) {
    const steps = runbook.steps.filter(({ gate }) => gate === name);
    noteWeakGate(name, runbook, steps, context);
    if (context.people !== undefined) canBeMet(name, runbook, steps, context.people, context.report);
  }
}

/** `reason` is read by the gateway: it becomes the reason of the launch. */
function noteUnusedInputs(runbook: Runbook, report: Report): void {
  const read = JSON.stringify(runbook.steps);
  for (const name of Object.keys(runbook.inputs)) {
    const expr = JSON.stringify({ op: 'field', of: { op: 'name', name: 'inputs' }, field: name });
    if (name !== 'reason' && !read.includes(expr))
      report.note(['inputs', name], 'input.unused', `no step reads input "${name}"`, 'Use it, or do not ask for it.');
  }
}

/** One person decides, and whoever agrees at the gate of the containment is not asked then: readers must see that. */
function noteDecidedContainments({ steps }: Runbook, { report, placeOf }: Context): void {
  const decided = new Set(steps.filter(({ work }) => work.kind === 'decide').map(({ id }) => id));
  for (const { id, phase, if: condition } of steps) {
    if (phase !== 'contain' || condition === undefined) continue;
    for (const decision of new Set(stepsRead(condition).filter((each) => decided.has(each))))
      report.note(
        [...placeOf(id), 'if'],
        'decide.containment',
        `whoever decides "${decision}" can leave the containment "${id}" out, alone`,
        'Ask that before the launch, as an input, unless one person may decide it.',
      );
  }
}

function leastOf(steps: Step[]): { need: number; personalKeys: number } {
  return leastGate[worst(steps.map(({ work }) => (work.kind === 'change' ? work.risk : 'read')))];
}

function noteWeakGate(name: string, runbook: Runbook, steps: Step[], { report }: Context): void {
  const spec = runbook.gates[name];
  const least = leastOf(steps);
  if (spec === undefined || (spec.need >= least.need && spec.personalKeys >= least.personalKeys)) return;
  const keys = least.personalKeys === 0 ? '' : `, ${least.personalKeys} with a key of their own`;
  report.note(
    ['gates', name],
    'gate.raised',
    `gate "${name}" asks for less than the risk of its steps: ${least.need} other people${keys}, will be asked`,
    'Write what will be asked, so that readers see it.',
  );
}

/** Whether enough people exist to pass the gate, and later to lift what it let in, when one of them is the requester. */
function canBeMet(name: string, runbook: Runbook, steps: Step[], people: People, report: Report): void {
  const spec = runbook.gates[name];
  if (spec === undefined) return;
  const path = ['gates', name];
  const groups = Object.keys(people.groups);
  let known = true;
  for (const field of ['from', 'to'] as const) {
    const names = field === 'from' ? spec.from : (spec.escalate?.to ?? []);
    for (const group of names.filter((each) => !groups.includes(each))) {
      const at =
        field === 'from'
          ? [...path, 'from', spec.from.indexOf(group)]
          : [...path, 'escalate', 'to', names.indexOf(group)];
      report.value(
        at,
        'gate.unknown-group',
        `unknown group "${group}"${didYouMean(group, groups)}`,
        `${oneOf(groups)} Groups stand in people.yaml.`,
      );
      known &&= field === 'to';
    }
  }
  if (!known) return;
  const { need, personalKeys } = atLeast(spec, leastOf(steps));
  const members = active(spec.from, people);
  // The worst case: the requester is somebody who could otherwise have decided.
  const others = members.length - (members.some((id) => isResponder(people, id)) ? 1 : 0);
  const withKey = members.filter((id) => (people.principals[id]?.ssh.length ?? 0) > 0);
  const othersWithKey = withKey.length - (withKey.some((id) => isResponder(people, id)) ? 1 : 0);
  const from = spec.from.join(' or ');
  if (others < need) {
    report.value(
      [...path, 'need'],
      'gate.cannot-be-met',
      `gate "${name}" needs ${need} other people, but without the requester ${from} has ${count(others)}`,
      'Add people to the groups, or groups to "from".',
    );
  } else if (othersWithKey < personalKeys) {
    report.value(
      path,
      'gate.cannot-be-met',
      `gate "${name}" needs ${personalKeys} with a key of their own, but without the requester ${from} has ${count(othersWithKey)}`,
      'Add SSH keys of members to people.yaml.',
    );
  } else if (steps.some(({ phase }) => phase === 'contain')) {
    const release = whoMay.release;
    const lifting = Math.max(need, release.who === 'asks' ? release.needLifting : 0);
    if (others < lifting) {
      report.note(
        path,
        'gate.cannot-lift',
        `lifting this containment needs ${lifting} other people, but without the requester ${from} has ${count(others)}`,
        'Add people to the groups before it is needed.',
      );
    }
  }
}

function active(groups: string[], people: People): string[] {
  const ids = new Set(groups.flatMap((group) => people.groups[group] ?? []));
  return [...ids].filter((id) => people.principals[id] !== undefined && people.principals[id].revokedAt === undefined);
}

function count(people: number): string {
  return people <= 0 ? 'nobody' : `only ${people}`;
}
