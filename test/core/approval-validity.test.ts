import { expect, test } from 'vitest';
import { type Ask, judge, stillGood, verdict } from '../../core/gate.js';
import type { Facts, Statement } from '../../core/statement.js';

const digest = `sha256:${'0'.repeat(64)}` as const;
const about = { kind: 'gate' as const, run: 'run-1', launch: digest, gate: 'change', round: 1, plan: digest };
const minuteMs = 60_000;
const saidAt = Date.UTC(2026, 0, 1);

const ask: Ask = {
  id: 'change#1',
  about,
  allows: 'carry out',
  spec: { need: 1, from: ['oncall'], withinMs: 15 * minuteMs, personalKeys: 0, approvalValidMs: 60 * minuteMs },
  excluded: [],
  openedAt: new Date(saidAt).toISOString(),
  deadline: new Date(saidAt + 15 * minuteMs).toISOString(),
  containing: false,
};
const facts: Facts = {
  principal: { id: 'bob', groups: ['oncall'], responder: true },
  proof: { good: true, personalKey: true },
  digest,
};

function approval(verb: 'approve' | 'deny'): Statement {
  return {
    version: 1,
    verb,
    about,
    by: 'bob',
    at: new Date(saidAt).toISOString(),
    validUntil: '2099-01-01T00:00:00.000Z',
    nonce: 'one',
    proof: { kind: 'ssh', key: 'SHA256:x', signature: '' },
  };
}

test('an approval is good for as long as its gate says, even if it says of itself that it is good for longer', () => {
  expect(judge(ask, [], approval('approve'), facts, saidAt + 59 * minuteMs).counts).toBe(true);
  const late = saidAt + 61 * minuteMs;
  expect(judge(ask, [], approval('approve'), facts, late)).toMatchObject({ counts: false, code: 'statement.expired' });
  expect(judge(ask, [], approval('deny'), facts, late).counts).toBe(true);
});

const said = (by: string, atMs: number): Statement => ({
  ...approval('approve'),
  by,
  at: new Date(atMs).toISOString(),
});
const found = (by: string, digit: string): Facts => ({
  ...facts,
  principal: { id: by, groups: ['oncall'], responder: true },
  digest: `sha256:${digit.repeat(64)}`,
});

test('an approval that has lapsed neither helps a gate to pass nor keeps its speaker from saying it again', () => {
  const two = { ...ask, spec: { ...ask.spec, need: 2 }, containing: true };
  const late = saidAt + 65 * minuteMs;
  const bob = judge(two, [], said('bob', saidAt), found('bob', '1'), saidAt);
  if (!bob.counts) throw new Error(bob.reason);
  expect(bob.counted.goodUntil).toBe(new Date(saidAt + 60 * minuteMs).toISOString());
  const carol = judge(two, [bob.counted], said('carol', late), found('carol', '2'), late);
  if (!carol.counts) throw new Error(carol.reason);
  const both = [bob.counted, carol.counted];
  expect(verdict(two, stillGood(both, saidAt + 60 * minuteMs), saidAt + 60 * minuteMs)).toBe('passed');
  expect(verdict(two, stillGood(both, late), late)).toBe('asking');
  const early = judge(two, both, said('bob', saidAt + minuteMs), found('bob', '3'), saidAt + minuteMs);
  expect(early).toMatchObject({ counts: false, code: 'gate.already-decided' });
  const again = judge(two, both, said('bob', late), found('bob', '4'), late);
  if (!again.counts) throw new Error(again.reason);
  expect(verdict(two, stillGood([...both, again.counted], late), late)).toBe('passed');
});

test('a denial never lapses', () => {
  const denied = judge(ask, [], approval('deny'), facts, saidAt);
  if (!denied.counts) throw new Error(denied.reason);
  const muchLater = saidAt + 1_000 * minuteMs;
  expect(verdict(ask, stillGood([denied.counted], muchLater), muchLater)).toBe('denied');
});
