// Words that fit no step, and requests that want more than one account may have: real Temporal, real store, statements attested as from Slack.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunAbout } from '../../core/statement.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const runbook = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: by-people, version: 1, summary: Something to be paused and skipped. }
inputs:
  host: { type: string }
gates:
  change: { need: 2, from: [security-oncall, platform-leads] }
steps:
  - id: call-owner
    phase: investigate
    manual: { what: Call the owner., who: [platform-leads] }
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.host }}" }
    gate: change
`;

const minute = 60_000;
let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'by-people.yaml': runbook }, maxCachedWorkflows: 0 });
}, 120_000);

afterAll(() => at.stop());

async function started(): Promise<{ run: string; about: RunAbout }> {
  const host = at.world.seeded.instances[0] ?? '';
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'by-people', inputs: { host } });
  const { launch } = await at.until(run, ({ tasks }) => tasks.length === 1);
  return { run, about: { kind: 'run', run, launch } };
}

test('an answer about a step that no runbook can have is refused, and hangs nothing', async () => {
  const { run, about } = await started();
  for (const step of ['constructor', 'toString', '__proto__'])
    await expect(at.door.say(at.statement('carol', 'confirm', { ...about, step }))).rejects.toMatchObject({
      code: 'task.not-asking',
    });
  await expect(at.door.say(at.statement('alice', 'hand-over', { ...about, to: 'toString' }))).rejects.toMatchObject({
    code: 'hand-over.unknown',
  });
  await at.say('carol', { verb: 'confirm', run });
  await at.asking(run);
  await at.say('alice', { verb: 'cancel', run });
  expect((await at.ended(run)).state).toBe('cancelled');
}, 15_000);

test('nobody pauses a run alone for more than fifteen minutes in all', async () => {
  const { run } = await started();
  await at.say('alice', { verb: 'pause', run, byMs: 15 * minute });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await at.say('alice', { verb: 'resume', run });
  const again = await at.say('alice', { verb: 'pause', run, byMs: 15 * minute });
  expect(again.outcome).toBe('asks at gate "pause": 1 other than you must agree');
  expect((await at.until(run, () => true)).paused).toBeUndefined();
  // What was not used of the first is still there.
  await at.say('alice', { verb: 'pause', run, byMs: 14 * minute });
  await at.until(run, ({ state }) => state === 'paused');
  await at.say('alice', { verb: 'cancel', run });
  await at.ended(run);
}, 15_000);

test('a step that needs a person can be left out, and then nothing says that the run still needs one', async () => {
  const { run } = await started();
  await at.say('carol', { verb: 'confirm', run });
  await at.asking(run);
  await at.say('bob', { verb: 'deny', run });
  await at.until(run, ({ state }) => state === 'needs a person');
  await at.say('alice', { verb: 'skip', run, step: 'protect', reason: 'it is gone' });
  await at.say('carol', { verb: 'approve', run });
  const done = await at.ended(run);
  expect(done).toMatchObject({ state: 'done', waiting: [] });
  expect(done.says).toBe('every other step is done and shown; left out by people: protect');
  const [skipped] = await at.events(run, 'step.skipped');
  expect(skipped?.data).toMatchObject({ ask: 'change#2' });
}, 15_000);

test('a longer pause that was agreed to takes the place of a short one', async () => {
  const { run } = await started();
  await at.say('alice', { verb: 'pause', run, byMs: 120 * minute, reason: 'forensics first' });
  await at.say('alice', { verb: 'pause', run, byMs: 15 * minute });
  await at.until(run, ({ state }) => state === 'paused');
  await at.say('bob', { verb: 'approve', run });
  const { paused } = await at.until(run, (view) => Date.parse(view.paused?.until ?? '') - Date.now() > 100 * minute);
  expect(paused?.by).toBe('alice');
  expect((await at.events(run, 'run.unpaused')).length).toBe(0);
  await at.say('alice', { verb: 'cancel', run });
  await at.ended(run);
}, 30_000);
