/** JSON as it should not be sent: good values damaged in their structure, and the text that they become, too. */
import * as fc from 'fast-check';
import type { Json } from '../../../core/json.js';
import { damaged, damages } from './damage.js';
import { strangeText, strangeValue } from './values.js';

/** What no value says: more than a stack that recurses takes, numbers that are none, the same name twice. */
const beyondValues = fc.oneof(
  fc
    .tuple(fc.constantFrom<[string, string]>(['[', ']'], ['{"a":', '}'], ['[', '']), fc.nat(120_000))
    .map(([[open, close], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`),
  fc.constantFrom(
    'NaN',
    '-0',
    '1e999',
    '-1e999',
    '9007199254740993',
    '1E400',
    '"\\ud800"',
    '"\\u0000"',
    '{"a":1,"a":2}',
  ),
  fc.constantFrom('', ' ', 'undefined', "'a'", '// a', '01', '[1,]', '{a:1}', '"', '\ufeff{}', 'tru', '\u0000'),
);

/** Where what is beyond values is put. */
const mark = '@beyond@';

export function damagedValues(good: Json[]): fc.Arbitrary<Json> {
  return fc.tuple(fc.constantFrom(...good), damages(strangeValue)).map(([value, all]) => damaged(value, all));
}

export function jsonTexts(good: Json[]): fc.Arbitrary<string> {
  const whole = fc.constantFrom(...good);
  const replaced = fc
    .tuple(whole, damages(fc.constant(mark), 2), beyondValues)
    .map(([value, all, text]) => JSON.stringify(damaged(value, all)).replaceAll(`"${mark}"`, () => text));
  const slip = fc.record({ at: fc.nat(5_000), drop: fc.nat(8), put: fc.oneof(strangeText, beyondValues) });
  const slipped = fc.tuple(whole, fc.array(slip, { minLength: 1, maxLength: 3 })).map(([value, slips]) =>
    slips.reduce((text, { at, drop, put }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put + text.slice(from + drop);
    }, JSON.stringify(value)),
  );
  return fc.oneof(
    { weight: 12, arbitrary: damagedValues(good).map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: replaced },
    { weight: 3, arbitrary: slipped },
    { weight: 1, arbitrary: beyondValues },
    { weight: 1, arbitrary: whole.map((value) => JSON.stringify(value)) },
  );
}
