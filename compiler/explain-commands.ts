/**
 * A runbook as commands that a person types when Firebreak itself is down: what each unit says of its work by hand, in the
 * order of the steps, over variables that are filled in once at the top. Nobody asks, watches or writes anything down then,
 * so it says whose agreement to get, and what Firebreak makes of it afterwards.
 */
import type { Expr } from '../core/expression.js';
import type { AwsSystem } from '../core/installation.js';
import type { Json } from '../core/json.js';
import { type InputType, isByPerson, nameOfWork, type PersonWork, type Runbook, type Step } from '../core/runbook.js';
import { type Catalog, inputOf, type UnitInfo } from './catalog.js';
import { and, asAsked, describeInput, or, people, showText } from './explain.js';
import { fillIn, quoted, shellWord, shellWords } from './shell.js';
import { showExpression } from './show-expression.js';

/** What is known of this installation and this incident; what is not is left to fill in. */
export interface Known {
  systems: Record<string, AwsSystem>;
  inputs: Record<string, Json>;
}

export interface StepByHand {
  step: string;
  /** Lines of bash; undefined where the unit does not say how. */
  commands?: string;
}

export function stepsByHand(runbook: Runbook, catalog: Catalog): StepByHand[] {
  return inOrderOfNeed(runbook.steps).map((step) => {
    const commands = commandsOf(step, runbook.inputs, catalog);
    return commands === undefined ? { step: step.id } : { step: step.id, commands: commands.join('\n') };
  });
}

export function explainCommands(runbook: Runbook, catalog: Catalog, known: Known): string {
  const steps = inOrderOfNeed(runbook.steps);
  const sections = [
    header(runbook),
    settings(steps, known),
    inputLines(runbook, known),
    ...steps.map((step) => stepLines(step, runbook, catalog)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function header({ name, version, gates, steps }: Runbook): string[] {
  return [
    `# ${name}, version ${version}, by hand, for when Firebreak itself is down. Needs bash and the AWS CLI.`,
    '# Nothing here asks anybody, keeps a record or watches what it did. So:',
    ...Object.entries(gates).map(([gate, asked]) => {
      const asking = steps.filter((step) => step.gate === gate);
      const spec = asAsked(asked, asking);
      return `#   - before ${and(asking.map(({ id }) => id))}, get the agreement of ${people(spec.need)} from ${or(spec.from)};`;
    }),
    '#   - go through it step by step, and keep what it prints, with who agreed and when;',
    '#   - when Firebreak is back, launch the runbook with the same inputs. It leaves what is so already, watches only what it',
    '#     did itself, and never lifts what was done here: that is by hand again.',
  ];
}

function settings(steps: Step[], { systems }: Known): string[] {
  const of = steps.flatMap(({ work }) => (isByPerson(work) ? [] : [work.system]));
  const names = [...new Set(of)].filter((name) => systems[name]?.kind !== undefined);
  const found = names.flatMap((name) => (systems[name] === undefined ? [] : [systems[name]]));
  const [{ region, endpoint } = { region: undefined, endpoint: undefined }] = found;
  const at = region ?? fillIn;
  return [
    '# Where: with credentials that may do this (firebreak permissions prints the policy).',
    // The CLI's two majors read different variables; the second would wait at a pager in the middle of a step.
    `export AWS_REGION=${at} AWS_DEFAULT_REGION=${at} AWS_PAGER=`,
    ...(endpoint === undefined
      ? []
      : [`export AWS_ENDPOINT_URL=${quoted(endpoint)} # an emulator, not the real account`]),
  ];
}

function inputLines({ inputs, steps }: Runbook, known: Known): string[] {
  const read = JSON.stringify(steps);
  const used = Object.entries(inputs).filter(([name]) => read.includes(JSON.stringify(readsInput(name))));
  if (used.length === 0) return [];
  const lines = used.map(([name, type]) => `${name}=${valueOf(type, known.inputs[name])} # ${describeInput(type)}`);
  const isLeft = lines.some((line) => line.includes(fillIn));
  return [`# What for${isLeft ? `: replace ${fillIn}, or give NAME=VALUE to \`firebreak explain\`` : ''}.`, ...lines];
}

function readsInput(name: string): Expr {
  return { op: 'field', of: { op: 'name', name: 'inputs' }, field: name };
}

function valueOf(type: InputType, given: Json | undefined): string {
  const value = given ?? type.default;
  if (type.type !== 'list') return value === undefined ? fillIn : quoted(value);
  return `(${Array.isArray(value) ? value.map(quoted).join(' ') : fillIn})`;
}

function stepLines(step: Step, { steps, inputs }: Runbook, catalog: Catalog): string[] {
  const { work } = step;
  const unit = unitOf(step, catalog);
  const commands = commandsOf(step, inputs, catalog);
  const task = isByPerson(work) ? `${showText(work.what)} (${or(work.who)})` : undefined;
  return [
    `# [ ] ${steps.indexOf(step) + 1}. ${step.id} (${step.phase}): ${unit?.summary ?? task ?? step.id}`,
    ...(step.gate === undefined ? [] : [`#     Only when people have agreed (gate "${step.gate}").`]),
    ...(step.needs.length === 0 ? [] : [`#     After ${and(step.needs)}.`]),
    ...(step.if === undefined ? [] : [`#     Only if ${showExpression(step.if)}.`]),
    ...(step.bestEffortMs === undefined
      ? []
      : ['#     Best effort: in a second terminal, or later. Nothing waits for it.']),
    ...(commands ??
      (isByPerson(work) ? taskLines(work) : [`#     ${nameOfWork(work)} does not say how it is done by hand.`])),
  ];
}

function taskLines(work: PersonWork): string[] {
  if (work.kind === 'decide')
    return Object.entries(work.choices).map(([choice, means]) => `#     - ${choice}: ${means}`);
  return work.evidence === undefined ? [] : [`#     Write down: ${work.evidence}`];
}

function unitOf({ work }: Step, catalog: Catalog): UnitInfo | undefined {
  return 'unit' in work ? catalog.get(work.unit) : undefined;
}

function commandsOf(step: Step, inputs: Record<string, InputType>, catalog: Catalog): string[] | undefined {
  if (!('unit' in step.work)) return undefined;
  const unit = catalog.get(step.work.unit);
  if (unit?.byHand === undefined) return undefined;
  const lines = [...fieldLines(step.work.with, unit, inputs), ...unit.byHand.trim().split('\n')];
  if (step.forEach === undefined) return lines;
  const words = shellWords(step.forEach, inputs);
  return [
    `for item in ${words ?? fillIn}; do${words === undefined ? ` # ${showExpression(step.forEach)}` : ''}`,
    ...lines.map((line) => (line === '' ? '' : `  ${line}`)),
    'done',
  ];
}

/** Each field of the unit's input as a variable of its name; empty where the runbook leaves it out, whatever it was before. */
function fieldLines(given: Expr, unit: UnitInfo, inputs: Record<string, InputType>): string[] {
  const fields = given.op === 'object' ? given.fields : {};
  return Object.keys(inputOf(unit).fields).map((name) => {
    const expr = fields[name];
    if (expr === undefined) return `${name}=`;
    const word = shellWord(expr, inputs);
    return word === undefined ? `${name}=${fillIn} # ${showExpression(expr)}` : `${name}=${word}`;
  });
}

/** What must have ended stands above; otherwise as the runbook has it. */
function inOrderOfNeed(steps: Step[]): Step[] {
  const ordered: Step[] = [];
  while (ordered.length < steps.length) {
    const next = steps.find(
      (step) => !ordered.includes(step) && step.needs.every((need) => ordered.some(({ id }) => id === need)),
    );
    if (next === undefined) throw new Error('The steps of a compiled runbook wait for one another (this is a bug).');
    ordered.push(next);
  }
  return ordered;
}
