/**
 * Expressions as the workflow sees them: small JSON trees, lowered from CEL by `compiler/expression.ts`.
 * Pure and total but for `ExpressionError`; numbers are doubles, never big integers, which no payload can hold.
 */
import type { Json } from './json.js';

export type Expr =
  | { op: 'literal'; value: Json }
  | { op: 'name'; name: string }
  | { op: 'field'; of: Expr; field: string }
  | { op: 'index'; of: Expr; at: Expr }
  | { op: 'list'; items: Expr[] }
  | { op: 'object'; fields: Record<string, Expr> }
  | { op: 'text'; parts: Expr[] }
  | { op: 'and' | 'or'; left: Expr; right: Expr }
  | { op: 'not' | 'negate'; of: Expr }
  | { op: 'if'; condition: Expr; then: Expr; otherwise: Expr }
  | { op: Compare | Arithmetic; left: Expr; right: Expr }
  /** A question about each entry of a list, which `test` names as `as`. A list has an end, so this has one, too. */
  | { op: EachName; of: Expr; as: string; test: Expr }
  | { op: 'call'; name: CallName; args: Expr[] };

export type Compare = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in';
/** `//` divides whole numbers towards zero, which is what CEL's `/` does with two integers. */
export type Arithmetic = '+' | '-' | '*' | '/' | '//' | '%';

/** Whether all entries pass, or one does; or the list of those that do. */
export const eachNames = ['all', 'exists', 'filter'] as const;
export type EachName = (typeof eachNames)[number];

/** The functions an expression may call; the compiler refuses any other. The first argument is the receiver. */
export const callNames = ['size', 'startsWith', 'endsWith', 'contains', 'has'] as const;
export type CallName = (typeof callNames)[number];

export class ExpressionError extends Error {}

/** Evaluates a tree against named values, for instance `{ inputs, item, steps }`. A missing name or field throws. */
export function evaluate(expr: Expr, names: Record<string, Json>): Json {
  switch (expr.op) {
    case 'literal':
      return expr.value;
    case 'name':
      return member(names, expr.name);
    case 'field':
      return member(evaluate(expr.of, names), expr.field);
    case 'index':
      return indexed(evaluate(expr.of, names), evaluate(expr.at, names));
    case 'list':
      return expr.items.map((item) => evaluate(item, names));
    case 'object':
      return Object.fromEntries(Object.entries(expr.fields).map(([key, value]) => [key, evaluate(value, names)]));
    case 'text':
      return expr.parts.map((part) => asText(evaluate(part, names))).join('');
    case 'and':
      return truth(evaluate(expr.left, names)) && truth(evaluate(expr.right, names));
    case 'or':
      return truth(evaluate(expr.left, names)) || truth(evaluate(expr.right, names));
    case 'not':
      return !truth(evaluate(expr.of, names));
    case 'negate':
      return 0 - number(evaluate(expr.of, names)); // never -0, which JSON does not have
    case 'if':
      return truth(evaluate(expr.condition, names)) ? evaluate(expr.then, names) : evaluate(expr.otherwise, names);
    case 'all':
    case 'exists':
    case 'filter':
      return eachEntry(expr.op, evaluate(expr.of, names), (entry) =>
        truth(evaluate(expr.test, { ...names, [expr.as]: entry })),
      );
    case 'call':
      return call(expr.name, expr.args, names);
    default:
      return binary(expr.op, evaluate(expr.left, names), evaluate(expr.right, names));
  }
}

/** The names of steps whose results an expression reads, so that planning knows what must have ended first. */
export function stepsRead(expr: Expr): string[] {
  if (expr.op === 'field' && expr.of.op === 'name' && expr.of.name === 'steps') return [expr.field];
  return children(expr).flatMap(stepsRead);
}

/** The expressions that an expression is made of. */
export function children(expr: Expr): Expr[] {
  switch (expr.op) {
    case 'literal':
    case 'name':
      return [];
    case 'field':
    case 'not':
    case 'negate':
      return [expr.of];
    case 'index':
      return [expr.of, expr.at];
    case 'list':
      return expr.items;
    case 'object':
      return Object.values(expr.fields);
    case 'text':
      return expr.parts;
    case 'if':
      return [expr.condition, expr.then, expr.otherwise];
    case 'all':
    case 'exists':
    case 'filter':
      return [expr.of, expr.test];
    case 'call':
      return expr.args;
    default:
      return [expr.left, expr.right];
  }
}

function eachEntry(op: EachName, of: Json, test: (entry: Json) => boolean): Json {
  if (!Array.isArray(of)) throw new ExpressionError(`${op}() takes a list.`);
  if (op === 'filter') return of.filter(test);
  return op === 'all' ? of.every(test) : of.some(test);
}

function call(name: CallName, args: Expr[], names: Record<string, Json>): Json {
  if (name === 'has') return present(args[0], names);
  const [of, arg] = args.map((each) => evaluate(each, names));
  switch (name) {
    case 'size':
      return size(of);
    case 'startsWith':
      return text(of).startsWith(text(arg));
    case 'endsWith':
      return text(of).endsWith(text(arg));
    case 'contains':
      return text(of).includes(text(arg));
  }
}

function present(expr: Expr | undefined, names: Record<string, Json>): boolean {
  if (expr?.op !== 'field') throw new ExpressionError('has() takes a field, as in has(inputs.reason).');
  const of = evaluate(expr.of, names);
  return isObject(of) && Object.hasOwn(of, expr.field);
}

function binary(op: Compare | Arithmetic, left: Json, right: Json): Json {
  switch (op) {
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case 'in':
      if (Array.isArray(right)) return right.some((each) => equal(left, each));
      if (isObject(right)) return Object.hasOwn(right, text(left));
      throw new ExpressionError('`in` takes a list or an object on its right.');
    case '<':
      return ordered(left, right) < 0;
    case '<=':
      return ordered(left, right) <= 0;
    case '>':
      return ordered(left, right) > 0;
    case '>=':
      return ordered(left, right) >= 0;
    case '+':
      if (typeof left === 'string') return left + text(right);
      if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
      return counted(number(left) + number(right));
    case '-':
      return counted(number(left) - number(right));
    case '*':
      return counted(number(left) * number(right));
    case '/':
      return counted(number(left) / divisor(right));
    case '//':
      // The remainder first: a quotient of doubles may already have been rounded up to the next whole number.
      return counted((number(left) - (number(left) % divisor(right))) / divisor(right));
    case '%':
      return counted(number(left) % divisor(right));
  }
}

function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => equal(each, b[i] ?? null));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null))
    );
  }
  return a === b;
}

function ordered(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw new ExpressionError('Only two numbers or two texts have an order.');
}

function member(of: Json, field: string): Json {
  if (isObject(of) && Object.hasOwn(of, field)) return of[field] ?? null;
  throw new ExpressionError(`There is no \`${field}\` here.`);
}

function indexed(of: Json, at: Json): Json {
  if (Array.isArray(of) && Number.isInteger(at) && Number(at) >= 0 && Number(at) < of.length)
    return of[Number(at)] ?? null;
  if (typeof at === 'string') return member(of, at);
  throw new ExpressionError(`There is nothing at ${asText(at)} here.`);
}

function size(of: Json | undefined): number {
  if (typeof of === 'string') return Array.from(of).length; // characters, as CEL counts them, not UTF-16 units
  if (Array.isArray(of)) return of.length;
  if (isObject(of)) return Object.keys(of).length;
  throw new ExpressionError('size() takes a text, a list or an object.');
}

function truth(value: Json): boolean {
  if (typeof value === 'boolean') return value;
  throw new ExpressionError('A condition must be true or false.');
}

function number(value: Json): number {
  if (typeof value === 'number') return value;
  throw new ExpressionError('Arithmetic takes numbers.');
}

function divisor(value: Json): number {
  if (number(value) !== 0) return number(value);
  throw new ExpressionError('Division by zero.');
}

/** A result that a double holds exactly where it is a whole number; `-0` becomes `0`, for JSON has only one. */
function counted(value: number): number {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value + 0;
  throw new ExpressionError('A number left the range that is counted exactly (2^53).');
}

function text(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  throw new ExpressionError('A text was expected.');
}

function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
