// Steps that people do by hand or decide: real Temporal, real store, statements attested as from Slack; every task replays its run.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportJsonl } from '../../journal/export.js';
import { signerOf } from '../../journal/signer.js';
import { verifyTimeline } from '../../journal/verify.js';
import type { RunAbout } from '../../core/statement.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const runbook = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: by-people, version: 1, summary: What people do and decide. }
inputs:
  host: { type: string }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: call-owner
    phase: investigate
    manual:
      what: Call the owner of \${{ inputs.host }}.
      who: [platform-leads]
      evidence: Whom you reached.
      remind: 1s
  - id: way
    phase: eradicate
    decide:
      what: Is it protected?
      who: [security-oncall]
      choices: { protect: Protect it., leave: Leave it as it is. }
  - id: protect
    phase: recover
    if: \${{ steps.way.choice == "protect" }}
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.host }}" }
    gate: change
  - id: tell
    phase: close
    if: \${{ steps.way.choice == "leave" }}
    manual: { what: Tell everybody., who: [security-oncall] }
`;

/** A decision that is left out, and steps whose conditions read it in every way. */
const undecided = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: undecided, version: 1, summary: A decision that nobody makes. }
inputs:
  asks: { type: boolean, default: false }
steps:
  - id: way
    phase: eradicate
    if: \${{ inputs.asks }}
    decide:
      what: Is it protected?
      who: [security-oncall]
      choices: { protect: Protect it., leave: Leave it as it is. }
  - id: unless
    phase: recover
    if: \${{ steps.way.choice != "leave" }}
    manual: { what: Protect it., who: [security-oncall] }
  - id: neither
    phase: recover
    if: \${{ !(steps.way.choice in ["protect", "leave"]) }}
    manual: { what: Do neither., who: [security-oncall] }
  - id: left-out
    phase: close
    if: \${{ steps.way.state == "skipped" || steps.way.choice == "leave" }}
    manual: { what: "Say that it was \${{ steps.way.choice }}.", who: [security-oncall] }
`;

let at: TestInstallation;
let host = '';

beforeAll(async () => {
  at = await startInstallation({
    runbooks: { 'by-people.yaml': runbook, 'undecided.yaml': undecided },
    maxCachedWorkflows: 0,
  });
  host = at.world.seeded.instances[0] ?? '';
}, 120_000);

afterAll(() => at.stop());

async function waiting(step: string, run?: string): Promise<{ run: string; incident: string }> {
  const started =
    run === undefined
      ? await at.say('alice', { verb: 'launch', runbook: 'by-people', inputs: { host } })
      : { run, incident: '' };
  await at.until(started.run, ({ tasks }) => tasks.some((task) => task.step === step));
  return started;
}

function aboutStep(launch: RunAbout['launch'], run: string, step: string, choice?: string): RunAbout {
  return { kind: 'run', run, launch, step, ...(choice === undefined ? {} : { choice }) };
}

test('a run waits for people, goes the way that they choose, and its timeline verifies', async () => {
  const { run, incident } = await waiting('call-owner');
  const view = await at.until(run, () => true);
  expect(view).toMatchObject({
    state: 'asking',
    tasks: [{ what: `Call the owner of ${host}.`, who: ['platform-leads'] }],
  });
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'owner.paged'));
  expect((await at.events(run, 'step.reminded')).length).toBeGreaterThan(0);

  await at.say('carol', { verb: 'confirm', run, reason: 'reached Ada at 03:10' });
  await waiting('way', run);
  await at.say('bob', { verb: 'choose', run, choice: 'protect', reason: 'it is needed' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  const done = await at.ended(run);
  expect(done.state).toBe('done');
  expect(done.steps.map(({ id, state, by, choice }) => [id, state, by, choice])).toEqual([
    ['call-owner', 'done', 'carol', undefined],
    ['way', 'done', 'bob', 'protect'],
    ['protect', 'done', undefined, undefined],
    ['tell', 'skipped', undefined, undefined],
  ]);
  // A step that people answer is asked, answered and ended once.
  for (const action of ['step.asked', 'statement.counted', 'step.finished'] as const)
    expect((await at.events(run, action)).filter(({ step }) => step === 'way').length, action).toBe(1);
  const { people } = await at.door.bundle();
  const timeline = await exportJsonl(at.store, incident, { people, signer: signerOf(at.keys.journal) });
  expect(verifyTimeline(timeline, { people }).problems).toEqual([]);
}, 60_000);

test('only those whom the step names answer, with what it asks for, once; the rest is refused, on the record', async () => {
  const { run } = await waiting('call-owner');
  const { launch } = await at.until(run, () => true);
  const say = (by: string, verb: 'confirm' | 'choose', about: RunAbout, reason?: string) =>
    at.door.say(at.statement(by, verb, about, reason === undefined ? {} : { reason }));
  const call = aboutStep(launch, run, 'call-owner');
  await expect(say('bob', 'confirm', call, 'x')).rejects.toMatchObject({ code: 'task.not-eligible' });
  await expect(say('carol', 'confirm', call)).rejects.toMatchObject({ code: 'task.no-evidence' });
  await expect(say('carol', 'choose', aboutStep(launch, run, 'call-owner', 'protect'))).rejects.toMatchObject({
    code: 'task.other-verb',
  });
  await expect(say('bob', 'choose', aboutStep(launch, run, 'way', 'protect'))).rejects.toMatchObject({
    code: 'task.not-asking',
  });
  await expect(at.say('carol', { verb: 'confirm', run })).rejects.toMatchObject({ code: 'task.no-evidence' });
  const two = await Promise.allSettled([
    say('carol', 'confirm', call, 'Ada'),
    say('carol', 'confirm', call, 'Ada again'),
  ]);
  expect(two.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  await waiting('way', run);
  await expect(say('bob', 'choose', aboutStep(launch, run, 'way', 'up'))).rejects.toMatchObject({
    code: 'task.unknown-choice',
  });
  await expect(at.say('bob', { verb: 'choose', run, choice: 'protct' })).rejects.toMatchObject({
    code: 'task.unknown-choice',
  });
  const codes = (await at.events(run, 'statement.refused')).map(({ data }) => data?.['code']);
  expect(codes.slice(0, 4)).toEqual(['task.not-eligible', 'task.no-evidence', 'task.other-verb', 'task.not-asking']);
  expect(['task.answered', 'task.not-asking']).toContain(codes[4]);
  expect(codes[5]).toBe('task.unknown-choice');

  await at.say('bob', { verb: 'choose', run, choice: 'leave' });
  await waiting('tell', run);
  // Cancelled while it waits: nothing had been changed, so a responder cancels alone.
  await at.say('alice', { verb: 'cancel', run });
  expect(await at.ended(run)).toMatchObject({ state: 'cancelled', tasks: [] });
  await expect(at.say('bob', { verb: 'confirm', run })).rejects.toMatchObject({ code: 'run.ended' });
}, 60_000);

test('a run that waits for a person goes on waiting when its workers were away', async () => {
  const { run } = await waiting('call-owner');
  await at.stopWorkers();
  const said = at.say('carol', { verb: 'confirm', run, reason: 'Ada' });
  await at.startWorkers();
  await said;
  await waiting('way', run);
  await at.say('bob', { verb: 'choose', run, choice: 'leave' });
  await waiting('tell', run);
  await at.say('alice', { verb: 'confirm', run });
  expect((await at.ended(run)).state).toBe('done');
  expect((await at.events(run, 'step.asked')).map(({ step }) => step)).toEqual(['call-owner', 'way', 'tell']);
}, 60_000);

test('a choice that nobody made opens no branch, by no condition that reads it', async () => {
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'undecided', inputs: {} });
  await at.until(run, ({ tasks }) => tasks.some(({ step }) => step === 'left-out'));
  await at.say('bob', { verb: 'confirm', run });
  const done = await at.ended(run);
  expect(done.steps.map(({ id, state }) => [id, state])).toEqual([
    ['way', 'skipped'],
    ['unless', 'skipped'],
    ['neither', 'skipped'],
    ['left-out', 'done'],
  ]);
  const skipped = await at.events(run, 'step.skipped');
  expect(skipped.map(({ step, data }) => [step, data?.['why']])).toEqual([
    ['way', 'its condition is not met'],
    ['unless', 'its condition reads the choice of way, which nobody made'],
    ['neither', 'its condition reads the choice of way, which nobody made'],
  ]);
}, 60_000);
