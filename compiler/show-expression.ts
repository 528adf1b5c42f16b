/** Expressions as people wrote them, for `explain` and for messages: CEL again, from the tree. */
import type { Expr } from '../core/expression.js';

export function showExpression(expr: Expr): string {
  return show(expr, 0);
}

/** How strongly operators bind; a weaker one within a stronger one needs brackets. */
const strengths: Record<string, number> = {
  if: 1,
  or: 2,
  and: 3,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  in: 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '//': 6,
  '%': 6,
  not: 7,
  negate: 7,
};
const signs: Record<string, string> = { and: '&&', or: '||', '//': '/' };

function show(expr: Expr, around: number): string {
  const strength = strengths[expr.op] ?? 8;
  const text = bare(expr, strength);
  return strength < around ? `(${text})` : text;
}

function bare(expr: Expr, strength: number): string {
  switch (expr.op) {
    case 'literal':
      return JSON.stringify(expr.value);
    case 'name':
      return expr.name;
    case 'field':
      return /^[A-Za-z_]\w*$/.test(expr.field)
        ? `${show(expr.of, 8)}.${expr.field}`
        : `${show(expr.of, 8)}[${JSON.stringify(expr.field)}]`;
    case 'index':
      return `${show(expr.of, 8)}[${show(expr.at, 0)}]`;
    case 'list':
      return `[${expr.items.map((item) => show(item, 0)).join(', ')}]`;
    case 'object':
      return `{${Object.entries(expr.fields)
        .map(([key, value]) => `${JSON.stringify(key)}: ${show(value, 0)}`)
        .join(', ')}}`;
    case 'text':
      return JSON.stringify(
        expr.parts
          .map((part) =>
            part.op === 'literal' && typeof part.value === 'string' ? part.value : `\${{ ${show(part, 0)} }}`,
          )
          .join(''),
      );
    case 'not':
      return `!${show(expr.of, strength)}`;
    case 'negate':
      return `-${show(expr.of, strength)}`;
    case 'if':
      return `${show(expr.condition, strength + 1)} ? ${show(expr.then, strength + 1)} : ${show(expr.otherwise, strength)}`;
    case 'all':
    case 'exists':
    case 'filter':
      return `${show(expr.of, 8)}.${expr.op}(${expr.as}, ${show(expr.test, 0)})`;
    case 'call': {
      const [first, ...rest] = expr.args.map((arg) => show(arg, 0));
      return expr.name === 'size' || expr.name === 'has'
        ? `${expr.name}(${first ?? ''})`
        : `${show(expr.args[0] ?? expr, 8)}.${expr.name}(${rest.join(', ')})`;
    }
    default:
      // The right side of an equal operator was in brackets, or it would have been on the left.
      return `${show(expr.left, strength)} ${signs[expr.op] ?? expr.op} ${show(expr.right, strength + 1)}`;
  }
}
