/** Values and texts that people, editors and attackers come up with. */
import * as fc from 'fast-check';
import type { Json } from '../../../core/json.js';

/** Names that mean something to JavaScript. */
export const ownNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length'];

const texts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\udc00x',
  '\ufeff',
  '\u202eecila',
  'аlice', // with a Cyrillic letter
  'ａｌｉｃｅ',
  'e\u0301',
  '👩‍🚒',
  '\r\n',
  '\u2028',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '0x10',
  '9007199254740993',
  'true',
  'null',
  'undefined',
  '[object Object]',
  '2026-02-30T00:00:00.000Z',
  '../../etc/passwd',
  "'; drop table events; --",
  '${{ inputs.instances }}',
  '${{',
  '%s%n',
  ...ownNames,
];

const long = fc
  .tuple(fc.constantFrom('a', 'a,', '=', '"', '\\', '${{ 1 }}', ' ', '0', '-', '\u0301', 'i-0'), fc.nat(4_000))
  .map(([part, count]) => part.repeat(count));

export const strangeText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...texts) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: long },
);

const strangeNumber = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1e21, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 5e-324),
  fc.integer(),
);

/** A property of its own of that name, which an assignment would not make. */
function polluting(name: string): Json {
  return JSON.parse(`{${JSON.stringify(name)}:{"polluted":true,"isTerminal":false}}`) as Json;
}

function nested(open: string, inner: string, close: string, depth: number): Json {
  return JSON.parse(open.repeat(depth) + inner + close.repeat(depth)) as Json;
}

/** Lists and objects within one another; deeper ones would not come through what builds the cases. */
const deep = fc
  .tuple(
    fc.constantFrom<[string, string, string]>(['[', '1', ']'], ['{"a":', '1', '}'], ['[{"a":', '[]', '}]']),
    fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 2, max: 60 }) }, { weight: 1, arbitrary: fc.nat(1_000) }),
  )
  .map(([[open, inner, close], depth]) => nested(open, inner, close, depth));

export const strangeValue: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: strangeText },
  { weight: 3, arbitrary: strangeNumber },
  { weight: 3, arbitrary: fc.constantFrom<Json>(null, true, false, [], {}, [null], [[]], { a: null }) },
  { weight: 2, arbitrary: fc.constantFrom(...ownNames).map(polluting) },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: fc.nat(3_000).map((count): Json => Array.from({ length: count }, (_, at) => `i-${at}`)) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json> },
);
