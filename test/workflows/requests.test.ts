// Pause, resume, skip: real Temporal, real store, statements attested as from Slack, AWS is the emulator; every task replays its run.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportJsonl } from '../../journal/export.js';
import { signerOf } from '../../journal/signer.js';
import { verifyTimeline } from '../../journal/verify.js';
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
  - id: tell
    phase: close
    manual: { what: Tell everybody., who: [security-oncall] }
`;

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'by-people.yaml': runbook }, maxCachedWorkflows: 0 });
}, 120_000);

afterAll(() => at.stop());

async function started(): Promise<{ run: string; incident: string }> {
  const host = at.world.seeded.instances[0] ?? '';
  const run = await at.say('alice', { verb: 'launch', runbook: 'by-people', inputs: { host } });
  await at.until(run.run, ({ tasks }) => tasks.length === 1);
  return run;
}

const waitsFor = (step: string) => (view: { tasks: { step: string }[] }) =>
  view.tasks.some((task) => task.step === step);

test('a step is skipped when one other person agrees, whatever it waits for, and the run goes on', async () => {
  const { run, incident } = await started();
  await expect(at.say('alice', { verb: 'skip', run, step: 'call-owner' })).rejects.toMatchObject({
    code: 'skip.no-reason',
  });
  await at.say('alice', { verb: 'skip', run, step: 'call-owner', reason: 'nobody answers' });
  await expect(at.say('alice', { verb: 'skip', run, step: 'call-owner', reason: 'again' })).rejects.toMatchObject({
    code: 'skip.asked',
  });
  const [ask] = (await at.asking(run)).asks;
  expect(ask).toMatchObject({
    allows: 'skip',
    request: { by: 'alice', step: 'call-owner' },
    excluded: ['alice'],
    spec: { need: 1, from: ['platform-leads'] },
  });
  await expect(at.say('alice', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.requester-excluded' });
  await expect(at.say('bob', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.not-eligible' });
  const { shows } = await at.door.prepare({ verb: 'approve', run }, 'carol');
  expect(shows[0]).toBe(`approve the skip of "call-owner" of ${run} (by-people), asked by alice: nobody answers`);
  await at.say('carol', { verb: 'approve', run });

  // The next waits at its gate; it is left out too, and the gate asks no longer.
  await at.until(run, ({ asks }) => asks.some(({ allows, state }) => allows === 'carry out' && state === 'asking'));
  await at.say('bob', { verb: 'skip', run, step: 'protect', reason: 'it is gone' });
  await at.say('carol', { verb: 'approve', run, gate: 'change#2' });
  const after = await at.until(run, waitsFor('tell'));
  expect(after.asks.map(({ id, state }) => [id, state])).toEqual([
    ['skip-call-owner#1', 'passed'],
    ['change#1', 'closed'],
    ['change#2', 'passed'],
  ]);
  await expect(at.door.say(at.statement('bob', 'approve', after.asks[1]?.about as never))).rejects.toMatchObject({
    code: 'gate.closed',
  });
  await at.say('bob', { verb: 'confirm', run });
  const done = await at.ended(run);
  expect(done.steps.map(({ state }) => state)).toEqual(['skipped', 'skipped', 'done']);
  const skipped = await at.events(run, 'step.skipped');
  expect(skipped.map(({ data }) => data?.['why'])).toEqual([
    'asked by alice, agreed to by carol',
    'asked by bob, agreed to by carol',
  ]);
  expect(done.state).toBe('done');
  await expect(at.say('alice', { verb: 'skip', run, step: 'tell', reason: 'late' })).rejects.toMatchObject({
    code: 'run.ended',
  });
  const { people } = await at.door.bundle();
  const timeline = await exportJsonl(at.store, incident, { people, signer: signerOf(at.keys.journal) });
  expect(verifyTimeline(timeline, { people }).problems).toEqual([]);
}, 60_000);

test('a paused run hears people and begins nothing; it goes on by a word or by the clock', async () => {
  const { run } = await started();
  await at.say('alice', { verb: 'pause', run, byMs: 15 * 60_000 });
  const paused = await at.until(run, ({ state }) => state === 'paused');
  expect(paused.paused?.by).toBe('alice');
  await expect(at.say('alice', { verb: 'pause', run, byMs: 1000 })).rejects.toMatchObject({ code: 'pause.paused' });
  await at.say('carol', { verb: 'confirm', run });
  await at.until(run, ({ steps }) => steps[0]?.state === 'done');
  // What it would do next it would have begun by now.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect((await at.events(run, 'plan.made')).length).toBe(0);
  await at.say('bob', { verb: 'resume', run });
  await expect(at.say('bob', { verb: 'resume', run })).rejects.toMatchObject({ code: 'resume.not-paused' });
  await at.asking(run);
  expect((await at.until(run, () => true)).paused).toBeUndefined();

  await at.say('alice', { verb: 'pause', run, byMs: 8_000 });
  await at.agree(run);
  expect((await at.events(run, 'step.started')).length).toBe(0);
  await at.until(run, waitsFor('tell'));
  expect((await at.events(run, 'run.unpaused')).length).toBe(2);
  await at.say('bob', { verb: 'confirm', run });
  expect((await at.ended(run)).state).toBe('done');
}, 60_000);

test('a longer pause needs one other person, and what was asked for is what is agreed to', async () => {
  const { run } = await started();
  await expect(at.say('alice', { verb: 'pause', run, byMs: 8 * 24 * 60 * 60_000 })).rejects.toMatchObject({
    code: 'pause.out-of-range',
  });
  const { outcome } = await at.say('alice', { verb: 'pause', run, byMs: 2 * 60 * 60_000, reason: 'forensics first' });
  expect(outcome).toBe('asks at gate "pause": 1 other than you must agree');
  const asking = await at.asking(run);
  expect(asking.asks[0]).toMatchObject({
    allows: 'pause',
    request: { by: 'alice', byMs: 7_200_000 },
    reason: 'forensics first',
  });
  await at.say('bob', { verb: 'approve', run });
  const paused = await at.until(run, ({ state }) => state === 'paused');
  expect(Date.parse(paused.paused?.until ?? '') - Date.now()).toBeGreaterThan(7_100_000);
  await at.say('alice', { verb: 'cancel', run });
  expect(await at.ended(run)).toMatchObject({ state: 'cancelled', tasks: [] });
}, 60_000);
