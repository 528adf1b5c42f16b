/** The steps of a runbook: their order, their units, their expressions, and the rules that safety needs of them. */
import { evaluate, type Expr, ExpressionError, stepsRead } from '../core/expression.js';
import type { Json } from '../core/json.js';
import type { RampStage } from '../core/ramp.js';
import type { InputType, Runbook, Step, Until, Work } from '../core/runbook.js';
import type { Catalog, UnitInfo } from './catalog.js';
import { knowing, lowerText, presentIf, type Scope } from './expression.js';
import { any, checkResult, decisionResult, is, nameOf, stepResult, type Type, typeOfInput } from './expression-type.js';
import { typeOfFinding } from './finding-type.js';
import { toMs } from './forms.js';
import { circles, type Waits, waitsFor } from './needs.js';
import { include, type Included, includedRunbook, type Including, innerId } from './include.js';
import { compilePersonWork } from './person-form.js';
import type { Path } from './place.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';
import { listMaxMost, type RunbookForm, type StepForm } from './runbook-schema.js';
import { checkWork } from './step-work.js';
import { hasExpression } from './template.js';
import { compileUntil } from './until-form.js';
import { lowerValue, lowerWith } from './with.js';

/** Items in one activity: small enough to be lost cheaply, large enough that its cost does not count. */
const batchDefault = 25;
const changeTimeoutMsDefault = 10 * 60_000;
const collectTimeoutMsDefault = 5 * 60_000;
const attemptsDefault = 5;
const firstWaitMsDefault = 1_000;

interface Context extends Including {
  inputs: Record<string, InputType>;
  catalog: Catalog;
  systems: readonly string[] | undefined;
}

/** The steps, those of included runbooks among them, and the gates that these bring along. */
export function compileSteps(form: RunbookForm, context: Context): Included {
  const waits = form.steps.map(({ id, needs }, index): Waits => {
    const above = form.steps[index - 1];
    return { id, needs: needs ?? (above === undefined ? [] : [above.id]), byDefault: needs === undefined };
  });
  checkOrder(form.steps, waits, context.report);
  const used = new Set(form.steps.flatMap(({ gate, gates }) => [gate, ...Object.values(gates ?? {})]));
  for (const name of Object.keys(form.gates)) {
    if (!used.has(name))
      context.report.key(
        ['gates', name],
        'gate.unused',
        `no step asks at gate "${name}"`,
        'Name it in the steps it is for, or remove it.',
      );
  }
  const inner = form.steps.map((step, index) => includedRunbook(step, ['steps', index], context));
  const whole = wholeOf(form, waits, inner, context);
  const parts = form.steps.map((step, index) => compileStep(step, index, whole, context));
  return { steps: parts.flatMap(({ steps }) => steps), gates: Object.assign({}, ...parts.map(({ gates }) => gates)) };
}

interface Whole {
  waits: Waits[];
  runbook: RunbookForm;
  /** By place, the runbook that a step is; undefined for all others. */
  inner: (Runbook | undefined)[];
  catalog: Catalog;
  /** Of each id; the first, where there are two. */
  places: ReadonlyMap<string, number>;
  /** The ids that steps have in the run. */
  ids: ReadonlySet<string>;
  /** What expressions may read of the inputs. */
  inputs: Pick<Scope, 'inputs' | 'optional'>;
}

function wholeOf(runbook: RunbookForm, waits: Waits[], inner: Whole['inner'], { catalog, inputs }: Context): Whole {
  const places = new Map(runbook.steps.map(({ id }, index) => [id, index] as const).toReversed());
  const found = { waits, runbook, inner, catalog, places, inputs: readable(inputs) };
  return { ...found, ids: new Set(waits.flatMap(({ id }) => idsOf(id, found))) };
}

function readable(inputs: Record<string, InputType>): Whole['inputs'] {
  const all = Object.entries(inputs);
  const mayLack = all.filter(([, { optional, default: otherwise }]) => optional === true && otherwise === undefined);
  return {
    inputs: Object.fromEntries(all.map(([name, input]) => [name, typeOfInput(input)])),
    optional: new Set(mayLack.map(([name]) => name)),
  };
}

/** The ids that a step has in the run: its own, or those of the steps that stand in its place. */
function idsOf(id: string, { places, inner }: Pick<Whole, 'places' | 'inner'>): string[] {
  const found = inner[places.get(id) ?? -1];
  return found === undefined ? [id] : found.steps.map((step) => innerId(id, step.id));
}

/** What expressions may read of a step that has ended. */
function resultsOf(id: string, whole: Whole): [string, Type][] {
  const index = whole.places.get(id) ?? -1;
  const form = whole.runbook.steps[index];
  const found = whole.inner[index];
  if (found !== undefined)
    return found.steps.map((step) => [innerId(id, step.id), resultOfWork(step.work, whole.catalog)]);
  return form === undefined || form.runbook !== undefined ? [] : [[id, resultOf(form, whole.catalog)]];
}

function checkOrder(steps: StepForm[], waits: Waits[], report: Report): void {
  const ids = waits.map(({ id }) => id);
  const first = new Map(ids.map((id, index) => [id, index] as const).toReversed());
  for (const [index, { id, needs }] of steps.entries()) {
    if ((first.get(id) ?? index) < index) {
      report.value(
        ['steps', index, 'id'],
        'step.duplicate-id',
        `there is a step "${id}" above already`,
        'Give each step an id of its own.',
      );
    }
    for (const [position, need] of (needs ?? []).entries()) {
      const at = ['steps', index, 'needs', position];
      if (!first.has(need)) {
        const others = ids.filter((each) => each !== id);
        report.value(at, 'step.unknown-need', `unknown step "${need}"${didYouMean(need, others)}`, oneOf(others));
      } else if (needs?.indexOf(need) !== position) {
        report.value(at, 'step.duplicate-need', `"${need}" is needed twice`, 'Name it once.');
      }
    }
  }
  for (const circle of circles(waits)) reportCircle(circle, waits, report);
}

function reportCircle(circle: string[], waits: Waits[], report: Report): void {
  const first = circle[0] ?? '';
  const index = waits.findIndex(({ id }) => id === first);
  const implied = waits.find(({ id, byDefault }) => byDefault && circle.includes(id));
  report.value(
    ['steps', index, 'needs'],
    'step.circle',
    `these steps wait for one another: ${[...circle, first].join(' waits for ')}`,
    implied === undefined
      ? 'Remove one of the needs.'
      : `"${implied.id}" waits for the step above it; give it needs of its own.`,
  );
}

function compileStep(form: StepForm, index: number, whole: Whole, context: Context): Included {
  const { report } = context;
  const { waits, runbook } = whole;
  const path: Path = ['steps', index];
  checkWork(form, path, report);
  const unit = unitOf(form, path, context);
  if (unit !== undefined) checkRules(form, path, unit, report);
  if (form.gate !== undefined && !Object.hasOwn(runbook.gates, form.gate)) {
    const known = Object.keys(runbook.gates);
    report.value(
      [...path, 'gate'],
      'gate.unknown',
      `unknown gate "${form.gate}"${didYouMean(form.gate, known)}`,
      oneOf(known),
    );
  }

  let results: Record<string, Type> | undefined;
  const scope: Scope = {
    ...whole.inputs,
    present: new Set(),
    // Worked out for a step that reads results; most do not, and of a thousand steps the last waits for all others.
    steps: () => {
      const ended = results === undefined ? [...waitsFor(form.id, waits)].filter((id) => id !== form.id) : [];
      results ??= Object.fromEntries(ended.flatMap((id) => resultsOf(id, whole)));
      return results;
    },
    allSteps: whole.ids,
  };
  const condition = form.if === undefined ? undefined : compileIf(form.if, [...path, 'if'], scope, report);
  const known = condition === undefined ? scope : knowing(scope, presentIf(condition, true));
  const needs = (waits[index]?.needs ?? []).flatMap((id) => idsOf(id, whole));
  const inside = whole.inner[index];
  if (inside !== undefined) return include(form, path, inside, { needs, condition, scope: known }, context);
  const loop = form.for_each === undefined ? undefined : compileLoop(form, path, known, report);
  const inner = loop === undefined ? known : { ...known, item: loop.item };
  const given = (form.with ?? {}) as { [key: string]: Json };
  // Without the unit nothing is known of its inputs, but names and types in expressions still are.
  const input =
    unit === undefined
      ? lowerValue(given, [...path, 'with'], inner, report).expr
      : lowerWith(given, [...path, 'with'], unit, inner, report);

  const until = compileUntil(form, path, unit, known, report);
  const phase = form.phase ?? 'contain'; // where it is absent, that was reported
  const step: Step = {
    id: form.id,
    phase,
    needs,
    work: compilePersonWork(form, path, known, report) ?? workOf(form, unit, input, until),
    batch: batchDefault,
    timeoutMs:
      form.timeout === undefined
        ? unit !== undefined && unit.kind !== 'action'
          ? collectTimeoutMsDefault
          : changeTimeoutMsDefault
        : toMs(form.timeout),
    retry: {
      attempts: form.retry?.attempts ?? attemptsDefault,
      firstWaitMs: form.retry?.first_wait === undefined ? firstWaitMsDefault : toMs(form.retry.first_wait),
    },
    // One host that cannot be reached must not keep the others connected.
    onFailure: form.on_failure ?? (phase === 'contain' ? 'continue' : 'stop'),
  };
  if (condition !== undefined) step.if = condition;
  if (loop !== undefined) step.forEach = loop.expr;
  if (loop?.bound !== undefined) step.bound = loop.bound;
  if (form.gate !== undefined) step.gate = form.gate;
  if (form.ramp !== undefined) step.ramp = form.ramp.map(rampStage);
  if (form.tolerate !== undefined) step.tolerate = form.tolerate;
  if (form.best_effort !== undefined) step.bestEffortMs = toMs(form.best_effort);
  if (form.review !== undefined) step.reviewAfterMs = toMs(form.review);
  return { steps: [step], gates: {} };
}

function rampStage(stage: number | string): RampStage {
  return typeof stage === 'number' ? { items: stage } : { percent: Number.parseInt(stage, 10) };
}

function workOf({ uses = '' }: StepForm, unit: UnitInfo | undefined, input: Expr, until: Until | undefined): Work {
  const system = unit?.system ?? '';
  if (unit?.kind === 'collector') return { kind: 'collect', unit: uses, system, with: input };
  if (unit?.kind === 'check')
    return { kind: 'check', unit: uses, system, with: input, ...(until === undefined ? {} : { until }) };
  return { kind: 'change', unit: uses, system, with: input, risk: unit?.risk ?? 'irreversible' };
}

function resultOfWork(work: Work, catalog: Catalog): Type {
  if (work.kind === 'check') return checkResult(typeOfFinding(catalog.get(work.unit)?.finding));
  return work.kind === 'decide' ? decisionResult(Object.keys(work.choices)) : stepResult;
}

function resultOf({ uses = '', decide }: StepForm, catalog: Catalog): Type {
  const unit = catalog.get(uses);
  if (unit?.kind === 'check') return checkResult(typeOfFinding(unit.finding));
  return decide === undefined ? stepResult : decisionResult(Object.keys(decide.choices));
}

function unitOf({ uses }: StepForm, path: Path, { catalog, systems, report }: Context): UnitInfo | undefined {
  if (uses === undefined) return undefined;
  const at = [...path, 'uses'];
  const unit = catalog.get(uses);
  if (unit === undefined) {
    const name = uses.slice(0, uses.indexOf('@'));
    const majors = [...catalog.keys()].filter((each) => each.slice(0, each.indexOf('@')) === name);
    if (majors.length > 0) {
      report.value(at, 'unit.unknown-major', `there is no ${uses}; did you mean "${majors.at(-1)}"?`, oneOf(majors));
    } else {
      report.value(
        at,
        'unit.unknown',
        `unknown unit "${uses}"${didYouMean(uses, catalog.keys())}`,
        oneOf(catalog.keys()),
      );
    }
  } else if (systems !== undefined && !systems.includes(unit.system)) {
    report.value(
      at,
      'unit.no-system',
      `${unit.name} works on "${unit.system}", which firebreak.yaml does not have`,
      `Add it under systems. ${oneOf(systems)}`,
    );
  }
  return unit;
}

/** What a step may say depends on what its unit is: fields that would do nothing are refused, for somebody counts on them. */
function checkRules(form: StepForm, path: Path, unit: UnitInfo, report: Report): void {
  const key = (field: string, code: string, message: string, nextStep: string) =>
    report.key([...path, field], code, message, nextStep);
  if (unit.kind === 'action' && form.gate === undefined) {
    report.value(
      path,
      'gate.missing',
      `step "${form.id}" changes something (${unit.name}) and has no gate`,
      'Name the gate at which people approve it.',
    );
  }
  if (unit.kind !== 'action' && form.gate !== undefined) {
    key(
      'gate',
      'gate.nothing-to-approve',
      `${unit.name} changes nothing, so a gate has nothing to approve`,
      'Remove "gate".',
    );
  }
  if (unit.kind !== 'collector' && form.best_effort !== undefined) {
    key(
      'best_effort',
      'step.best-effort',
      `${unit.name} collects nothing and cannot be best effort`,
      'Remove "best_effort"; only collectors may end early.',
    );
  }
  if (form.review !== undefined && (form.phase !== 'contain' || unit.kind !== 'action')) {
    key('review', 'step.review', 'only what stays in force is reviewed: changes in phase contain', 'Remove "review".');
  }
  for (const field of ['ramp', 'tolerate'] as const) {
    if (form[field] === undefined) continue;
    if (unit.kind !== 'action')
      key(field, `step.${field}`, `${unit.name} changes nothing, so nothing is to be held back`, `Remove "${field}".`);
    else if (form.phase === 'contain')
      key(
        field,
        `step.${field}`,
        'a containment reaches all its targets at once and goes on past failures',
        `Remove "${field}"; it is for rotation and restore.`,
      );
  }
  if (unit.kind === 'action' && unit.phase === 'contain' && form.phase !== 'contain') {
    report.value(
      [...path, 'phase'],
      'step.not-containing',
      `${unit.name} contains, and outside phase contain nobody would watch or release it`,
      'Write phase: contain.',
    );
  }
  if (form.on_failure !== 'undo') return;
  if (unit.kind !== 'action') {
    key(
      'on_failure',
      'step.nothing-to-undo',
      `${unit.name} changes nothing that could be undone`,
      'Choose stop, continue or ask.',
    );
  } else if (form.phase === 'contain' || unit.phase === 'contain') {
    key(
      'on_failure',
      'step.containment-undone',
      'a containment goes forward only: no failure may lift it',
      'Choose continue, stop or ask.',
    );
  } else if (unit.oneWay === true) {
    key(
      'on_failure',
      'step.nothing-to-undo',
      `${unit.name} is one-way: nothing puts it back`,
      'Choose stop, continue or ask.',
    );
  }
}

function compileIf(condition: string, path: Path, scope: Scope, report: Report): Expr {
  if (!hasExpression(condition)) {
    report.value(
      path,
      'expression.missing',
      '"if" takes an expression',
      `Write if: \${{ ${condition === '' ? 'inputs.count > 0' : condition} }}`,
    );
    return { op: 'literal', value: true };
  }
  const { expr, type, faults } = lowerText(condition, scope);
  for (const { offset, ...said } of faults) report.inside(path, offset, said);
  if (faults.length === 0 && !is(type, 'bool')) {
    report.value(
      path,
      'expression.type',
      `"if" must be true or false, not ${nameOf(type)}`,
      'Compare it with something, as in x > 0.',
    );
  }
  if (faults.length === 0 && isNever(expr)) {
    report.value(path, 'step.unreachable', 'this step can never run', 'Remove the step or its condition.');
  }
  return expr;
}

/** Whether the condition is false whatever the inputs are. */
function isNever(condition: Expr): boolean {
  try {
    return evaluate(condition, {}) === false;
  } catch (error) {
    if (error instanceof ExpressionError) return false; // it reads something, so it depends
    throw error;
  }
}

interface Loop {
  expr: Expr;
  item: Type;
  bound?: number;
}

/** What the targets are: given at launch, or found by a check before; then there is a bound that people agree to. */
function compileLoop({ for_each: over, bound }: StepForm, step: Path, scope: Scope, report: Report): Loop {
  const path = [...step, 'for_each'];
  const { expr, type } = lowerValue(over as Json, path, scope, report);
  const isFound = stepsRead(expr).length > 0;
  if (bound !== undefined && !isFound)
    report.key(
      [...step, 'bound'],
      'bound.idle',
      'these targets are given at launch and not found by a step',
      'Remove "bound"; an input says with "max" how many it takes.',
    );
  if (type.kind === 'any') return { expr, item: any };
  if (type.kind !== 'list') {
    report.value(
      path,
      'loop.not-a-list',
      `"for_each" needs a list, not ${nameOf(type)}`,
      'Loop over an input of type list, as in ${{ inputs.instances }}.',
    );
    return { expr, item: any };
  }
  if (isFound && bound !== undefined) return { expr, item: type.of, bound };
  if (isFound) {
    report.value(
      path,
      'loop.unbounded',
      'nothing says how much can be found',
      'Add a "bound", as in bound: 40: people agree to a number of targets, not to any number.',
    );
  } else if (type.max === undefined) {
    report.value(
      path,
      'loop.unbounded',
      'nothing says how long this list can be',
      'Give the input a "max": people approve a number of targets, not any number.',
    );
  } else if (type.max > listMaxMost) {
    report.value(path, 'loop.unbounded', `this list can have ${type.max} entries`, `Loop over at most ${listMaxMost}.`);
  } else if (type.max === 0) {
    report.value(path, 'step.unreachable', 'this list is empty, so the step does nothing', 'Name what it is for.');
  }
  return { expr, item: type.of };
}
