import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundOf } from '../../core/bound.js';
import type { Step, Work } from '../../core/runbook.js';
import { exchangeGroups } from '../../core/builtin.js';
import { canonical, same } from '../../core/canonical.js';
import { type Change, changeKey, effectOf } from '../../core/change.js';
import { addCounts, countOutcomes, noCounts, stateOf } from '../../core/counts.js';
import { formatDuration, parseDuration } from '../../core/duration.js';
import type { Hold } from '../../core/hold.js';
import { shortId } from '../../core/ids.js';
import { bySlack, groupsOf, isResponder, type People } from '../../core/people.js';

const change: Change = {
  unit: 'aws.isolate-instance@1',
  item: { instance: 'i-1' },
  target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: 'eni-1' },
  aspect: 'groups',
  before: { groups: ['sg-1'] },
  after: { groups: ['tag:q'] },
  dependsOn: [],
  risk: 'disruptive',
  guarded: false,
  oneWay: false,
  partsOpen: true,
};

test('what is approved is the effect: before is not part of it, after, risk, item and failure rule are', () => {
  const effect = canonical(effectOf(change, 'continue'));
  expect(canonical(effectOf({ ...change, before: { groups: ['sg-attacker'] } }, 'continue'))).toBe(effect);
  expect(canonical(effectOf({ ...change, after: { groups: ['sg-open'] } }, 'continue'))).not.toBe(effect);
  expect(canonical(effectOf({ ...change, risk: 'irreversible' }, 'continue'))).not.toBe(effect);
  expect(canonical(effectOf({ ...change, item: { instance: 'i-2' } }, 'continue'))).not.toBe(effect);
  expect(canonical(effectOf(change, 'undo'))).not.toBe(effect);
});

test('where parts are open a part that appears later is inside; where they are not it is outside', () => {
  const other = { ...change, target: { ...change.target, id: 'eni-2' } };
  expect(same(effectOf(change, 'continue'), effectOf(other, 'continue'))).toBe(true);
  expect(
    same(effectOf({ ...change, partsOpen: false }, 'continue'), effectOf({ ...other, partsOpen: false }, 'continue')),
  ).toBe(false);
});

test('people can agree to a number of targets only where there is a bound, and where it can be taken back', () => {
  const work: Work = {
    kind: 'change',
    unit: 'aws.isolate-instance@1',
    system: 'aws',
    with: { op: 'literal', value: {} },
    risk: 'disruptive',
  };
  const step = { id: 'isolate', work, bound: 3, onFailure: 'continue' } as unknown as Step;
  const agreed = {
    kind: 'bound',
    step: 'isolate',
    unit: 'aws.isolate-instance@1',
    atMost: 3,
    risk: 'disruptive',
    onFailure: 'continue',
  };
  expect(boundOf(step, 'disruptive')).toEqual(agreed);
  expect(boundOf(step, 'irreversible')).toBeUndefined();
  const { bound: _bound, ...unbounded } = step;
  expect(boundOf(unbounded as Step, 'disruptive')).toBeUndefined();
});

test('two sides of one target are held apart', () => {
  expect(changeKey(change)).toBe('aws:eu-west-1:network-interface:eni-1#groups');
  expect(changeKey({ ...change, aspect: 'tags' })).not.toBe(changeKey(change));
});

test('a step is done only when every change was shown and there was at least one', () => {
  expect(stateOf(noCounts)).toBe('failed');
  expect(stateOf(countOutcomes([{ status: 'applied', shown: 'probed' }]))).toBe('done');
  expect(stateOf(countOutcomes([{ status: 'applied', shown: 'no' }]))).toBe('failed');
  expect(
    stateOf(
      countOutcomes([
        { status: 'applied', shown: 'read back' },
        { status: 'failed', shown: 'no' },
      ]),
    ),
  ).toBe('partial');
  expect(addCounts(noCounts, { ...noCounts, moved: 2 }).moved).toBe(2);
});

test('durations read back as they were written', () => {
  for (const text of ['90s', '15m', '8h', '2d', '1500ms']) expect(formatDuration(parseDuration(text) ?? 0)).toBe(text);
  expect(parseDuration('soon')).toBeUndefined();
});

test('key order never changes what a digest is over', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      expect(canonical(turned)).toBe(canonical(value));
    }),
  );
});

test('ids are short, opaque, and need real randomness', () => {
  expect(shortId('run', new Uint8Array(10))).toBe('run-0000000000');
  expect(() => shortId('run', new Uint8Array(3))).toThrow(RangeError);
});

const people: People = {
  principals: {
    alice: {
      id: 'alice',
      slack: [
        { team: 'T1', user: 'U1' },
        { team: 'T2', user: 'W1' },
      ],
      ssh: [],
    },
    bob: { id: 'bob', slack: [{ team: 'T1', user: 'U2' }], ssh: [] },
    eve: { id: 'eve', slack: [{ team: 'T1', user: 'U2' }], ssh: [] },
  },
  groups: { oncall: ['alice'] },
  responders: ['oncall'],
  keys: [],
};

test('two identities of one person are one principal; an identity that two claim is nobody', () => {
  expect(bySlack(people, 'T1', 'U1')?.id).toBe('alice');
  expect(bySlack(people, 'T2', 'W1')?.id).toBe('alice');
  expect(bySlack(people, 'T1', 'U2')).toBeUndefined();
  expect(bySlack(people, 'T2', 'U1')).toBeUndefined();
  expect(groupsOf(people, 'alice')).toEqual(['oncall']);
  expect(isResponder(people, 'bob')).toBe(false);
});

test('lifting a containment asks two at the gate that it passed, whatever order its holds come in', () => {
  const spec = { need: 1, from: ['oncall'], withinMs: 1, personalKeys: 0, approvalValidMs: 1 };
  const hold = (key: string, system: string): Hold => ({
    version: 1,
    id: key,
    key,
    unit: change.unit,
    item: change.item,
    target: { ...change.target, system },
    aspect: 'groups',
    risk: 'disruptive',
    guarded: false,
    oneWay: false,
    partsOpen: true,
    containing: true,
    planned: null,
    before: null,
    after: null,
    holders: [],
    origin: { run: 'r', incident: 'i', step: 's', runbook: 'sha256:0', gate: 'containment', spec },
    state: 'in force',
    intendedAt: '',
  });
  const holds = [hold('a', 'aws'), hold('b', 'host'), hold('c', 'aws')];
  const groups = exchangeGroups(holds, 'release');
  expect(groups.map(({ system, spec: { need } }) => [system, need])).toEqual([
    ['aws', 2],
    ['host', 2],
  ]);
  expect(exchangeGroups(holds.toReversed(), 'release')).toEqual(
    groups.map((group) => ({ ...group, holds: expect.any(Array) as Hold[] })),
  );
});
