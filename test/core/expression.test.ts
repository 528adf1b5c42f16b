// The tree that an expression is lowered to means what CEL means: cel-js itself is the judge.
import { evaluate as evaluateCel } from '@marcbachmann/cel-js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lowerCel, type Scope } from '../../compiler/expression.js';
import { evaluate, type Expr, ExpressionError, stepsRead } from '../../core/expression.js';
import type { Json } from '../../core/json.js';

const scope: Scope = {
  inputs: {
    n: { kind: 'double' },
    b: { kind: 'bool' },
    s: { kind: 'string' },
    l: { kind: 'list', of: { kind: 'string' } },
  },
  optional: new Set(),
  present: new Set(),
  steps: () => ({}),
  allSteps: new Set(),
};

/** A type, not an interface: only types have the index signature that `letrec` asks for. */
type Sources = { int: string; double: string; bool: string; text: string };

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '}', 'é', '😀', ' '), maxLength: 4 });
const quoted = letters.map((each) => JSON.stringify(each));

/** Well-typed CEL of some depth, as text. Factors and depth are small, so that no whole number leaves 2^53. */
const { int, bool, double } = fc.letrec<Sources>((tie) => ({
  int: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer({ min: 0, max: 20 }).map(String),
    fc.tuple(tie('int'), fc.constantFrom('+', '-', '/', '%'), tie('int')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('int'), fc.integer({ min: 0, max: 9 }))
      .map(([a, b]) => `${a} * ${b}`)
      .map((each) => `(${each})`),
    fc.tuple(tie('bool'), tie('int'), tie('int')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
    tie('int').map((a) => `-(${a})`),
    tie('text').map((a) => `size(${a})`),
    quoted.map((a) => `size(inputs.l.filter(x, x != ${a} && x != inputs.s))`),
    fc.tuple(tie('int'), tie('int')).map(([a, b]) => `[${a}, ${b}][1]`),
    tie('int').map((a) => `{"x": ${a}}.x`),
  ),
  double: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer({ min: 0, max: 80 }).map((each) => (each / 8).toFixed(3)),
    fc.constant('inputs.n'),
    fc
      .tuple(tie('double'), fc.constantFrom('+', '-', '*', '/'), tie('double'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
  text: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    quoted,
    fc.constant('inputs.s'),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `(${a} + ${b})`),
  ),
  bool: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'inputs.b', 'has(inputs.n)'),
    fc
      .tuple(tie('bool'), fc.constantFrom('&&', '||', '==', '!='), tie('bool'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('bool').map((a) => `!${a}`),
    fc
      .tuple(tie('int'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('int'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('double'), fc.constantFrom('<', '<=', '>', '>='), tie('double'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('text'), fc.constantFrom('==', '!=', '<', '>='), tie('text')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
      .map(([a, call, b]) => `${a}.${call}(${b})`),
    tie('text').map((a) => `(${a} in inputs.l)`),
    fc
      .tuple(fc.constantFrom('all', 'exists'), fc.constantFrom('==', '!=', '<', '>='), quoted)
      .map(([loop, op, b]) => `inputs.l.${loop}(x, x ${op} ${b} || x == inputs.s)`),
    fc.tuple(tie('int'), tie('int'), tie('int')).map(([a, b, c]) => `(${a} in [${b}, ${c}])`),
  ),
}));

const inputs = fc.record({
  n: fc.integer({ min: -40, max: 40 }).map((each) => each / 8),
  b: fc.boolean(),
  s: letters,
  l: fc.array(letters, { maxLength: 3 }),
});

/** What CEL says, in JSON; undefined when it says that there is no answer. */
function celSays(source: string, names: Record<string, Json>): Json | undefined {
  try {
    const value: unknown = evaluateCel(source, names);
    return typeof value === 'bigint' ? Number(value) : (value as Json);
  } catch {
    return undefined;
  }
}

function treeSays(expr: Expr, names: Record<string, Json>): Json | undefined {
  try {
    return evaluate(expr, names);
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

test('a lowered expression evaluates to what CEL itself evaluates, whatever the inputs', () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.oneof(int, bool), inputs, (source, given) => {
      fc.pre(source.length < 900);
      const { expr, faults } = lowerCel(source, 0, scope);
      expect(faults).toEqual([]);
      const names = { inputs: given };
      const cel = celSays(source, names);
      const tree = treeSays(JSON.parse(JSON.stringify(expr)) as Expr, names);
      // The tree never says something else; it may only refuse, and only where something is divided by zero: CEL lets both
      // `false && 1 / 0 == 1` and `1 / 0 == 1 && false` be false and has infinity, here what cannot be evaluated is refused.
      const refuses = tree === undefined && /[/%]/.test(source);
      expect({ source, says: tree }).toEqual({ source, says: refuses ? undefined : cel === 0 ? 0 : cel });
      compared += refuses ? 0 : 1;
    }),
    { numRuns: 2_000 },
  );
  expect(compared).toBeGreaterThan(1_000);
});

test('fractions are computed as CEL computes them, and infinity, which JSON does not have, is refused', () => {
  let compared = 0;
  fc.assert(
    fc.property(double, inputs, (source, given) => {
      fc.pre(source.length < 900);
      const names = { inputs: given };
      const cel = celSays(source, names);
      const tree = treeSays(lowerCel(source, 0, scope).expr, names);
      expect({ source, says: tree }).toEqual({ source, says: tree === undefined ? undefined : cel === 0 ? 0 : cel });
      compared += tree === undefined ? 0 : 1;
    }),
    { numRuns: 1_000 },
  );
  expect(compared).toBeGreaterThan(500);
});

test.each([
  ['a division by zero', '1 / (size(inputs.s) - size(inputs.s))', 'Division by zero.'],
  ['a fraction divided by zero', '1.5 / (inputs.n - inputs.n)', 'Division by zero.'],
  ['a remainder of zero', '1 % (2 - 2)', 'Division by zero.'],
  [
    'a number beyond what is counted exactly',
    '9007199254740991 + 1',
    'A number left the range that is counted exactly (2^53).',
  ],
  ['a product beyond it', '4503599627370496 * -4', 'A number left the range that is counted exactly (2^53).'],
  ['an entry after the last', 'inputs.l[7]', 'There is nothing at 7 here.'],
  ['an entry between two', 'inputs.l[inputs.n]', 'There is nothing at 0.5 here.'],
  ['an entry before the first', 'inputs.l[-1]', 'There is nothing at -1 here.'],
])('%s refuses at run time, for a rule that cannot be evaluated is no rule', (_, source, message) => {
  const { expr, faults } = lowerCel(source, 0, scope);
  expect(faults).toEqual([]);
  expect(() => evaluate(expr, { inputs: { n: 0.5, b: true, s: 'a', l: ['x'] } })).toThrow(new ExpressionError(message));
});

test('a name or a field that is not there refuses, and never reads what objects inherit', () => {
  const inherited: Expr = { op: 'field', of: { op: 'name', name: 'inputs' }, field: 'constructor' };
  expect(() => evaluate({ op: 'name', name: 'item' }, { inputs: {} })).toThrow(ExpressionError);
  expect(() => evaluate(inherited, { inputs: {} })).toThrow(ExpressionError);
});

test('the steps whose results an expression reads are found wherever they stand', () => {
  const result = { kind: 'object' as const, fields: { state: { kind: 'string' as const } } };
  const steps = { isolate: result, 'make-group': result, snapshot: result };
  const { expr, faults } = lowerCel(
    '(steps.isolate.state == "a" ? [steps["make-group"].state] : [])[0] == steps.snapshot.state',
    0,
    {
      ...scope,
      steps: () => steps,
      allSteps: new Set(Object.keys(steps)),
    },
  );
  expect(faults).toEqual([]);
  expect(stepsRead(expr).toSorted()).toEqual(['isolate', 'make-group', 'snapshot']);
});
