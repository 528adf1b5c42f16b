/** Operators of expressions: which types they take, what they give, and which comparisons can never hold. */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Expr } from '../core/expression.js';
import { any, bool, both, is, isNumber, nameOf, text, type Type } from './expression-type.js';
import { didYouMean, oneOf } from './problem.js';

export interface Typed {
  expr: Expr;
  type: Type;
}

/** Reports a fault and stands in for what could not be lowered, with a type that causes no second fault. */
export type Refuse = (node: ASTNode, code: string, message: string, nextStep: string, at?: number) => Typed;

export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '%';

/** One operator between two lowered sides; `a` and `b` are where the sides stand. */
export function operate(
  node: ASTNode,
  op: Operator,
  [a, left]: [ASTNode, Typed],
  [b, right]: [ASTNode, Typed],
  refuse: Refuse,
): Typed {
  const expr: Expr = { op, left: left.expr, right: right.expr };
  switch (op) {
    case '==':
    case '!=':
      if (both(left.type, right.type) === undefined)
        return refuse(
          node,
          'type',
          `${nameOf(left.type)} never equals ${nameOf(right.type)}`,
          'Compare like with like.',
          a.start,
        );
      return neverEqual(a, left.type, b, right.type, refuse) ?? { expr, type: bool };
    case '<':
    case '<=':
    case '>':
    case '>=':
      if ((isNumber(left.type) && isNumber(right.type)) || (is(left.type, 'string') && is(right.type, 'string')))
        return { expr, type: bool };
      return refuse(
        node,
        'type',
        `${nameOf(left.type)} and ${nameOf(right.type)} have no order`,
        'Compare two numbers or two texts.',
        a.start,
      );
    case 'in':
      return membership(a, left, b, right, expr, refuse);
    case '+':
      return sum(node, left, right, expr, refuse, a.start);
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(node, op, left, right, refuse, a.start);
  }
}

/** A word that is compared with one it can never be, such as a state that no step has; nothing to report when it may be. */
function neverEqual(a: ASTNode, left: Type, b: ASTNode, right: Type, refuse: Refuse): Typed | undefined {
  if (left.kind !== 'string' || right.kind !== 'string' || left.words === undefined || right.words === undefined)
    return undefined;
  if (a.op === 'value' && b.op === 'value') return undefined;
  const { words } = left;
  if (right.words.some((word) => words.includes(word))) return undefined;
  const [written, node, known] = a.op === 'value' ? [left.words, a, right.words] : [right.words, b, left.words];
  const word = written[0] ?? '';
  return refuse(node, 'never-equal', `this is never "${word}"${didYouMean(word, known)}`, oneOf(known));
}

function membership(a: ASTNode, left: Typed, b: ASTNode, right: Typed, expr: Expr, refuse: Refuse): Typed {
  if (right.type.kind === 'any') return { expr, type: bool };
  if (right.type.kind === 'object' && is(left.type, 'string')) return { expr, type: bool };
  if (right.type.kind !== 'list')
    return refuse(
      b,
      'type',
      `"in" looks into a list, not into ${nameOf(right.type)}`,
      'Write a list on the right, as in [1, 2].',
    );
  if (both(left.type, right.type.of) === undefined) {
    return refuse(
      a,
      'type',
      `${nameOf(left.type)} is never in this list`,
      `Its entries are each ${nameOf(right.type.of)}.`,
    );
  }
  return neverEqual(a, left.type, b, right.type.of, refuse) ?? { expr, type: bool };
}

function sum(
  node: ASTNode,
  { type: left }: Typed,
  { type: right }: Typed,
  expr: Expr,
  refuse: Refuse,
  at: number,
): Typed {
  if (left.kind === 'any' || right.kind === 'any') return { expr, type: left.kind === 'any' ? right : left };
  if (left.kind === 'string' && right.kind === 'string') return { expr, type: text };
  if (left.kind === 'list' && right.kind === 'list') {
    const of = both(left.of, right.of);
    if (of === undefined)
      return refuse(node, 'type', 'the entries of these lists are of different types', 'Join lists of one type.', at);
    const max = left.max === undefined || right.max === undefined ? undefined : left.max + right.max;
    return { expr, type: max === undefined ? { kind: 'list', of } : { kind: 'list', of, max } };
  }
  if (isNumber(left) && isNumber(right)) return { expr, type: both(left, right) ?? any };
  return refuse(
    node,
    'type',
    `${nameOf(left)} and ${nameOf(right)} cannot be added`,
    'Add two numbers, or join two texts or two lists.',
    at,
  );
}

function arithmetic(
  node: ASTNode,
  op: '-' | '*' | '/' | '%',
  left: Typed,
  right: Typed,
  refuse: Refuse,
  at: number,
): Typed {
  if (!isNumber(left.type) || !isNumber(right.type)) {
    const other = isNumber(left.type) ? right.type : left.type;
    return refuse(node, 'type', `"${op}" takes numbers, not ${nameOf(other)}`, 'Use numbers on both sides.', at);
  }
  const type = both(left.type, right.type) ?? any;
  if (op === '%' && type.kind === 'double')
    return refuse(node, 'type', '"%" takes whole numbers', 'Inputs of type number may have a fraction.', at);
  // CEL divides whole numbers towards zero; the tree has an operator of its own for it, for its numbers are all doubles.
  return { expr: { op: op === '/' && type.kind === 'int' ? '//' : op, left: left.expr, right: right.expr }, type };
}
