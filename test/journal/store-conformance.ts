// What every store must keep, whatever it is made of. Run by `sqlite-store.test.ts`; another store runs the same promises.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonical } from '../../core/canonical.js';
import type { Outcome } from '../../core/change.js';
import type { Digest } from '../../core/json.js';
import { digestOf, planDigest, sha256 } from '../../journal/digest.js';
import type { EvidenceItem, Store } from '../../journal/store.js';
import { at, event, holdDraft, holder, holdEvent } from './support/drafts.js';
import { expectWhole } from './support/chain-check.js';
import { anyStep, type Model, open as openNow, play } from './support/hold-model.js';

export interface StoreUnderTest {
  store: Store;
  /** A second opening of the same journal, as another process has it. */
  again: () => Promise<Store>;
  publicKeys: Record<string, string>;
  /** A value that the store was told never to write down. */
  secret: string;
  end: () => Promise<void>;
}

export function storeConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name}: the journal`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.end());

    test('events come back in order, chained and signed once an append', async () => {
      const first = await store.append([event('a'), event('b', { data: { n: 1.5, text: 'é\u0000\u2028😀' } })]);
      await store.append([event('c', { chain: 'inc-2' }), event('d')]);
      expect(first.map(({ seq }) => seq)).toEqual([1, 2]);
      expect((await store.events({ chain: 'inc-1' })).map(({ id }) => id)).toEqual(['a', 'b', 'd']);
      expect(await store.events({ chain: 'inc-1' })).toEqual(expect.arrayContaining(first));
      expect((await store.headSignatures('inc-1')).map(({ seq }) => seq)).toEqual([2, 3]);
      expect(await expectWhole(store, 'inc-1', under.publicKeys)).toBe(3);
      expect(await expectWhole(store, 'inc-2', under.publicKeys)).toBe(1);
      expect(await store.head('inc-1')).toMatchObject({ seq: 3 });
      expect(await store.head('inc-9')).toBeUndefined();
      expect(await store.chains()).toEqual(['inc-1', 'inc-2']);
    });

    test('a chain can be read page by page, each event as its canonical text', async () => {
      await store.append(['a', 'b', 'c', 'd'].map((id) => event(id, { data: { text: 'é\u0000\u2028😀', n: 1.5 } })));
      await store.append([event('e', { chain: 'inc-2' })]);
      const events = await store.events({ chain: 'inc-1' });
      const pages = [1, 3, 4].map((after) => store.texts({ chain: 'inc-1', after, limit: 2 }));
      const texts = events.map((each) => ({ seq: each.seq, text: canonical(each) }));
      expect(await Promise.all(pages)).toEqual([texts.slice(1, 3), texts.slice(3), []]);
    });

    test('an event that is appended again, as by a retried activity, stays as it was first recorded', async () => {
      const [first] = await store.append([event('a', { data: { attempt: 1 } })]);
      const again = await store.append([
        event('a', { data: { attempt: 2 }, occurredAt: '2026-03-01T09:00:00.000Z' }),
        event('b'),
      ]);
      expect(again[0]).toEqual(first);
      expect(await store.append([event('c'), event('c')])).toHaveLength(2);
      expect(await expectWhole(store, 'inc-1', under.publicKeys)).toBe(3);
    });

    test.each([
      ['action', { action: 'step.finished' as const }],
      ['run', { run: 'run-2' }],
      ['chain', { chain: 'inc-2' }],
    ])('an id that comes back with another %s is refused, and nothing of that append is kept', async (_what, other) => {
      await store.append([event('a')]);
      await expect(store.append([event('b'), event('a', other)])).rejects.toMatchObject({ code: 'journal.id-reused' });
      expect(await expectWhole(store, 'inc-1', under.publicKeys)).toBe(1);
    });

    test('a secret that the process holds, or that looks like one, never reaches the journal', async () => {
      const token = ['xoxb', '1234567890', 'abcdefghij'].join('-');
      await store.append([event('a', { data: { says: `it was ${under.secret} and ${token}` } })]);
      const [recorded] = await store.events({ chain: 'inc-1' });
      expect(recorded?.data).toEqual({ says: 'it was [redacted] and [redacted]' });
      expect(await expectWhole(store, 'inc-1', under.publicKeys)).toBe(1);
    });

    test('events are found by run and by action, and runs by incident, the newest first', async () => {
      await store.append([event('a'), event('b', { run: 'run-2' }), event('c', { action: 'step.finished' })]);
      await store.append([
        event('d', { chain: 'inc-2', run: 'run-3' }),
        { chain: 'installation', id: 'e', occurredAt: at, actor: 'engine', action: 'note' },
      ]);
      expect((await store.events({ run: 'run-1' })).map(({ id }) => id)).toEqual(['a', 'c']);
      expect((await store.events({ run: 'run-1', actions: ['step.finished', 'note'] })).map(({ id }) => id)).toEqual([
        'c',
      ]);
      expect(await store.events({ chain: 'inc-1', actions: [] })).toEqual([]);
      expect(await store.runs()).toEqual([
        { run: 'run-3', incident: 'inc-2', at },
        { run: 'run-2', incident: 'inc-1', at },
        { run: 'run-1', incident: 'inc-1', at },
      ]);
      expect((await store.runs({ incident: 'inc-1' })).map(({ run }) => run)).toEqual(['run-2', 'run-1']);
    });

    test('a follower that goes on from its cursor sees every event once, in the order of the store', async () => {
      const other = await under.again();
      const seen: string[] = [];
      for (let round = 0; round < 5; round += 1) {
        await store.append([event(`a${round}`)]);
        await other.append([event(`b${round}`, { chain: 'inc-2' })]);
        const placed = await store.follow(await store.cursor('cards'), 3);
        seen.push(...placed.map((each) => each.event.id));
        await store.setCursor('cards', placed.at(-1)?.position ?? 0);
      }
      expect(seen).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4']);
      await other.end();
    });

    test('whatever is appended in whatever order by two processes, each chain is one, without gaps or repeats', async () => {
      const other = await under.again();
      const step = fc.record({ by: fc.boolean(), ids: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }) });
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          round += 1;
          const chains = [`x-${round}`, `y-${round}`];
          const named = (id: number): ReturnType<typeof event> =>
            event(`${round}/${id}`, { chain: chains[id % 2] as string });
          await Promise.all(steps.map(({ by, ids }) => (by ? store : other).append(ids.map(named))));
          const wanted = new Set(steps.flatMap(({ ids }) => ids.map((id) => `${round}/${id}`)));
          const found = (await Promise.all(chains.map((chain) => store.events({ chain })))).flat();
          expect(new Set(found.map(({ id }) => id))).toEqual(wanted);
          expect(found).toHaveLength(wanted.size);
          for (const chain of chains) await expectWhole(store, chain, under.publicKeys);
        }),
        { numRuns: 40 },
      );
      await other.end();
    });
  });

  describe(`${name}: holds`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.end());
    const actions = async (): Promise<string[]> => (await store.events({ chain: 'inc-1' })).map(({ action }) => action);

    test('a hold goes from intended to in force to releasing to closed, each step with its event', async () => {
      const { hold, first } = await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      expect(first).toBe(true);
      expect(hold).toMatchObject({ ...holdDraft('h1', 'eni-1'), version: 1, state: 'intended' });
      expect(await store.inForce('h1', { group: 'sg-9' }, holdEvent('e2', 'hold.in-force'))).toMatchObject({
        state: 'in force',
        observed: { group: 'sg-9' },
      });
      expect(await store.leave('h1', 'run-1', holdEvent('e3', 'hold.left'), holdEvent('e4', 'hold.releasing'))).toBe(
        'last',
      );
      expect(await store.openHold('eni-1')).toMatchObject({ id: 'h1', state: 'releasing', holders: [] });
      expect(await store.close('h1', 'run-1', 'released', holdEvent('e5', 'hold.closed'))).toMatchObject({
        state: 'closed',
        outcome: 'released',
      });
      expect(await store.openHold('eni-1')).toBeUndefined();
      expect(await store.hold('h1')).toMatchObject({ state: 'closed', before: { groups: ['sg-1', 'sg-2'] } });
      expect(await actions()).toEqual(['hold.intended', 'hold.in-force', 'hold.releasing', 'hold.closed']);
    });

    test('the first before wins: a second intention on the same key gets the first hold, and no event', async () => {
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      const again = await store.intend(
        { ...holdDraft('h2', 'eni-1', 'run-2'), before: { groups: ['made by us'] } },
        holdEvent('e2', 'hold.intended'),
      );
      expect(again).toMatchObject({
        first: false,
        hold: { id: 'h1', before: { groups: ['sg-1', 'sg-2'] }, holders: [{ run: 'run-1' }] },
      });
      expect(await store.hold('h2')).toBeUndefined();
      expect(await actions()).toEqual(['hold.intended']);
    });

    test('two holders: the first to leave changes nothing, the last releases, and nobody joins what is being released', async () => {
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      expect(await store.join('h1', holder('run-2'), holdEvent('e2', 'hold.joined'))).toBe(true);
      expect(await store.join('h1', holder('run-2'), holdEvent('e3', 'hold.joined'))).toBe(false);
      expect(await store.leave('h1', 'run-1', holdEvent('e4', 'hold.left'), holdEvent('e5', 'hold.releasing'))).toBe(
        'left',
      );
      expect(await store.leave('h1', 'run-1', holdEvent('e4', 'hold.left'), holdEvent('e5', 'hold.releasing'))).toBe(
        'left',
      );
      expect(await store.leave('h1', 'run-9', holdEvent('e6', 'hold.left'), holdEvent('e7', 'hold.releasing'))).toBe(
        'not a holder',
      );
      expect(await store.leave('h1', 'run-2', holdEvent('e8', 'hold.left'), holdEvent('e9', 'hold.releasing'))).toBe(
        'last',
      );
      expect(await store.leave('h1', 'run-2', holdEvent('e8', 'hold.left'), holdEvent('e9', 'hold.releasing'))).toBe(
        'last',
      );
      expect(await store.leave('h1', 'run-1', holdEvent('x1', 'hold.left'), holdEvent('x2', 'hold.releasing'))).toBe(
        'not a holder',
      );
      expect(await store.join('h1', holder('run-3'), holdEvent('e10', 'hold.joined'))).toBe(false);
      expect(await actions()).toEqual(['hold.intended', 'hold.joined', 'hold.left', 'hold.releasing']);
    });

    test('a step from the wrong state is refused and leaves no event', async () => {
      await expect(store.inForce('h1', undefined, holdEvent('e0', 'hold.in-force'))).rejects.toMatchObject({
        code: 'hold.unknown',
      });
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      await store.close('h1', 'run-1', 'not made', holdEvent('e2', 'hold.closed'));
      await expect(store.inForce('h1', undefined, holdEvent('e3', 'hold.in-force'))).rejects.toMatchObject({
        code: 'hold.wrong-state',
      });
      await expect(store.close('h1', 'run-1', 'again', holdEvent('e4', 'hold.closed'))).rejects.toMatchObject({
        code: 'hold.wrong-state',
      });
      expect(await store.close('h1', 'run-1', 'not made', holdEvent('e2', 'hold.closed'))).toMatchObject({
        outcome: 'not made',
      });
      expect(await store.join('h1', holder('run-2'), holdEvent('e5', 'hold.joined'))).toBe(false);
      await expect(store.intend(holdDraft('h1', 'eni-1'), holdEvent('e6', 'hold.intended'))).rejects.toMatchObject({
        code: 'hold.id-reused',
      });
      expect(await actions()).toEqual(['hold.intended', 'hold.closed']);
    });

    test('a hold and its event happen together: an event that is refused undoes the step', async () => {
      await store.append([event('taken')]);
      await expect(store.intend(holdDraft('h1', 'eni-1'), holdEvent('taken', 'hold.intended'))).rejects.toMatchObject({
        code: 'journal.id-reused',
      });
      expect(await store.hold('h1')).toBeUndefined();
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      await expect(store.inForce('h1', undefined, holdEvent('taken', 'hold.in-force'))).rejects.toMatchObject({
        code: 'journal.id-reused',
      });
      await expect(
        store.leave('h1', 'run-1', holdEvent('x', 'hold.left'), holdEvent('taken', 'hold.releasing')),
      ).rejects.toMatchObject({ code: 'journal.id-reused' });
      expect(await store.hold('h1')).toMatchObject({ state: 'intended', holders: [{ run: 'run-1' }] });
    });

    test('whoever finishes an intended hold second finds it in force', async () => {
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      await store.inForce('h1', { by: 'first' }, holdEvent('e2', 'hold.in-force'));
      expect(await store.inForce('h1', { by: 'second' }, holdEvent('e3', 'hold.in-force'))).toMatchObject({
        observed: { by: 'first' },
      });
      expect(await actions()).toEqual(['hold.intended', 'hold.in-force']);
    });

    test('a write under way is on record until it is over; while it is released one that goes on may say so, none may begin', async () => {
      const until = async () => (await store.hold('h1'))?.writingUntil;
      await store.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
      expect(Date.parse((await until()) ?? '')).toBeGreaterThan(Date.now());
      await store.wrote('h1');
      expect(await until()).toBeUndefined();
      expect(await store.writes('h1', 'now')).toBe(true);
      await store.inForce('h1', undefined, holdEvent('e2', 'hold.in-force'));
      expect(await until()).toBeUndefined();
      expect([await store.writes('h1', 'now'), await store.writes('h1', 'before')]).toEqual([false, false]);
      await store.reopen('h1', holdEvent('e3', 'hold.reopened'));
      expect(Date.parse((await until()) ?? '')).toBeGreaterThan(Date.now());
      await store.leave('h1', 'run-1', holdEvent('e4', 'hold.left'), holdEvent('e5', 'hold.releasing'));
      expect([await store.writes('h1', 'now'), await store.writes('h1', 'before')]).toEqual([false, true]);
      await store.wrote('h1');
      expect(await store.writes('h1', 'before')).toBe(false);
    });

    test('holds are found by where they come from, by who holds them, and by incident', async () => {
      await store.intend(holdDraft('h1', 'eni-1', 'run-1', 'inc-1'), holdEvent('e1', 'hold.intended'));
      await store.intend(holdDraft('h2', 'eni-2', 'run-2', 'inc-2'), holdEvent('e2', 'hold.intended'));
      await store.join('h2', holder('run-1', 'inc-1'), holdEvent('e3', 'hold.joined'));
      const ids = async (of: Parameters<Store['holds']>[0]): Promise<string[]> =>
        (await store.holds(of)).map(({ id }) => id);
      expect(await ids({})).toEqual(['h1', 'h2']);
      expect(await ids({ run: 'run-1' })).toEqual(['h1']);
      expect(await ids({ holder: 'run-1' })).toEqual(['h1', 'h2']);
      expect(await ids({ incident: 'inc-1' })).toEqual(['h1', 'h2']);
      expect(await ids({ incident: 'inc-2', holder: 'run-1' })).toEqual(['h2']);
      await store.leave('h1', 'run-1', holdEvent('e4', 'hold.left'), holdEvent('e5', 'hold.releasing'));
      expect(await ids({ holder: 'run-1' })).toEqual(['h1', 'h2']);
      await store.close('h1', 'run-1', 'released', holdEvent('e6', 'hold.closed'));
      expect(await ids({ state: 'open' })).toEqual(['h2']);
      expect(await ids({ run: 'run-1', state: 'any' })).toEqual(['h1']);
      expect(await ids({ run: 'run-1' })).toEqual([]);
    });

    test('no order of what runs do breaks the rules of holding', async () => {
      const other = await under.again();
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), async (steps) => {
          round += 1;
          const model: Model = new Map();
          for (const [index, step] of steps.entries()) {
            const from = index % 2 === 0 ? store : other;
            const { said, expected } = await play(
              from,
              model,
              { ...step, key: `${round}-${step.key}` },
              `${round}/${index}`,
            );
            expect(said).toEqual(expected);
            for (const [key, { releasingFor: _for, ...held }] of model) expect(await openNow(store, key)).toEqual(held);
          }
          const keys = (await store.holds({ state: 'open' }))
            .map(({ key }) => key)
            .filter((key) => key.startsWith(`${round}-`));
          expect(keys.toSorted()).toEqual([...model.keys()].toSorted());
          await expectWhole(store, 'inc-1', under.publicKeys);
        }),
        { numRuns: 40 },
      );
      await other.end();
    });
  });

  describe(`${name}: what lies beside the events`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.end());

    test('a document comes back under its digest, and cannot be stored under another', async () => {
      const plan = { version: 1, changes: [{ n: 1 }] };
      await store.putDocument('plan', digestOf(plan), plan);
      await store.putDocument('plan', digestOf(plan), { changes: [{ n: 1 }], version: 1 });
      expect(await store.document('plan', digestOf(plan))).toEqual(plan);
      expect(await store.document('runbook', digestOf(plan))).toBeUndefined();
      await expect(store.putDocument('plan', digestOf({ other: true }), plan)).rejects.toMatchObject({
        code: 'journal.document-altered',
      });
      const effects: Digest[] = [sha256('a'), sha256('b')].toSorted();
      await store.putDocument('effects', planDigest(effects), effects);
      expect(await store.document('effects', planDigest(effects))).toEqual(effects);
    });

    test('the last outcome of each key of a step is kept, in the order of the keys, without secrets in its errors', async () => {
      await store.putOutcomes('run-1', 'one', [
        outcomeOf('b', 'failed', under.secret),
        outcomeOf('a', 'applied', under.secret),
      ]);
      await store.putOutcomes('run-1', 'one', [outcomeOf('b', 'applied', under.secret)]);
      await store.putOutcomes('run-1', 'two', [outcomeOf('a', 'already', under.secret)]);
      await store.putOutcomes('run-2', 'one', [outcomeOf('z', 'moved', under.secret)]);
      expect((await store.outcomes('run-1')).map(({ key, step, status }) => [key, step, status])).toEqual([
        ['a', 'one', 'applied'],
        ['a', 'two', 'already'],
        ['b', 'one', 'applied'],
      ]);
      expect((await store.outcomes('run-1', 'two')).map(({ key }) => key)).toEqual(['a']);
      expect((await store.outcomes('run-1', undefined, 'b')).map(({ key, step }) => [key, step])).toEqual([
        ['b', 'one'],
      ]);
      expect(await store.outcomes('run-1', 'two', 'b')).toEqual([]);
      expect((await store.outcomes('run-2'))[0]).toMatchObject({
        before: { password: 'a state is kept as it is' },
        error: { message: 'refused [redacted]' },
      });
    });

    test('evidence is kept once for each item, with its bytes and one event', async () => {
      const item: EvidenceItem = {
        id: 'ev-1',
        chain: 'inc-1',
        run: 'run-1',
        step: 'collect',
        item: { instance: 'i-1' },
        name: 'console.txt',
        sha256: sha256('plain'),
        bytes: 5,
        mediaType: 'text/plain',
        method: 'ec2:GetConsoleOutput',
        collectedBy: 'executor:aws',
        collectedAt: at,
      };
      const sealed = Buffer.from([0, 1, 2, 0, 255]);
      await store.putEvidence(item, sealed, event('e1', { action: 'evidence.collected' }));
      await store.putEvidence(
        { ...item, sha256: sha256('other') },
        Buffer.from([9]),
        event('e2', { action: 'evidence.collected' }),
      );
      expect(await store.evidence({ run: 'run-1' })).toEqual([item]);
      expect(Buffer.from((await store.sealedEvidence(item.sha256)) ?? []).equals(sealed)).toBe(true);
      expect(await store.sealedEvidence(sha256('other'))).toBeUndefined();
      expect((await store.events({ chain: 'inc-1' })).map(({ id }) => id)).toEqual(['e1']);
    });

    test('the gateway finds its cards, its cursor and what it has seen after a restart', async () => {
      await store.putCard({ key: 'status:run-1', channel: 'C1', state: 'posting' });
      await store.putCard({ key: 'status:run-1', channel: 'C1', ts: '1.2', state: 'posted', shows: sha256('x') });
      await store.setCursor('cards', 7);
      const later = await under.again();
      expect(await later.card('status:run-1')).toEqual({
        key: 'status:run-1',
        channel: 'C1',
        ts: '1.2',
        state: 'posted',
        shows: sha256('x'),
      });
      expect(await later.card('none')).toBeUndefined();
      expect(await later.cursor('cards')).toBe(7);
      expect(await later.cursor('none')).toBe(0);
      await later.end();
    });

    test('a request is new once, and again only after it was forgotten', async () => {
      expect(await store.remember('r1', 1_000, 500)).toBe(true);
      expect(await store.remember('r1', 1_400, 500)).toBe(false);
      expect(await store.remember('r1', 1_501, 500)).toBe(true);
    });

    test('what was received waits in order until it was delivered, and is never delivered twice', async () => {
      await store.receive({ id: 'm1', receivedAt: at, message: { say: 'one' } });
      await store.receive({ id: 'm2', receivedAt: at, message: { say: 'two' } });
      await store.receive({ id: 'm1', receivedAt: at, message: { say: 'again' } });
      expect((await store.waiting()).map(({ message }) => message)).toEqual([{ say: 'one' }, { say: 'two' }]);
      await store.delivered('m1');
      await store.receive({ id: 'm1', receivedAt: at, message: { say: 'again' } });
      expect((await store.waiting()).map(({ id }) => id)).toEqual(['m2']);
    });
  });
}

function outcomeOf(key: string, status: Outcome['status'], secret: string): Outcome {
  return {
    version: 1,
    key,
    unit: 'aws.isolate-instance@1',
    item: {},
    target: { system: 'aws', type: 'x', id: key },
    aspect: 'groups',
    status,
    shown: 'read back',
    before: { password: 'a state is kept as it is' },
    error: { code: 'x', message: `refused ${secret}` },
    attempt: 1,
    startedAt: at,
    endedAt: at,
  };
}
