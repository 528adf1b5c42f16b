/** `until`: a check that is done again until what it found is as it should be. It has an end: a time, and so a number of looks. */
import { children, type Expr } from '../core/expression.js';
import type { Until } from '../core/runbook.js';
import type { UnitInfo } from './catalog.js';
import { lowerText, type Scope } from './expression.js';
import { is, listFound, nameOf } from './expression-type.js';
import { typeOfFinding } from './finding-type.js';
import { toMs } from './forms.js';
import type { Path } from './place.js';
import type { Report } from './report.js';
import type { StepForm } from './runbook-schema.js';
import { hasExpression } from './template.js';

const everyMsDefault = 15_000;
/** More looks than anybody needs fill a history and a journal. */
const looksMax = 1_000;

export function compileUntil(
  form: StepForm,
  path: Path,
  unit: UnitInfo | undefined,
  scope: Scope,
  report: Report,
): Until | undefined {
  const { until } = form;
  if (unit !== undefined && unit.kind !== 'check') {
    for (const field of ['until', 'every', 'within'] as const)
      if (form[field] !== undefined)
        report.key(
          [...path, field],
          'step.until',
          `${unit.name} is not a check, so there is nothing to look at again`,
          `Remove "${field}", or wait in a step of its own, with a check.`,
        );
    return undefined;
  }
  if (until === undefined) {
    for (const field of ['every', 'within'] as const)
      if (form[field] !== undefined)
        report.key([...path, field], 'step.idle-field', `"${field}" means nothing without "until"`, 'Add "until".');
    return undefined;
  }
  const met = compileMet(
    until,
    [...path, 'until'],
    { ...scope, found: listFound(typeOfFinding(unit?.finding)) },
    report,
  );
  if (form.within === undefined) {
    report.value(path, 'until.unbounded', '"until" needs "within"', 'Say how long it may take, as in within: 30m.');
    return undefined;
  }
  const everyMs = form.every === undefined ? everyMsDefault : toMs(form.every);
  const withinMs = toMs(form.within);
  if (everyMs < 1_000)
    report.value([...path, 'every'], 'until.too-often', 'this is shorter than a second', 'Look every second at most.');
  else if (withinMs / everyMs > looksMax)
    report.value(
      [...path, 'within'],
      'until.too-often',
      `this would be over ${looksMax} looks`,
      'Look less often (`every`), or for a shorter time.',
    );
  return { met, everyMs, withinMs };
}

function compileMet(until: string, path: Path, scope: Scope, report: Report): Expr {
  if (!hasExpression(until)) {
    const next = `Write until: \${{ ${until === '' ? 'size(found) > 0' : until} }}`;
    report.value(path, 'expression.missing', '"until" takes an expression', next);
    return { op: 'literal', value: false };
  }
  const { expr, type, faults } = lowerText(until, scope);
  for (const { offset, ...said } of faults) report.inside(path, offset, said);
  if (faults.length > 0) return expr;
  if (!is(type, 'bool'))
    report.value(
      path,
      'expression.type',
      `"until" must be true or false, not ${nameOf(type)}`,
      'Compare it with something, as in size(found) == 0.',
    );
  else if (!mentions(expr, 'found'))
    report.value(path, 'until.reads-nothing', 'this does not look at what was found', 'Read "found" in it.');
  else if (asksAllOfNothing(expr))
    report.value(
      path,
      'until.all-of-nothing',
      'where nothing is found this is true',
      'Say that something must be found, as in size(found) > 0 && found.all(...).',
    );
  return expr;
}

/** "All of them" is true of none; somebody would take that for done. */
function asksAllOfNothing(expr: Expr): boolean {
  return some(expr, ({ op }) => op === 'all') && !some(expr, (each) => each.op === 'call' && each.name === 'size');
}

function mentions(expr: Expr, name: string): boolean {
  return some(expr, (each) => each.op === 'name' && each.name === name);
}

function some(expr: Expr, test: (each: Expr) => boolean): boolean {
  return test(expr) || children(expr).some((child) => some(child, test));
}
