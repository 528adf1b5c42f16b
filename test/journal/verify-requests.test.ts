// A step left out, a run handed over, in an exported timeline: they stand by the words of those who may say so, or not at all.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDraft } from '../../core/event.js';
import type { Statement } from '../../core/statement.js';
import { digestOf, planDigest } from '../../journal/digest.js';
import { statementDigest } from '../../journal/proof.js';
import { verifyTimeline } from '../../journal/verify.js';
import { assemble, type Cast } from './support/cast.js';
import { after, chain, exported, gateAbout } from './support/incident.js';

let cast: Cast;
beforeAll(() => {
  cast = assemble();
});
afterAll(() => cast.end());

const { launch } = gateAbout('run-1');
const request = { by: 'alice', step: 'isolate' };

function aboutSkip(of: object = request) {
  const plan = planDigest([digestOf({ ...of, request: 'skip', run: 'run-1', round: 2 })]);
  return { ...gateAbout('run-1'), round: 2, plan };
}

function told(id: string, seconds: number, more: Partial<EventDraft> & Pick<EventDraft, 'action'>): EventDraft {
  const occurredAt = after(seconds);
  return { chain, id: `run-1/request/${id}`, run: 'run-1', occurredAt, actor: 'engine', ...more };
}

const name = { id: 'containment#2', gate: 'containment', round: 2, deadline: after(960) };

function asked({
  about = aboutSkip(),
  ...more
}: {
  about?: object;
  need?: number;
  excluded?: string[];
} = {}): EventDraft {
  const { need = 1, excluded = ['alice'] } = more;
  const spec = { need, from: ['security-oncall'], withinMs: 900_000, personalKeys: 0, approvalValidMs: 3_600_000 };
  const data = {
    id: name.id,
    about,
    allows: 'skip',
    request,
    spec,
    excluded,
    deadline: name.deadline,
    containing: false,
  };
  return told('asked', 60, { action: 'gate.asked', data: { ...data, plans: [] } as never });
}

function approved(): EventDraft {
  const statement = cast.bySlack({ verb: 'approve', about: aboutSkip(), by: 'bob', at: after(65), nonce: 'skip/bob' });
  const data = { ...name, verb: 'approve', statement: statementDigest(statement) };
  return told('approved', 65, { action: 'statement.counted', actor: 'bob', statement, data });
}

const passed = (): EventDraft => told('passed', 65, { action: 'gate.passed', data: name });
const skipped = (step = 'isolate'): EventDraft =>
  told('skipped', 66, { action: 'step.skipped', step, data: { why: 'x', ask: name.id } });

async function telling(...events: EventDraft[]): Promise<string[]> {
  const timeline = await exported(cast, (drafts) => [...drafts, ...events]);
  return verifyTimeline(timeline, { people: cast.people }).problems.map(({ code }) => code);
}

test('a step that was left out verifies where one other person agreed to that', async () => {
  expect(await telling(asked(), approved(), passed(), skipped())).toEqual([]);
});

test('it does not where nobody agreed, or to another step, or where the passing was dropped', async () => {
  expect(await telling(asked(), skipped())).toEqual(['skip.not-supported']);
  expect(await telling(asked(), approved(), passed(), skipped('snapshot'))).toEqual(['gate.never-asked']);
  expect(await telling(skipped())).toEqual(['gate.never-asked']);
  expect(await telling(asked(), passed(), skipped())).toEqual(['gate.not-supported', 'skip.not-supported']);
});

test('it does not where the asking let nobody, or the requester, agree, or tells of another step than was agreed to', async () => {
  expect(await telling(asked({ need: 0 }))).toEqual(['gate.below-least']);
  expect(await telling(asked({ excluded: [] }))).toEqual(['gate.requester-not-excluded']);
  expect(await telling(asked({ about: aboutSkip({ by: 'alice', step: 'snapshot' }) }))).toEqual(['gate.other-request']);
});

function handed(to: string, more: { owner?: string; statement?: Statement } = {}): EventDraft {
  const about = { kind: 'run' as const, run: 'run-1', launch, to };
  const statement = cast.bySlack({ verb: 'hand-over', about, by: 'alice', at: after(70), nonce: `to/${to}` });
  const data = { owner: more.owner ?? to, says: 'x' };
  return told('handed', 70, { action: 'owner.changed', actor: 'alice', statement: more.statement ?? statement, data });
}

test('a hand-over stands by the word of a responder that names the new owner', async () => {
  expect(await telling(handed('bob'))).toEqual([]);
  expect(await telling(handed('bob', { owner: 'carol' }))).toEqual(['owner.not-supported']);
  expect(await telling(handed('nobody'))).toEqual(['hand-over.unknown']);
  const { statement: _statement, ...silent } = handed('bob');
  expect((await telling(silent)).length).toBe(1);
  const about = { kind: 'run' as const, run: 'run-1', launch, to: 'bob' };
  const statement = cast.bySlack({ verb: 'note', about, by: 'alice', at: after(70), nonce: 'note' });
  expect(await telling(handed('bob', { statement }))).toEqual(['owner.not-supported']);
});

const unasked = (why: string, step = 'later'): EventDraft =>
  told(`unasked/${step}`, 66, { action: 'step.skipped', step, data: { why } });
const began = told('began', 61, { action: 'step.started', step: 'later' });
const failed = told('failed', 62, {
  action: 'step.finished',
  step: 'early',
  outcome: 'failed',
  data: { state: 'failed' },
});

test('a step that nobody agreed to leave out verifies only where the runbook may leave it out', async () => {
  expect(await telling(unasked('its condition is not met'))).toEqual([]);
  expect(await telling(unasked('its condition reads the choice of way, which nobody made'))).toEqual([]);
  expect(await telling(failed, unasked('the run was stopped by a failure before it'))).toEqual([]);
});

test('it does not where the step had begun, no failure is on record, or the reason is none of a runbook', async () => {
  expect(await telling(began, unasked('its condition is not met'))).toEqual(['skip.not-supported']);
  expect(await telling(unasked('the run was stopped by a failure before it'))).toEqual(['skip.not-supported']);
  expect(await telling(unasked('not needed'))).toEqual(['skip.not-supported']);
  expect(await telling(unasked('done in run-0 by bob'))).toEqual(['skip.not-supported']);
});
