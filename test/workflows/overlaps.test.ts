// Two that act on the same thing: a containment and an ordinary run, an attempt and the one after it. Real Temporal, real store;
// AWS is the emulator behind the shim.
import {
  DescribeInstanceAttributeCommand,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FirebreakError } from '../../core/errors.js';
import { ec2Of } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const inTwoParts = `apiVersion: firebreak/v1
kind: Runbook
metadata:
  name: protect-in-two-parts
  version: 1
  summary: Protect hosts, then wait for people before the snapshot.
inputs:
  instances: { type: list, of: aws-instance, max: 5 }
  reason: { type: string, min: 10 }
gates:
  one: { need: 1, from: [security-oncall, platform-leads], within: 15m }
  two: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
  - id: protect
    phase: eradicate
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
    gate: one
  - id: snapshot
    phase: eradicate
    uses: aws.snapshot-instance@1
    for_each: \${{ inputs.instances }}
    with:
      instance: \${{ item }}
    gate: two
`;

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'protect-in-two-parts.yaml': inTwoParts } });
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

test('a containment that joins what an ordinary step holds keeps it when that run ends, and its release puts it back', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const before = await isProtected(instance);
  expect(before).toBe(false);
  const ordinary = await at.say('alice', {
    verb: 'launch',
    runbook: 'protect-in-two-parts',
    inputs: { instances: [instance], reason: 'a reason long enough' },
  });
  await at.asking(ordinary.run);
  await at.say('bob', { verb: 'approve', run: ordinary.run, gate: 'one' });
  await at.until(ordinary.run, ({ steps }) => steps.find(({ id }) => id === 'protect')?.state === 'done', 60_000);
  const containing = await at.launch('alice', { instances: [instance], reason: 'a reason long enough' });
  await at.agree(containing.run);
  expect((await at.ended(containing.run, 60_000)).state).toBe('done');
  const held = await at.door.holds(containing.run);
  await at.say('bob', { verb: 'approve', run: ordinary.run, gate: 'two' });
  expect((await at.ended(ordinary.run, 60_000)).state).toBe('done');
  expect((await at.door.holds(containing.run)).map(({ key }) => key)).toEqual(held.map(({ key }) => key));
  expect(await isProtected(instance)).toBe(true);
  const release = await at.say('alice', { verb: 'release', of: containing.run, reason: 'hosts were rebuilt' });
  // What the ordinary run held first asks at its gate, the rest at the containment's.
  const { asks } = await at.until(
    release.run,
    (view) => view.asks.filter(({ state }) => state === 'asking').length === 2,
    30_000,
  );
  for (const { about } of asks)
    for (const person of ['bob', 'carol'])
      await at.say(person, { verb: 'approve', run: release.run, gate: about.gate }).catch(passed);
  expect((await at.ended(release.run, 90_000)).state).toBe('done');
  expect(await isProtected(instance)).toBe(false);
}, 180_000);

test('an attempt that is lost after it said how a step ended does not have the last word', async () => {
  const [, instance = ''] = at.world.seeded.instances;
  const append = at.deps.store.append.bind(at.deps.store);
  let lost = 0;
  at.deps.store.append = async (drafts) => {
    const events = await append(drafts);
    if (lost > 0 || !drafts.some(({ action, step }) => action === 'step.finished' && step === 'isolate')) return events;
    lost += 1;
    // Meanwhile somebody terminates the host; the next attempt finds it so.
    const ec2 = ec2Of(at.world);
    await ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId: instance, DisableApiTermination: { Value: false } }),
    );
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
    ec2.destroy();
    throw new Error('lost here');
  };
  const { run } = await at.launch('alice', { instances: [instance], reason: 'a reason long enough' });
  await at.agree(run);
  const view = await at.ended(run, 60_000);
  at.deps.store.append = append;
  expect(lost).toBe(1);
  expect(view.state).toBe('failed');
  expect(view.steps.find(({ id }) => id === 'isolate')?.state).not.toBe('done');
  const finished = (await at.events(run, 'step.finished')).filter(({ step }) => step === 'isolate');
  expect(finished.map(({ outcome }) => outcome === 'done')).toEqual([true, false]);
}, 180_000);

/** One person is enough where the risk is low. */
function passed(error: unknown): void {
  if (!(error instanceof FirebreakError) || !error.code.startsWith('gate.')) throw error;
}
