import { expect, test } from 'vitest';
import { type Ask, judge } from '../../core/gate.js';
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
