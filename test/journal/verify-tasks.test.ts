// What people did by hand or decided, in an exported timeline: it stands by the word of somebody who may say it, or not at all.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDraft } from '../../core/event.js';
import type { Statement } from '../../core/statement.js';
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
const task = { kind: 'decide', step: 'way', what: 'Which way?', who: ['responders'], choices: { a: 'A', b: 'B' } };

function told(id: string, seconds: number, more: Partial<EventDraft>): EventDraft {
  const occurredAt = after(seconds);
  const event = { chain, id: `run-1/task/${id}`, run: 'run-1', step: 'way', occurredAt, actor: 'engine' };
  return { ...event, action: 'step.asked', ...more };
}

function asked(): EventDraft {
  return told('asked', 60, { data: { ...task, remindMs: 60_000 } });
}

function word(by: 'bob' | 'carol', choice: string): Statement {
  const about = { kind: 'run' as const, run: 'run-1', launch, step: 'way', choice };
  return cast.bySlack({ verb: 'choose', about, by, at: after(65), nonce: `way/${by}` });
}

function counted(statement: Statement, id = 'counted'): EventDraft {
  const data = { verb: 'choose', step: 'way', statement: statementDigest(statement) };
  return told(id, 65, { action: 'statement.counted', actor: statement.by, statement, data });
}

function finished(by: string, choice: string): EventDraft {
  const data = { state: 'done', counts: {}, exceptions: [], by, choice };
  return told('finished', 66, { action: 'step.finished', outcome: 'done', data });
}

/** The codes of what is wrong with a timeline that tells this besides. */
async function telling(...events: EventDraft[]): Promise<string[]> {
  const timeline = await exported(cast, (drafts) => [...drafts, ...events]);
  return verifyTimeline(timeline, { people: cast.people }).problems.map(({ code }) => code);
}

test('it verifies where somebody who may has said it', async () => {
  expect(await telling(asked(), counted(word('bob', 'a')), finished('bob', 'a'))).toEqual([]);
});

test('it does not where nobody said it, or something else was said', async () => {
  expect(await telling(asked(), finished('bob', 'a'))).toEqual(['task.not-supported']);
  expect(await telling(asked(), counted(word('bob', 'a')), finished('bob', 'b'))).toEqual(['task.not-supported']);
  expect(await telling(finished('bob', 'a'))).toEqual(['task.not-supported']);
});

test('it does not where somebody else said it, or nobody had asked, or it had been answered', async () => {
  expect(await telling(asked(), counted(word('carol', 'a')), finished('carol', 'a'))).toEqual([
    'task.not-eligible',
    'task.not-supported',
  ]);
  expect(await telling(counted(word('bob', 'a')))).toEqual(['task.not-asking']);
  expect(await telling(asked(), counted(word('bob', 'x')))).toEqual(['task.unknown-choice']);
  const twice = [counted(word('bob', 'a')), counted(word('bob', 'b'), 'again')];
  expect(await telling(asked(), ...twice, finished('bob', 'a'))).toEqual(['task.not-asking']);
});

test('it does not where it was asked once more, so that another word could take the place of the first', async () => {
  const again = { ...asked(), id: 'run-1/task/asked-again' };
  const events = [asked(), counted(word('bob', 'a')), again, counted(word('bob', 'b'), 'again'), finished('bob', 'a')];
  expect(await telling(...events)).toEqual(['task.asked-twice', 'task.not-asking']);
});

test('it does not where the question itself cannot be read', async () => {
  const broken = { ...asked(), data: { ...task, who: 'responders', remindMs: 60_000 } };
  expect(await telling(broken)).toEqual(['event.malformed']);
});
