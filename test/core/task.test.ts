import { expect, test } from 'vitest';
import type { Facts, Statement } from '../../core/statement.js';
import { judgeTask, type Task } from '../../core/task.js';

const now = Date.parse('2026-01-01T00:00:00.000Z');
const sha = `sha256:${'0'.repeat(64)}` as const;
const manual: Task = {
  kind: 'manual',
  step: 'call',
  what: 'Call the owner.',
  who: ['oncall'],
  evidence: 'Whom you reached.',
};
const decide: Task = {
  kind: 'decide',
  step: 'way',
  what: 'Which way?',
  who: ['oncall'],
  choices: { left: 'L', right: 'R' },
};

function said(verb: Statement['verb'], about: object, more: Partial<Statement> = {}): Statement {
  return {
    version: 1,
    verb,
    about: { kind: 'run', run: 'run-1', launch: sha, ...about },
    by: 'bob',
    at: new Date(now).toISOString(),
    validUntil: new Date(now + 1000).toISOString(),
    nonce: 'n',
    proof: { kind: 'ssh', key: 'k', signature: 's' },
    ...more,
  };
}

function facts(groups = ['oncall'], proof: Facts['proof'] = { good: true, personalKey: true }): Facts {
  return { principal: { id: 'bob', groups, responder: false }, proof, digest: sha };
}

test('a member of a named group confirms with evidence, or chooses what is offered; nobody need be a responder', () => {
  expect(judgeTask(manual, said('confirm', { step: 'call' }, { reason: 'Ada, 03:10' }), facts(), now)).toEqual({
    counts: true,
  });
  expect(judgeTask(decide, said('choose', { step: 'way', choice: 'left' }), facts(), now)).toEqual({ counts: true });
  const { evidence: _evidence, ...plain } = manual;
  expect(judgeTask(plain, said('confirm', { step: 'call' }), facts(), now)).toEqual({ counts: true });
});

test.each<[string, Task, Statement, Facts, string]>([
  ['somebody else', manual, said('confirm', { step: 'call' }, { reason: 'x' }), facts(['other']), 'task.not-eligible'],
  ['no evidence', manual, said('confirm', { step: 'call' }, { reason: '  ' }), facts(), 'task.no-evidence'],
  ['another step', manual, said('confirm', { step: 'way' }, { reason: 'x' }), facts(), 'task.other-step'],
  [
    'a choice where there is none',
    manual,
    said('choose', { step: 'call', choice: 'left' }),
    facts(),
    'task.other-verb',
  ],
  ['a confirmation of a question', decide, said('confirm', { step: 'way' }), facts(), 'task.other-verb'],
  ['an unknown choice', decide, said('choose', { step: 'way', choice: 'up' }), facts(), 'task.unknown-choice'],
  [
    'a choice by a name of every object',
    decide,
    said('choose', { step: 'way', choice: 'constructor' }),
    facts(),
    'task.unknown-choice',
  ],
  ['no choice', decide, said('choose', { step: 'way' }), facts(), 'task.unknown-choice'],
  [
    'an unproven word',
    decide,
    said('choose', { step: 'way', choice: 'left' }),
    facts(['oncall'], { good: false, code: 'proof.signature-wrong', reason: 'no' }),
    'proof.signature-wrong',
  ],
  [
    'an old word',
    decide,
    said('choose', { step: 'way', choice: 'left' }, { validUntil: new Date(now - 1).toISOString() }),
    facts(),
    'statement.expired',
  ],
])('%s does not count', (_name, task, statement, found, code) => {
  expect(judgeTask(task, statement, found, now)).toMatchObject({ counts: false, code });
});
