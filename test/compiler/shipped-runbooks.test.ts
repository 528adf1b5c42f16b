// What is shipped compiles against the real registry, without so much as a note.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { units } from '../../activities/index.js';
import { catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { explain } from '../../compiler/explain.js';
import { evaluate } from '../../core/expression.js';
import type { Json } from '../../core/json.js';

const folder = new URL('../../runbooks/', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
const catalog = catalogOf(units);

test('there are runbooks', () => {
  expect(files).toEqual(expect.arrayContaining(['aws/aws-credential-compromise.yaml', 'aws/aws-host-compromise.yaml']));
});

test.each(files)('%s compiles and can be explained', (file) => {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const { runbook, problems } = compileRunbook({ file, text, catalog });
  expect(problems).toEqual([]);
  if (runbook === undefined) throw new Error('unreachable');
  expect(explain(runbook, catalog)).toContain(runbook.summary);
});

test.each(files)('%s shows editors where its schema is', (file) => {
  const [first = ''] = readFileSync(new URL(file, folder), 'utf8').split('\n');
  const path = /^# yaml-language-server: \$schema=(.+)$/.exec(first)?.[1] ?? '';
  const schema = JSON.parse(readFileSync(new URL(path, new URL(file, folder)), 'utf8')) as { title: string };
  expect(schema.title).toBe('runbook');
});

test('in a host compromise nothing waits for evidence, and disks are copied after the cut', () => {
  const text = readFileSync(new URL('aws/aws-host-compromise.yaml', folder), 'utf8');
  const steps = compileRunbook({ file: 'a.yaml', text, catalog }).runbook?.steps ?? [];
  const needs = Object.fromEntries(steps.map((step) => [step.id, step.needs]));
  expect(needs).toEqual({
    collect: [],
    protect: [],
    quarantine: [],
    isolate: ['quarantine'],
    snapshot: ['protect', 'isolate'],
  });
  for (const step of steps) expect([step.id, step.phase, step.onFailure]).toEqual([step.id, 'contain', 'continue']);
});

test('in a credential compromise nothing waits for anything, and each part is skipped where nobody is named for it', () => {
  const text = readFileSync(new URL('aws/aws-credential-compromise.yaml', folder), 'utf8');
  const { runbook } = compileRunbook({ file: 'a.yaml', text, catalog });
  const steps = runbook?.steps ?? [];
  expect(steps.map(({ id, needs, gate, onFailure }) => [id, needs, gate, onFailure])).toEqual(
    ['deny-users', 'keys', 'revoke-roles', 'deny-roles'].map((id) => [id, [], 'containment', 'continue']),
  );
  const runs = (inputs: Record<string, Json>) =>
    steps.filter((step) => step.if === undefined || evaluate(step.if, { inputs }) === true).map(({ id }) => id);
  const given = { cutoff: '', deny_roles: false, reason: 'as seen' };
  expect(runs(given)).toEqual([]);
  expect(runs({ ...given, users: ['alice'] })).toEqual(['deny-users', 'keys']);
  expect(runs({ ...given, roles: ['web'] })).toEqual(['revoke-roles']);
  expect(runs({ ...given, roles: ['web'], deny_roles: true })).toEqual(['revoke-roles', 'deny-roles']);
});
