import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Ask, atLeast, type Counted, type GateSpec, judge, judgeResponder, verdict } from '../../core/gate.js';
import { leastGate, risks, worst } from '../../core/risk.js';
import type { Facts, GateAbout, Statement } from '../../core/statement.js';

const openedAt = '2026-01-01T03:00:00.000Z';
const nowMs = Date.parse(openedAt) + 60_000;
const plan = `sha256:${'a'.repeat(64)}` as const;
const about: GateAbout = { kind: 'gate', run: 'run-1', launch: plan, gate: 'containment', round: 1, plan };
const spec: GateSpec = {
  need: 2,
  from: ['security-oncall'],
  withinMs: 900_000,
  personalKeys: 0,
  approvalValidMs: 3_600_000,
};
const ask: Ask = {
  id: 'containment#1',
  about,
  allows: 'carry out',
  spec,
  excluded: ['alice'],
  openedAt,
  deadline: '2026-01-01T03:15:00.000Z',
  containing: true,
};

let counter = 0;
function statement(by: string, verb: Statement['verb'] = 'approve', changes: Partial<Statement> = {}): Statement {
  counter += 1;
  const at = new Date(nowMs).toISOString();
  return {
    version: 1,
    verb,
    about,
    by,
    at,
    validUntil: '2026-01-01T04:00:00.000Z',
    nonce: `n${counter}`,
    proof: { kind: 'ssh', key: 'SHA256:x', signature: 's' },
    ...changes,
  };
}

function facts(by: string, changes: Partial<Facts> = {}): Facts {
  counter += 1;
  return {
    principal: { id: by, groups: ['security-oncall'], responder: true },
    proof: { good: true, personalKey: false },
    digest: `sha256:${String(counter).padStart(64, '0')}`,
    ...changes,
  };
}

function say(before: Counted[], by: string, verb: Statement['verb'] = 'approve', at: Ask = ask): Counted[] {
  const ruling = judge(at, before, statement(by, verb, { about: at.about }), facts(by), nowMs);
  return ruling.counts ? [...before, ruling.counted] : before;
}

function refusal(
  by: string,
  changes: Partial<Statement>,
  found: Partial<Facts> = {},
  at: Ask = ask,
  before: Counted[] = [],
): string {
  const ruling = judge(at, before, statement(by, 'approve', changes), facts(by, found), nowMs);
  return ruling.counts ? 'counts' : ruling.code;
}

describe('what does not count at a gate, and why', () => {
  test('the requester cannot approve what was asked for', () => {
    expect(refusal('alice', {})).toBe('gate.requester-excluded');
  });
  test('somebody outside the named groups cannot approve', () => {
    expect(refusal('dave', {}, { principal: { id: 'dave', groups: ['interns'], responder: true } })).toBe(
      'gate.not-eligible',
    );
  });
  test('a person counts once, whatever identity is used, because identities are one principal', () => {
    expect(refusal('bob', {}, {}, ask, say([], 'bob'))).toBe('gate.already-decided');
  });
  test('the same statement delivered twice counts once', () => {
    const found = facts('bob');
    const ruling = judge(ask, [], statement('bob'), found, nowMs);
    expect(ruling.counts).toBe(true);
    const again = judge(ask, ruling.counts ? [ruling.counted] : [], statement('bob'), found, nowMs);
    expect(again).toMatchObject({ counts: false, code: 'statement.replayed' });
  });
  test('an approval of another effect, another round or another run does not carry over', () => {
    expect(refusal('bob', { about: { ...about, plan: `sha256:${'b'.repeat(64)}` } })).toBe('about.other-effect');
    expect(refusal('bob', { about: { ...about, run: 'run-2' } })).toBe('about.other-effect');
    expect(refusal('bob', { about: { ...about, round: 2 } })).toBe('about.other-round');
  });
  test('a statement from the future, one that ran out, and one with a bad proof do not count', () => {
    expect(refusal('bob', { at: new Date(nowMs + 3_600_000).toISOString() })).toBe('statement.from-the-future');
    expect(refusal('bob', { at: 'rubbish' })).toBe('statement.from-the-future');
    expect(refusal('bob', { validUntil: openedAt })).toBe('statement.expired');
    expect(refusal('bob', {}, { proof: { good: false, code: 'proof.signature-wrong', reason: 'no' } })).toBe(
      'proof.signature-wrong',
    );
  });
  test('somebody revoked since, and somebody whom the proof does not name, do not count', () => {
    expect(
      refusal(
        'bob',
        {},
        { principal: { id: 'bob', groups: ['security-oncall'], responder: true, revokedAt: openedAt } },
      ),
    ).toBe('person.revoked');
    expect(refusal('bob', {}, { principal: { id: 'carol', groups: ['security-oncall'], responder: true } })).toBe(
      'person.unknown',
    );
    expect(refusal('bob', {}, { principal: undefined })).toBe('person.unknown');
  });
  test('after its time an ordinary gate takes no approval; a containing one still does', () => {
    const late = new Date(Date.parse(ask.deadline) + 60_000).toISOString();
    const ordinary = { ...ask, containing: false };
    const at = (gate: Ask): string => {
      const ruling = judge(gate, [], statement('bob', 'approve', { at: late }), facts('bob'), Date.parse(late));
      return ruling.counts ? 'counts' : ruling.code;
    };
    expect(at(ordinary)).toBe('gate.expired');
    expect(at(ask)).toBe('counts');
  });
  test('a responder who is none cannot launch', () => {
    const found = facts('bob', { principal: { id: 'bob', groups: [], responder: false } });
    expect(judgeResponder(statement('bob', 'launch'), found, nowMs)).toMatchObject({
      counts: false,
      code: 'person.not-a-responder',
    });
  });
});

describe('how a gate passes', () => {
  test('one of two is not enough, two are', () => {
    const one = say([], 'bob');
    expect(verdict(ask, one, nowMs)).toBe('asking');
    expect(verdict(ask, say(one, 'carol'), nowMs)).toBe('passed');
  });
  test('one denial stops it, until it is withdrawn', () => {
    const denied = say(say([], 'bob'), 'carol', 'deny');
    expect(verdict(ask, denied, nowMs)).toBe('denied');
    expect(verdict(ask, say(say(denied, 'carol', 'withdraw'), 'dave'), nowMs)).toBe('passed');
  });
  test('time never passes a gate: an ordinary one expires, a containing one goes on asking', () => {
    const late = Date.parse(ask.deadline) + 1;
    expect(verdict({ ...ask, containing: false }, say([], 'bob'), late)).toBe('expired');
    expect(verdict(ask, say([], 'bob'), late)).toBe('asking');
  });
  test('where a key of their own is needed, two Slack clicks are not enough', () => {
    const strict = { ...ask, spec: { ...spec, personalKeys: 1 } };
    const clicks = say(say([], 'bob', 'approve', strict), 'carol', 'approve', strict);
    expect(verdict(strict, clicks, nowMs)).toBe('asking');
  });
});

const people = ['alice', 'bob', 'carol', 'dave', 'mallory'];
const clicks = fc.array(
  fc.record({
    by: fc.constantFrom(...people),
    verb: fc.constantFrom('approve', 'deny', 'withdraw') as fc.Arbitrary<'approve'>,
    eligible: fc.boolean(),
  }),
  { maxLength: 30 },
);

test('no order of clicks passes a gate without the quorum of eligible others who stand by it', () => {
  fc.assert(
    fc.property(clicks, fc.integer({ min: 1, max: 4 }), (said, need) => {
      const gate = { ...ask, spec: { ...spec, need } };
      let counted: Counted[] = [];
      const stands = new Map<string, string>();
      for (const { by, verb, eligible } of said) {
        const found = facts(by, {
          principal: { id: by, groups: eligible ? ['security-oncall'] : [], responder: true },
        });
        const ruling = judge(gate, counted, statement(by, verb), found, nowMs);
        if (!ruling.counts) continue;
        counted = [...counted, ruling.counted];
        if (verb === ('withdraw' as string)) stands.delete(by);
        else stands.set(by, verb);
        expect(by).not.toBe('alice');
        expect(eligible).toBe(true);
      }
      const approvals = [...stands.values()].filter((verb) => verb === 'approve').length;
      const denials = stands.size - approvals;
      expect(verdict(gate, counted, nowMs)).toBe(denials > 0 ? 'denied' : approvals >= need ? 'passed' : 'asking');
    }),
    { numRuns: 500 },
  );
});

test('the gate that applies is never weaker than the risk table', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.array(fc.constantFrom(...risks)), (need, of) => {
      const least = leastGate[worst(of)];
      const applied = atLeast({ ...spec, need }, least);
      for (const risk of of) {
        expect(applied.need).toBeGreaterThanOrEqual(leastGate[risk].need);
        expect(applied.personalKeys).toBeGreaterThanOrEqual(leastGate[risk].personalKeys);
      }
      expect(applied.need).toBeGreaterThanOrEqual(need);
    }),
  );
});
