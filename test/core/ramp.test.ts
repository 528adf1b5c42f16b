import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RampStage, stageEnds } from '../../core/ramp.js';

test('stages end where they say, the last at all', () => {
  expect(stageEnds([{ items: 1 }, { percent: 10 }, { percent: 100 }], 200)).toEqual([1, 20, 200]);
  expect(stageEnds([{ items: 1 }], 200)).toEqual([1, 200]);
  expect(stageEnds([], 3)).toEqual([3]);
  expect(stageEnds([{ items: 5 }, { percent: 50 }], 3)).toEqual([2, 3]);
  expect(stageEnds([{ percent: 1 }], 3)).toEqual([1, 3]);
  expect(stageEnds([{ items: 1 }], 0)).toEqual([0]);
});

test('whatever the ramp, every item is in exactly one stage', () => {
  const stage = fc.oneof(
    fc.integer({ min: 1, max: 10_000 }).map((items): RampStage => ({ items })),
    fc.integer({ min: 1, max: 100 }).map((percent): RampStage => ({ percent })),
  );
  fc.assert(
    fc.property(fc.array(stage, { maxLength: 10 }), fc.nat(10_000), (ramp, total) => {
      const ends = stageEnds(ramp, total);
      expect(ends.at(-1)).toBe(total);
      expect(ends).toEqual([...new Set(ends)].toSorted((a, b) => a - b));
    }),
  );
});
