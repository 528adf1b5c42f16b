/** Expressions: by the grammar, and of shapes that nobody would write. */
import * as fc from 'fast-check';

const names = [
  'inputs.instances',
  'inputs.reason',
  'inputs',
  'steps',
  'item',
  'steps.collect.counts.failed',
  'steps["deny-users"]',
  'x',
];
const literals = [
  '1',
  '0',
  '-1',
  '1.5',
  '"a"',
  "'a'",
  'true',
  'null',
  '9223372036854775807',
  '1u',
  'b"a"',
  '[]',
  '{}',
  '{"a": 1}',
];
const operators = ['==', '!=', '<', '<=', '>', '>=', '&&', '||', '+', '-', '*', '/', '%', ' in ', '.', '?', ':', ','];

const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(...names, ...literals),
    fc.tuple(tie('expression'), fc.constantFrom(...operators), tie('expression')).map((parts) => parts.join(' ')),
    fc.tuple(fc.constantFrom('!', '-', '(', '[', 'has(', 'size('), tie('expression')).map(([open, inner]) => {
      const close = open.endsWith('(') ? ')' : open === '[' ? ']' : '';
      return `${open}${inner}${close}`;
    }),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `${a} ? ${b} : ${c}`),
    fc
      .tuple(tie('expression'), fc.constantFrom('all', 'exists', 'filter', 'map'), tie('expression'))
      .map(([of, macro, test]) => `${of}.${macro}(x, ${test})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom(
          '.startsWith',
          '.contains',
          '.map',
          '.all',
          '.exists',
          '.filter',
          '.matches',
          '.a',
          '["b"]',
          '[0]',
        ),
        tie('expression'),
      )
      .map(([of, call, argument]) => `${of}${call}${call.startsWith('.') && call !== '.a' ? `(${argument})` : ''}`),
  ),
}));

/** Around the greatest length of an expression, and far beyond. */
const count = fc.oneof({ weight: 9, arbitrary: fc.nat(520) }, { weight: 1, arbitrary: fc.nat(20_000) });

const repeated = fc
  .tuple(
    fc.constantFrom<[string, string, string]>(
      ['(', '1', ')'],
      ['[', '', ']'],
      ['!', 'true', ''],
      ['-', '1', ''],
      ['{"a":', '1', '}'],
      ['1+', '1', ''],
      ['true&&', 'true', ''],
      ['true?1:', '1', ''],
      ['', 'a', '.b'],
      ['', 'a', '[0]'],
      ['has(', 'a', ')'],
      ['"', '', '"'],
      ['"""', '', ''],
      ['r"\\', '', '"'],
      ['\\', '', ''],
      ['{', '', '}'],
      ['', '', '}'],
      ['${{', '', '}}'],
      ['1', '', ''],
      ['.', '1', ''],
    ),
    count,
  )
  .map(([[open, inner, close], times]) => open.repeat(times) + inner + close.repeat(times));

/** As they stand in a file. */
export const expressions: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(expression, repeated),
    fc.constantFrom<[string, string]>(['${{ ', ' }}'], ['a ${{', '}} b'], ['${{', '}}${{ 1 }}'], ['${{ ', '']),
  )
  .map(([inner, [before, after]]) => `${before}${inner}${after}`);
