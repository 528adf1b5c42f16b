/** `with` of a step: its values lowered, and compared with what the unit takes. */
import type { Expr } from '../core/expression.js';
import type { Json } from '../core/json.js';
import { inputOf, type UnitInfo } from './catalog.js';
import { lowerText, type Scope } from './expression.js';
import { any, listOf, nameOf, type Type, typeOfJson } from './expression-type.js';
import type { Path } from './place.js';
import { didYouMean, oneOf } from './problem.js';
import type { Report } from './report.js';

export interface Value {
  expr: Expr;
  type: Type;
}

/** Lowers a JSON value whose texts may hold expressions; parts without any stay literals. */
export function lowerValue(value: Json, path: Path, scope: Scope, report: Report): Value {
  if (typeof value === 'string') {
    const { expr, type, faults } = lowerText(value, scope);
    for (const { offset, ...said } of faults) report.inside(path, offset, said);
    return { expr, type: faults.length > 0 ? any : type };
  }
  if (Array.isArray(value)) {
    const items = value.map((each, index) => lowerValue(each, [...path, index], scope, report));
    const exprs = items.map(({ expr }) => expr);
    return {
      expr: exprs.every(isLiteral) ? { op: 'literal', value } : { op: 'list', items: exprs },
      type: listOf(items.map(({ type }) => type)),
    };
  }
  if (typeof value !== 'object' || value === null) return { expr: { op: 'literal', value }, type: typeOfJson(value) };
  const { fields, types } = lowerFields(value, path, scope, report);
  const isPlain = Object.values(fields).every(isLiteral);
  return {
    expr: isPlain ? { op: 'literal', value } : { op: 'object', fields },
    type: { kind: 'object', fields: types },
  };
}

function lowerFields(value: { [key: string]: Json }, path: Path, scope: Scope, report: Report) {
  const lowered = Object.entries(value).map(
    ([key, each]) => [key, lowerValue(each, [...path, key], scope, report)] as const,
  );
  return {
    fields: Object.fromEntries(lowered.map(([key, { expr }]) => [key, expr])),
    types: Object.fromEntries(lowered.map(([key, { type }]) => [key, type])),
  };
}

/** Lowers `with` and checks every field against the unit's input. Always an `object`, so that readers find its fields. */
export function lowerWith(
  given: { [key: string]: Json },
  path: Path,
  unit: UnitInfo,
  scope: Scope,
  report: Report,
): Expr {
  const { fields, types } = lowerFields(given, path, scope, report);
  const wanted = inputOf(unit);
  const known = Object.keys(wanted.fields);
  for (const key of Object.keys(given)) {
    const field = Object.hasOwn(wanted.fields, key) ? wanted.fields[key] : undefined;
    const expr = fields[key];
    const type = types[key] ?? any;
    const at = [...path, key];
    if (field === undefined) {
      report.key(at, 'with.unknown-field', `${unit.name} takes no "${key}"${didYouMean(key, known)}`, oneOf(known));
    } else if (expr !== undefined && isLiteral(expr) && field.schema !== undefined) {
      const parsed = field.schema.safeParse(expr.value);
      for (const issue of parsed.error?.issues ?? []) {
        const part = issue.path.filter((each) => typeof each !== 'symbol');
        report.value(
          [...at, ...part],
          'with.bad-value',
          `"${key}" of ${unit.name} is refused: ${issue.message}`,
          'Give a value that the unit takes.',
        );
      }
    } else if (!fits(type, field.types)) {
      const wants = field.types?.join(' or ') ?? 'something else';
      report.value(
        at,
        'with.wrong-type',
        `"${key}" of ${unit.name} must be ${wants}, not ${nameOf(type)}`,
        'Give a value of that type.',
      );
    }
  }
  for (const key of wanted.required.filter((each) => !Object.hasOwn(given, each))) {
    report.value(path, 'with.missing', `${unit.name} needs "${key}" in with`, `Add it, as in with: { ${key}: ... }.`);
  }
  return { op: 'object', fields };
}

/** The names that JSON Schema has for our types. */
const jsonTypes: Record<Exclude<Type['kind'], 'any'>, string[]> = {
  null: ['null'],
  bool: ['boolean'],
  // Whether a number is whole is known only at run time.
  int: ['integer', 'number'],
  double: ['integer', 'number'],
  string: ['string'],
  list: ['array'],
  object: ['object'],
};

function fits(type: Type, wanted: string[] | undefined): boolean {
  return type.kind === 'any' || wanted === undefined || jsonTypes[type.kind].some((each) => wanted.includes(each));
}

function isLiteral(expr: Expr): expr is Extract<Expr, { op: 'literal' }> {
  return expr.op === 'literal';
}
