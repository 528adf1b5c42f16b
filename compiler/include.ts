/**
 * A step that is a whole runbook: the steps of that one, put in its place when it is compiled, so that a run knows only steps.
 * They are called STEP.INNER, read what `with` gives them, and ask at gates of their own or at ours.
 */
import type { Expr } from '../core/expression.js';
import type { GateSpec } from '../core/gate.js';
import type { Json } from '../core/json.js';
import type { InputType, Runbook, Step, Work } from '../core/runbook.js';
import { type Replacement, substitute } from '../core/substitute.js';
import type { Scope } from './expression.js';
import { both, nameOf, type Type, typeOfInput } from './expression-type.js';
import { readInput } from './inputs.js';
import type { Path } from './place.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';
import type { StepForm } from './runbook-schema.js';
import { lowerValue } from './with.js';

/** Runbooks that can be included, by name. */
export interface Library {
  names(): string[];
  /** The runbook, or why it cannot be included; `within` are those that include it already. */
  find(name: string, within: readonly string[]): Found;
}

export type Found =
  | { runbook: Runbook }
  | { runbook?: never; why: 'unknown' }
  | { runbook?: never; why: 'circle'; way: string[] }
  | { runbook?: never; why: 'broken'; first: string };

/** For a runbook that is looked at alone. */
export const emptyLibrary: Library = { names: () => [], find: () => ({ why: 'unknown' }) };

export interface Including {
  library: Library;
  /** Names of the runbooks that this one is included in, and its own. */
  within: readonly string[];
  /** The gates of the outer runbook. */
  gates: Record<string, GateSpec>;
  /** Where alone the outer one may be launched. */
  environments?: string[] | undefined;
  report: Report;
}

/** The runbook that a step names; reported and undefined where it cannot be included. */
export function includedRunbook(
  { runbook: name }: StepForm,
  path: Path,
  { library, within, environments, report }: Including,
): Runbook | undefined {
  if (name === undefined) return undefined;
  const at = [...path, 'runbook'];
  const found = library.find(name, within);
  if (found.runbook !== undefined) {
    const { environments: only } = found.runbook;
    // Included, it would be carried out wherever the outer one is.
    if (only !== undefined && (environments === undefined || environments.some((each) => !only.includes(each))))
      report.value(
        at,
        'runbook.elsewhere',
        `runbook "${name}" may only be launched in ${only.join(', ')}`,
        'Say the same of this runbook, under environments of its metadata.',
      );
    return found.runbook;
  }
  switch (found.why) {
    case 'unknown': {
      const names = library.names().filter((each) => !within.includes(each));
      report.value(at, 'runbook.unknown', `unknown runbook "${name}"${didYouMean(name, names)}`, oneOf(names));
      break;
    }
    case 'circle':
      report.value(
        at,
        'runbook.circle',
        `these runbooks include one another: ${found.way.join(' includes ')}`,
        'Take one of them out.',
      );
      break;
    case 'broken':
      report.value(at, 'runbook.broken', `runbook "${name}" has an error: ${found.first}`, 'Correct that one first.');
  }
  return undefined;
}

export interface Included {
  steps: Step[];
  /** Gates of its own that it brings along. */
  gates: Record<string, GateSpec>;
}

/** `needs` and `condition` are those of the step in whose place it stands. */
export function include(
  form: StepForm,
  path: Path,
  inner: Runbook,
  { needs, condition, scope }: { needs: string[]; condition: Expr | undefined; scope: Scope },
  including: Including,
): Included {
  const given = inputsOf((form.with ?? {}) as Record<string, Json>, [...path, 'with'], inner, scope, including.report);
  const by: Replacement = { inputs: given, step: (id) => innerId(form.id, id) };
  const gateOf = gateNames(form, path, inner, including);
  const steps = inner.steps.map((step) => includeStep(step, by, gateOf, needs, condition));
  const own = Object.entries(inner.gates).filter(([gate]) => form.gates?.[gate] === undefined);
  return { steps, gates: Object.fromEntries(own.map(([gate, spec]) => [gateOf(gate), spec])) };
}

export function innerId(outer: string, inner: string): string {
  return `${outer}.${inner}`;
}

function includeStep(
  step: Step,
  by: Replacement,
  gateOf: (gate: string) => string,
  needs: string[],
  condition: Expr | undefined,
): Step {
  const own = step.if === undefined ? undefined : substitute(step.if, by);
  const only: Expr | undefined =
    own === undefined || condition === undefined ? (own ?? condition) : { op: 'and', left: condition, right: own };
  return {
    ...step,
    id: by.step(step.id),
    // What begins at once begins with the step in whose place it stands; all else waits for something that does.
    needs: step.needs.length === 0 ? needs : step.needs.map(by.step),
    work: includeWork(step.work, by),
    ...(only === undefined ? {} : { if: only }),
    ...(step.forEach === undefined ? {} : { forEach: substitute(step.forEach, by) }),
    ...(step.gate === undefined ? {} : { gate: gateOf(step.gate) }),
  };
}

function includeWork(work: Work, by: Replacement): Work {
  switch (work.kind) {
    case 'collect':
    case 'change':
      return { ...work, with: substitute(work.with, by) };
    case 'check': {
      const { until } = work;
      const again = until === undefined ? {} : { until: { ...until, met: substitute(until.met, by) } };
      return { ...work, with: substitute(work.with, by), ...again };
    }
    case 'manual':
    case 'decide':
      return { ...work, what: substitute(work.what, by) };
    case 'exchange':
      return work;
  }
}

/** Where the steps of the inner runbook ask: at a gate of ours that is no easier to pass, or at their own. */
function gateNames(
  { id, gates = {} }: StepForm,
  path: Path,
  inner: Runbook,
  { gates: ours, report }: Including,
): (gate: string) => string {
  for (const [gate, ourName] of Object.entries(gates)) {
    const at = [...path, 'gates', gate];
    const theirs = inner.gates[gate];
    const our = ours[ourName];
    if (theirs === undefined) {
      const known = Object.keys(inner.gates);
      report.key(at, 'gate.unknown', `${inner.name} has no gate "${gate}"${didYouMean(gate, known)}`, oneOf(known));
    } else if (our === undefined) {
      const known = Object.keys(ours);
      report.value(at, 'gate.unknown', `unknown gate "${ourName}"${didYouMean(ourName, known)}`, oneOf(known));
    } else if (isEasier(our, theirs)) {
      const who = `${theirs.need} of ${theirs.from.join(', ')}`;
      report.value(
        at,
        'gate.weaker',
        `gate "${ourName}" is easier to pass than gate "${gate}" of ${inner.name}, which needs ${who}`,
        'Ask as many of the same people, or let it ask at its own gate.',
      );
    }
  }
  return (gate) => gates[gate] ?? innerId(id, gate);
}

function isEasier(our: GateSpec, theirs: GateSpec): boolean {
  return (
    our.need < theirs.need ||
    our.personalKeys < theirs.personalKeys ||
    our.approvalValidMs > theirs.approvalValidMs ||
    our.from.some((group) => !theirs.from.includes(group))
  );
}

/** What `with` gives to the inputs of the inner runbook, with their defaults; compared by type, and by value where it is known. */
function inputsOf(
  given: Record<string, Json>,
  path: Path,
  inner: Runbook,
  scope: Scope,
  report: Report,
): Record<string, Expr> {
  const known = Object.keys(inner.inputs);
  const values: Record<string, Expr> = {};
  for (const [name, value] of Object.entries(given)) {
    const at = [...path, name];
    const { expr, type } = lowerValue(value, at, scope, report);
    const input = Object.hasOwn(inner.inputs, name) ? inner.inputs[name] : undefined;
    if (input === undefined) {
      report.key(at, 'with.unknown-field', `${inner.name} takes no "${name}"${didYouMean(name, known)}`, oneOf(known));
      continue;
    }
    values[name] = expr.op === 'literal' ? readLiteral(name, input, expr.value, at, report) : expr;
    if (expr.op !== 'literal') checkType(name, input, type, at, report);
  }
  for (const [name, input] of Object.entries(inner.inputs)) {
    if (Object.hasOwn(given, name)) continue;
    if (input.default !== undefined) values[name] = { op: 'literal', value: input.default };
    else if (input.optional !== true)
      report.value(
        path,
        'with.missing',
        `${inner.name} needs "${name}" in with`,
        `Add it, as in with: { ${name}: ... }.`,
      );
  }
  return values;
}

function readLiteral(name: string, input: InputType, value: Json, at: Path, report: Report): Expr {
  const read = readInput(name, input, value);
  for (const fault of read.faults)
    report.value(at, 'with.bad-value', fault, 'Give a value that could be given at launch.');
  return { op: 'literal', value: read.value };
}

function checkType(name: string, input: InputType, type: Type, at: Path, report: Report): void {
  const wanted = typeOfInput(input);
  if (both(wanted, type) === undefined) {
    const message = `"${name}" must be ${nameOf(wanted)}, not ${nameOf(type)}`;
    report.value(at, 'with.wrong-type', message, 'Give a value of that type.');
  } else if (wanted.kind === 'string' && wanted.words !== undefined && !isOneOf(type, wanted.words)) {
    const message = `"${name}" must be one of ${wanted.words.join(', ')}, which this need not be`;
    report.value(at, 'with.wrong-type', message, 'Give an input of type choice with no other choices.');
  } else if (
    wanted.kind === 'list' &&
    wanted.max !== undefined &&
    type.kind === 'list' &&
    !(type.max !== undefined && type.max <= wanted.max)
  ) {
    const long = type.max === undefined ? 'any number of entries' : `up to ${type.max} entries`;
    const message = `"${name}" takes at most ${wanted.max} entries, and this list can have ${long}`;
    report.value(at, 'with.too-long', message, `Give the input a "max" of at most ${wanted.max}.`);
  }
}

function isOneOf(type: Type, words: readonly string[]): boolean {
  return type.kind === 'any' || (type.kind === 'string' && type.words?.every((word) => words.includes(word)) === true);
}
