/** An expression with other expressions in the place of what it reads; how a runbook within a runbook becomes steps of the outer one. */
import { type Expr, ExpressionError } from './expression.js';

export interface Replacement {
  /** In the place of `inputs.NAME`; a name that is absent is an input that was not given. */
  inputs: Record<string, Expr>;
  /** The new name of a step. */
  step: (id: string) => string;
}

export function substitute(expr: Expr, by: Replacement): Expr {
  const walk = (each: Expr): Expr => substitute(each, by);
  switch (expr.op) {
    case 'literal':
    case 'name':
      return expr;
    case 'field':
      return substituteField(expr, by);
    case 'index':
      return { op: 'index', of: walk(expr.of), at: walk(expr.at) };
    case 'list':
      return { op: 'list', items: expr.items.map(walk) };
    case 'object':
      return {
        op: 'object',
        fields: Object.fromEntries(Object.entries(expr.fields).map(([key, value]) => [key, walk(value)])),
      };
    case 'text':
      return { op: 'text', parts: expr.parts.map(walk) };
    case 'not':
    case 'negate':
      return { op: expr.op, of: walk(expr.of) };
    case 'if':
      // oxlint-disable-next-line unicorn/no-thenable -- a tree is data; its `then` is no function, so nothing awaits it
      return { op: 'if', condition: walk(expr.condition), then: walk(expr.then), otherwise: walk(expr.otherwise) };
    case 'all':
    case 'exists':
    case 'filter':
      return { ...expr, of: walk(expr.of), test: walk(expr.test) };
    case 'call':
      return expr.name === 'has' ? substituteHas(expr, by) : { ...expr, args: expr.args.map(walk) };
    default:
      return { ...expr, left: walk(expr.left), right: walk(expr.right) };
  }
}

type Field = Extract<Expr, { op: 'field' }>;

function substituteField({ of, field }: Field, by: Replacement): Expr {
  if (of.op === 'name' && of.name === 'steps') return { op: 'field', of, field: by.step(field) };
  if (of.op !== 'name' || of.name !== 'inputs') return { op: 'field', of: substitute(of, by), field };
  const given = Object.hasOwn(by.inputs, field) ? by.inputs[field] : undefined;
  // Never read: the compiler lets an optional input be read only where `has` has answered for it, which is false here.
  return given ?? { op: 'literal', value: null };
}

/** Whether an input is there is known as soon as the runbook is included. */
function substituteHas(expr: Extract<Expr, { op: 'call' }>, by: Replacement): Expr {
  const [asked] = expr.args;
  if (asked?.op !== 'field') throw new ExpressionError('has() takes a field, as in has(inputs.reason).');
  if (asked.of.op === 'name' && asked.of.name === 'inputs')
    return { op: 'literal', value: Object.hasOwn(by.inputs, asked.field) };
  return { ...expr, args: [substitute(asked, by)] };
}
