// Verbs and failure rules over a whole installation: real Temporal, real store, AWS is the emulator behind the shim.
import { DescribeInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ec2Of, groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

function protectRunbook(name: string, step: string): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata:
  name: ${name}
  version: 1
  summary: Protect hosts from being terminated.
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
  reason: { type: string, min: 5 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads], within: 4s }
steps:
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
    gate: change
${step}`;
}

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({
    runbooks: {
      'protect.yaml': protectRunbook('protect-only', ''),
      'protect-undo.yaml': protectRunbook('protect-undo', '    on_failure: undo\n'),
      'protect-ask.yaml': protectRunbook('protect-ask', '    on_failure: ask\n'),
    },
  });
}, 120_000);

afterAll(() => at.stop());

async function isProtected(instance: string): Promise<boolean> {
  const ec2 = ec2Of(at.world);
  const { DisableApiTermination } = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: 'disableApiTermination' }),
  );
  ec2.destroy();
  return DisableApiTermination?.Value === true;
}

function start(runbook: string, instances: string[]): Promise<{ run: string; incident: string }> {
  return at.say('alice', { verb: 'launch', runbook, inputs: { instances, reason: 'a test of the engine' } });
}

test('a plan shows what would change, asks nobody and changes nothing', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const before = await groupsOfInstances(at.world, [instance]);
  const { run } = await at.say('alice', {
    verb: 'plan',
    runbook: 'aws-host-compromise',
    inputs: { instances: [instance], reason: 'just to see it' },
  });
  const view = await at.ended(run);
  expect(view.state).toBe('done');
  expect(view.asks).toEqual([]);
  const plan = await at.door.plan(run);
  expect(plan.steps.find(({ step }) => step === 'isolate')?.changes[0]).toMatchObject({
    standing: 'change',
    after: { groups: ['tag:firebreak:quarantine'] },
  });
  expect(await groupsOfInstances(at.world, [instance])).toEqual(before);
  expect(await at.door.holds(run)).toEqual([]);
});

test('an ordinary gate that runs out is denied; a late approval is refused; a retry asks anew; undo by one other puts it back', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const { run } = await start('protect-only', [instance]);
  const asking = await at.asking(run);
  const about = asking.asks[0]?.about;
  const expired = await at.until(run, ({ state }) => state === 'needs a person', 20_000);
  expect(expired.needs?.code).toBe('gate.expired');
  expect(expired.asks[0]?.state).toBe('expired');
  if (about === undefined) throw new Error('nothing asked');
  await expect(at.door.say(at.statement('bob', 'approve', about))).rejects.toMatchObject({ code: 'gate.expired' });
  expect(await isProtected(instance)).toBe(false);

  await at.say('alice', { verb: 'retry', run });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  expect((await at.ended(run)).state).toBe('done');
  expect(await isProtected(instance)).toBe(true);
  // What contains nothing is held no longer than its run.
  expect(await at.door.holds(run)).toEqual([]);

  const undo = await at.say('alice', { verb: 'undo', run, reason: 'was only a test' });
  await at.asking(undo.run);
  await expect(at.say('alice', { verb: 'approve', run: undo.run })).rejects.toMatchObject({
    code: 'gate.requester-excluded',
  });
  await at.say('bob', { verb: 'approve', run: undo.run });
  const undone = await at.ended(undo.run);
  expect(undone.state, JSON.stringify(undone.steps)).toBe('done');
  expect(await isProtected(instance)).toBe(false);
}, 60_000);

test('an approval that is taken back before the gate passes does not count', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const { run } = await at.launch('alice', { instances: [instance], reason: 'to be withdrawn' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.say('bob', { verb: 'withdraw', run });
  await at.say('carol', { verb: 'approve', run });
  expect((await at.until(run, () => true)).state).toBe('asking');
  await at.say('alice', { verb: 'extend', run, byMs: 60_000 });
  expect((await at.events(run, 'gate.extended')).length).toBe(1);
  await at.say('alice', { verb: 'note', run, reason: 'waiting for a second opinion' });
  expect((await at.until(run, () => true)).notes).toMatchObject([
    { by: 'alice', text: 'waiting for a second opinion' },
  ]);
  await expect(at.say('dave', { verb: 'note', run, reason: 'I am no responder' })).rejects.toMatchObject({
    code: 'person.not-a-responder',
  });
  await at.say('alice', { verb: 'cancel', run });
  expect((await at.ended(run)).state).toBe('cancelled');
});

test('evidence that cannot be collected does not hold up containment', async () => {
  const [instance = ''] = at.world.seeded.instances;
  at.world.aws.shim.faults.add({ action: 'GetConsoleOutput', kind: 'error', count: 1000 });
  const { run, incident } = await at.launch('alice', { instances: [instance], reason: 'console is broken' });
  await at.agree(run);
  const view = await at.ended(run, 60_000);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  expect(view.steps.find(({ id }) => id === 'collect')?.state).not.toBe('done');
  expect((await at.events(run, 'evidence.failed')).length).toBe(1);
  at.world.aws.shim.faults.clear();
  expect((await at.release(incident)).state).toBe('done');
}, 120_000);

test('a cancel after the first write asks one other person, and lifts nothing', async () => {
  const [instance = ''] = at.world.seeded.instances;
  at.world.aws.shim.faults.add({ action: 'CreateSnapshots', kind: 'latency', ms: 8000, count: 1 });
  const { run, incident } = await at.launch('alice', { instances: [instance], reason: 'cancelled half-way' });
  await at.agree(run);
  await at.until(run, ({ steps }) => steps.find(({ id }) => id === 'isolate')?.state === 'done', 30_000);
  const contained = await groupsOfInstances(at.world, [instance]);
  const { outcome } = await at.say('alice', { verb: 'cancel', run, reason: 'wrong host' });
  expect(outcome).toMatch(/asks at gate/);
  await expect(at.say('alice', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.requester-excluded' });
  await at.say('bob', { verb: 'approve', run });
  const view = await at.ended(run, 30_000);
  expect(view.state).toBe('cancelled');
  expect(await groupsOfInstances(at.world, [instance])).toEqual(contained);
  expect((await at.door.holds(incident)).some(({ aspect, state }) => aspect === 'groups' && state === 'in force')).toBe(
    true,
  );
  at.world.aws.shim.faults.clear();
  expect((await at.release(incident)).state).toBe('done');
}, 120_000);

test('with on_failure: ask an incomplete step waits for a person, and a retry settles what is left under the agreement that there is', async () => {
  const [instance = ''] = at.world.seeded.instances;
  at.world.aws.shim.faults.add({ action: 'ModifyInstanceAttribute', kind: 'error', count: 1000 });
  const { run } = await start('protect-ask', [instance]);
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  const waiting = await at.until(run, ({ state }) => state === 'needs a person', 60_000);
  expect(waiting.needs).toMatchObject({ code: 'step.incomplete', step: 'protect' });
  at.world.aws.shim.faults.clear();
  await at.say('alice', { verb: 'retry', run });
  const done = await at.ended(run, 30_000);
  expect([done.state, done.asks.length]).toEqual(['done', 1]);
  expect(await isProtected(instance)).toBe(true);
}, 120_000);

test('with on_failure: undo a step that fails for one target is taken back for the others', async () => {
  const [, good = '', gone = ''] = at.world.seeded.instances;
  const ec2 = ec2Of(at.world);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
  ec2.destroy();
  const { run } = await start('protect-undo', [good, gone]);
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  const view = await at.ended(run, 60_000);
  expect(view.state).toBe('failed');
  expect(view.steps[0]).toMatchObject({ state: 'failed', counts: { 'taken back': expect.any(Number) as number } });
  expect(await isProtected(good)).toBe(false);
  expect(await at.door.holds(run)).toEqual([]);
}, 60_000);

test('a step that is being taken back is not skipped, and the undo goes to its end', async () => {
  const [, good = '', gone = ''] = at.world.seeded.instances;
  const { run } = await start('protect-undo', [good, gone]);
  await at.asking(run);
  // Slow enough to speak meanwhile.
  at.world.aws.shim.faults.add({ kind: 'latency', action: 'ModifyInstanceAttribute', ms: 2_000 });
  await at.say('bob', { verb: 'approve', run });
  await at.until(run, ({ steps }) => steps[0]?.counts !== undefined && (steps[0].counts['failed'] ?? 0) > 0, 60_000);
  await expect(at.say('alice', { verb: 'skip', run, step: 'protect', reason: 'never mind' })).rejects.toMatchObject({
    code: 'skip.undoing',
  });
  at.world.aws.shim.faults.clear();
  const view = await at.ended(run, 60_000);
  expect(view.steps[0]).toMatchObject({ state: 'failed', counts: { 'taken back': expect.any(Number) as number } });
  expect(await isProtected(good)).toBe(false);
}, 120_000);
