import { expect, test } from 'vitest';
import type { Hold } from '../../core/hold.js';
import { worstFirst } from '../../core/risk.js';
import { limitOf, limitReached, saysNotAsHeld, saysStanding } from '../../core/settle-limit.js';

const nowMs = Date.parse('2026-11-22T15:00:00.000Z');
const time = (moment: string) => moment.slice(11, 16);
const at = (hour: string) => `2026-11-22T${hour}:00.000Z`;

test('what was put back as often as it may in an hour is put back again when the first of those is an hour ago', () => {
  const times = [at('14:50'), at('13:10'), at('14:20'), at('14:30')];
  expect(limitReached(times, 4, nowMs)).toBeUndefined();
  expect(limitReached(times, 3, nowMs)).toEqual({ until: at('15:20') });
  expect(limitReached(times, 3, Date.parse(at('15:20')) - 1)).toEqual({ until: at('15:20') });
  expect(limitReached(times, 3, Date.parse(at('15:20')))).toBeUndefined();
  // With more than the limit, as after it was lowered: the one whose hour must pass is not the oldest.
  expect(limitReached(times, 2, nowMs)).toEqual({ until: at('15:30') });
});

test('where nothing is put back by itself, no time is promised', () => {
  expect(limitReached([], 0, nowMs)).toEqual({});
  expect(limitReached([], 1, nowMs)).toBeUndefined();
});

test('a hold is said not to be put back only by what the watch said since it was found changed', () => {
  const hold = { id: 'hold-1', state: 'in force', inForceAt: at('13:00'), differsSince: at('14:55') } as Hold;
  const said = (when: string, of: string, until?: string) => ({
    at: at(when),
    action: 'containment.limit-reached',
    text: '',
    limit: { hold: of, ...(until === undefined ? {} : { until }) },
  });
  const view = { runbook: 'contain', watch: [said('14:56', 'hold-1', at('15:20')), said('14:57', 'hold-2')] };
  expect(limitOf(view, hold)).toMatchObject({ until: at('15:20') });
  expect(limitOf(view, { ...hold, differsSince: at('14:58') })).toBeUndefined();
  expect(limitOf(view, { ...hold, state: 'releasing' })).toBeUndefined();
  expect(saysStanding(hold, [{ watch: [] }, view], time)).toBe('not as held since 14:55, not put back until 15:20');
  expect(saysStanding({ ...hold, id: 'hold-2' }, [view], time)).toBe('not as held since 14:55, not put back by itself');
  expect(saysNotAsHeld(view, [hold, { ...hold, id: 'hold-3' }], time)).toMatch(
    /^2 of 2 .* put 1 of them back as often as it may in an hour, and does so again after 15:20\. To have it done at once, launch contain /,
  );
  expect(saysNotAsHeld(view, [{ ...hold, id: 'hold-2' }], time)).toContain(
    'puts them back only when a person says so.',
  );
});

test('what does most harm comes first, and equals keep their order', () => {
  const steps = [
    { id: 'protect', risk: 'low' as const },
    { id: 'isolate', risk: 'disruptive' as const },
    { id: 'tag', risk: 'low' as const },
  ];
  expect(steps.toSorted((a, b) => worstFirst(a.risk, b.risk)).map(({ id }) => id)).toEqual([
    'isolate',
    'protect',
    'tag',
  ]);
});
