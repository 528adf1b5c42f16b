import { expect, test } from 'vitest';
import type { Event, EventAction } from '../../core/event.js';
import { viewRun } from '../../core/run-view.js';

const digest = `sha256:${'0'.repeat(64)}` as const;
let seq = 0;

function event(action: EventAction, data: object, step?: string): Event {
  seq += 1;
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, seq)).toISOString();
  return {
    version: 1,
    chain: 'inc-1',
    id: `event-${seq}`,
    run: 'run-1',
    actor: 'alice',
    action,
    seq,
    occurredAt: at,
    recordedAt: at,
    prev: digest,
    hash: digest,
    data: data as NonNullable<Event['data']>,
    ...(step === undefined ? {} : { step }),
  };
}

test("while one step waits for a person, a retry of another, or another gate's passing, does not hide it", () => {
  const needs = (step: string) =>
    event('run.needs-a-person', { code: 'gate.denied', why: `${step} was denied`, next: 'retry', step }, step);
  const asked = { id: 'b#1', about: { gate: 'b', round: 1 }, plans: [], deadline: '2026-01-02T00:00:00.000Z' };
  const events = [event('run.launched', { steps: [] }), needs('protect'), needs('isolate')];
  expect(viewRun(events)).toMatchObject({ state: 'needs a person', needs: { step: 'isolate' } });
  events.push(event('run.resumed', {}, 'isolate'));
  expect(viewRun(events)).toMatchObject({ state: 'needs a person', needs: { step: 'protect' } });
  events.push(event('gate.asked', asked), event('gate.passed', { id: 'b#1' }));
  expect(viewRun(events)).toMatchObject({ state: 'needs a person', needs: { step: 'protect' } });
  events.push(event('run.resumed', {}, 'protect'));
  const view = viewRun(events);
  expect(view?.state).toBe('running');
  expect(view?.needs).toBeUndefined();
});

test('a step that was left out needs nobody, and the others still do', () => {
  const needs = (step: string) =>
    event('run.needs-a-person', { code: 'gate.denied', why: `${step} was denied`, next: 'retry', step }, step);
  const events = [event('run.launched', { steps: [] }), needs('protect'), needs('isolate')];
  events.push(event('step.skipped', { why: 'x' }, 'isolate'));
  expect(viewRun(events)).toMatchObject({ state: 'needs a person', needs: { step: 'protect' } });
  events.push(event('step.skipped', { why: 'x' }, 'protect'));
  expect(viewRun(events)).toMatchObject({ state: 'running', waiting: [] });
});

test('what waits for people is shown until somebody answers, and the run asks meanwhile', () => {
  const steps = ['call', 'way'].map((id) => ({ id, phase: 'investigate', unit: 'done by hand' }));
  const call = { kind: 'manual', step: 'call', what: 'Call the owner.', who: ['oncall'], remindMs: 60_000 };
  const way = {
    kind: 'decide',
    step: 'way',
    what: 'Which?',
    who: ['oncall'],
    choices: { a: 'A', b: 'B' },
    remindMs: 60_000,
  };
  const events = [event('run.launched', { steps }), event('step.asked', call, 'call'), event('step.asked', way, 'way')];
  const { remindMs: _remind, ...shown } = call;
  const asking = viewRun(events);
  expect(asking).toMatchObject({
    state: 'asking',
    tasks: [{ ...shown, askedAt: events[1]?.occurredAt }, { step: 'way' }],
  });
  const done = { state: 'done', counts: {}, exceptions: [] };
  events.push(event('step.finished', { ...done, by: 'bob' }, 'call'));
  expect(viewRun(events)).toMatchObject({
    state: 'asking',
    tasks: [{ step: 'way' }],
    steps: [{ state: 'done', by: 'bob' }, {}],
  });
  events.push(event('step.finished', { ...done, by: 'bob', choice: 'a' }, 'way'));
  expect(viewRun(events)).toMatchObject({ state: 'running', tasks: [], steps: [{}, { by: 'bob', choice: 'a' }] });
  expect(viewRun([...events.slice(0, 3), event('run.cancelled', { says: 'x' })])).toMatchObject({
    state: 'cancelled',
    tasks: [],
  });
});

test('a paused run is paused, whatever asks meanwhile, until it goes on; what needs a person comes before', () => {
  const asked = { id: 'b#1', about: { gate: 'b', round: 1 }, plans: [], deadline: '2026-01-02T00:00:00.000Z' };
  const until = '2026-01-01T01:00:00.000Z';
  const events = [event('run.launched', { steps: [] }), event('run.paused', { by: 'alice', until, says: 'x' })];
  expect(viewRun(events)).toMatchObject({ state: 'paused', paused: { by: 'alice', until } });
  events.push(event('gate.asked', asked));
  expect(viewRun(events)?.state).toBe('paused');
  const needs = event('run.needs-a-person', { code: 'x', why: 'x', next: 'x', step: 'a' }, 'a');
  expect(viewRun([...events, needs])?.state).toBe('needs a person');
  events.push(event('run.unpaused', {}));
  expect(viewRun(events)?.state).toBe('asking');
  expect(viewRun(events)?.paused).toBeUndefined();
  events.push(event('gate.closed', { id: 'b#1' }));
  expect(viewRun(events)).toMatchObject({ state: 'running', asks: [{ state: 'closed' }] });
});

test('a run that has ended asks nothing, and what a worker writes right after its end does not set it going again', () => {
  const asked = { id: 'b#1', about: { gate: 'b', round: 1 }, plans: [], deadline: '2026-01-02T00:00:00.000Z' };
  const steps = ['protect', 'isolate'].map((id) => ({ id, phase: 'contain', unit: 'aws.protect-instance@1' }));
  const events = [
    event('run.launched', { steps }),
    event('step.started', {}, 'protect'),
    event('gate.asked', asked),
    event('run.failed', { says: 'its workflow was ended at Temporal' }),
    event('step.started', {}, 'isolate'),
    event('gate.passed', { id: 'b#1' }),
    event('gate.asked', { ...asked, id: 'b#2' }),
    event('run.needs-a-person', { code: 'x', why: 'x', next: 'x' }),
    event('run.done', { says: 'every step is done and shown' }),
  ];
  const over = viewRun(events);
  expect(over).toMatchObject({ state: 'failed', says: 'its workflow was ended at Temporal', waiting: [] });
  expect(over?.endedAt).toBe(events[3]?.occurredAt);
  expect(over?.asks.map(({ id, state }) => [id, state])).toEqual([['b#1', 'closed']]);
  expect(over?.steps.map(({ state }) => state)).toEqual(['unknown', 'unknown']);
  const finished = event('step.finished', { state: 'done', counts: { applied: 1 }, exceptions: [] }, 'isolate');
  expect(viewRun([...events, finished])?.steps[1]).toMatchObject({ state: 'done', counts: { applied: 1 } });
});
