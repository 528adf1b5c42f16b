// A few targets first, the others only while these end well: real Temporal, real store, AWS is the emulator behind the shim.
import { DescribeInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ec2Of } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

function protectRunbook(name: string, how: string): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Protect hosts from being terminated. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: change
    ${how}
  - id: after
    phase: close
    manual: { what: Tell everybody., who: [security-oncall] }
`;
}

let at: TestInstallation;
let good: string[];
let gone: string;

beforeAll(async () => {
  at = await startInstallation({
    runbooks: {
      'ramp.yaml': protectRunbook('ramp', 'ramp: [1, 50%]'),
      'tolerant.yaml': protectRunbook('tolerant', 'tolerate: 1'),
      'tolerant-ramp.yaml': protectRunbook('tolerant-ramp', 'ramp: [1]\n    tolerate: 1\n    on_failure: ask'),
    },
  });
  const [first = '', ...rest] = at.world.seeded.instances;
  gone = first;
  good = rest;
  const ec2 = ec2Of(at.world);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
  ec2.destroy();
}, 120_000);

afterAll(() => at.stop());

async function protectedOnes(): Promise<string[]> {
  const ec2 = ec2Of(at.world);
  const found: string[] = [];
  for (const instance of good) {
    const query = new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: 'disableApiTermination' });
    const { DisableApiTermination } = await ec2.send(query);
    if (DisableApiTermination?.Value === true) found.push(instance);
  }
  ec2.destroy();
  return found;
}

async function agreedTo(runbook: string, instances: string[]): Promise<string> {
  const { run } = await at.say('alice', { verb: 'launch', runbook, inputs: { instances } });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  return run;
}

test('where the first fails, the others are not begun, the record says how many, and the run stops', async () => {
  const run = await agreedTo('ramp', [gone, ...good]);
  const view = await at.ended(run);
  expect(view.state).toBe('failed');
  expect(view.steps.map(({ state }) => state)).toEqual(['failed', 'skipped']);
  expect(view.steps[0]?.counts).toMatchObject({ failed: 1, 'not begun': good.length });
  expect(await protectedOnes()).toEqual([]);
}, 60_000);

test('where a later one fails, what was before it is done', async () => {
  const [first = ''] = good;
  const run = await agreedTo('ramp', [first, gone, ...good.slice(1)]);
  const view = await at.ended(run);
  expect(view.steps[0]).toMatchObject({ state: 'partial', counts: { failed: 1, 'not begun': good.length - 1 } });
  expect(await protectedOnes()).toEqual([first]);
  const undo = await at.say('alice', { verb: 'undo', run, reason: 'the next test' });
  await at.asking(undo.run);
  await at.say('bob', { verb: 'approve', run: undo.run });
  await at.ended(undo.run);
}, 60_000);

test('so many as are tolerated may fail: the step is partial, and the run goes on', async () => {
  const run = await agreedTo('tolerant', [gone, ...good]);
  const view = await at.until(run, ({ tasks }) => tasks.length === 1);
  expect(view.steps[0]?.state).toBe('partial');
  expect(await protectedOnes()).toEqual(good);
  await at.say('bob', { verb: 'confirm', run });
  // It is not hidden: what failed is not done.
  expect(await at.ended(run)).toMatchObject({ state: 'failed', says: 'incomplete: protect' });
}, 60_000);

test('nothing but failures is never tolerated', async () => {
  // A host that is gone cannot be planned, so that there is nothing to ask about.
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'tolerant-ramp', inputs: { instances: [gone] } });
  const view = await at.until(run, ({ state }) => state === 'needs a person');
  expect(view.needs).toMatchObject({ code: 'step.incomplete', why: 'Step "protect" did not end well: 1 failed.' });
  await at.say('alice', { verb: 'cancel', run });
}, 60_000);
