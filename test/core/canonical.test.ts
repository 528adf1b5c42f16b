// The one text form of a value: whichever way it is made, it is the one of RFC 8785, for hashes and signatures rest on it.
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical } from '../../core/canonical.js';
import { derived } from '../../core/derived.js';

const library = canonicalize as unknown as (value: unknown) => string | undefined;

test('any JSON value has the text that the library for RFC 8785 gives it, also once it was read back from that text', () => {
  const keys = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.nat().map(String), fc.constant('toJSON'));
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.constantFrom(-0, 1e21, '\ud800', '', '\u2028'),
      fc.array(tie('any')),
      fc.dictionary(keys, tie('any')),
    ),
  })).any;
  fc.assert(
    fc.property(value, (each) => {
      const text = canonical(each);
      expect(text).toBe(library(each));
      expect(canonical(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('what is no JSON value is treated as the library treats it', () => {
  const date = new Date(0);
  expect(canonical({ b: undefined, a: [undefined, date] })).toBe(library({ b: undefined, a: [undefined, date] }));
  expect(() => canonical({ a: Number.NaN })).toThrow('NaN');
  expect(() => canonical([Number.POSITIVE_INFINITY])).toThrow('Infinity');
  expect(() => canonical(undefined)).toThrow('Only JSON values');
});

test('what is worked out of a value is worked out once for each value, and again for an equal one', () => {
  let times = 0;
  const sizeOf = derived((list: string[]) => {
    times += 1;
    return list.length;
  });
  const list = ['a', 'b'];
  expect([sizeOf(list), sizeOf(list), sizeOf(['a', 'b']), times]).toEqual([2, 2, 2, 2]);
});
