/** Values and expressions as words of a shell, for commands that a person types. */
import type { Expr } from '../core/expression.js';
import type { Json } from '../core/json.js';
import type { InputType } from '../core/runbook.js';

/** Stands where only a person knows the value; AWS refuses it as an id, so that a forgotten one does no harm. */
export const fillIn = 'FILL_IN';

/** A value that the shell takes as it is; plain ones stay as they are read. */
export function quoted(value: Json): string {
  const text = asText(value);
  return /^[A-Za-z0-9_./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** One word for the value of an expression over inputs and `item`; undefined where a person has to work it out. */
export function shellWord(expr: Expr, inputs: Record<string, InputType>): string | undefined {
  if (expr.op === 'literal') return quoted(expr.value);
  const inside = insideQuotes(expr, inputs);
  return inside === undefined ? undefined : `"${inside}"`;
}

/** The words that a step loops over. */
export function shellWords(expr: Expr, inputs: Record<string, InputType>): string | undefined {
  if (expr.op === 'literal' && Array.isArray(expr.value)) return expr.value.map(quoted).join(' ');
  if (expr.op === 'list') {
    const words = expr.items.map((item) => shellWord(item, inputs));
    return words.some((word) => word === undefined) ? undefined : words.join(' ');
  }
  const input = inputNamed(expr);
  return input !== undefined && inputs[input]?.type === 'list' ? `"\${${input}[@]}"` : undefined;
}

function insideQuotes(expr: Expr, inputs: Record<string, InputType>): string | undefined {
  if (expr.op === 'literal') return asText(expr.value).replace(/["$`\\]/g, '\\$&');
  if (expr.op === 'name') return expr.name === 'item' ? '${item}' : undefined;
  if (expr.op === 'text') {
    const parts = expr.parts.map((part) => insideQuotes(part, inputs));
    return parts.some((part) => part === undefined) ? undefined : parts.join('');
  }
  const input = inputNamed(expr);
  return input !== undefined && inputs[input] !== undefined && inputs[input].type !== 'list'
    ? `\${${input}}`
    : undefined;
}

function inputNamed(expr: Expr): string | undefined {
  return expr.op === 'field' && expr.of.op === 'name' && expr.of.name === 'inputs' ? expr.field : undefined;
}

function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
