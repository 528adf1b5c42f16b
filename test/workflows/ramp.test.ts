// A few targets first, the others only while these end well: real Temporal, real store, AWS is the emulator behind the shim.
import { DescribeInstanceAttributeCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PlanMade } from '../../core/event-data.js';
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
/** The run that protected all others. */
let tolerated: string;

beforeAll(async () => {
  at = await startInstallation({
    runbooks: {
      'ramp.yaml': protectRunbook('ramp', 'ramp: [1, 50%]'),
      'tolerant.yaml': protectRunbook('tolerant', 'tolerate: 1'),
      'asking.yaml': protectRunbook('asking', 'ramp: [1]\n    on_failure: ask'),
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

async function takenBack(of: string): Promise<void> {
  const { run } = await at.say('alice', { verb: 'undo', run: of, reason: 'the next test' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.ended(run);
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
  await takenBack(run);
}, 60_000);

test('so many as are tolerated may fail: the step is partial, and the run goes on', async () => {
  const run = await agreedTo('tolerant', [gone, ...good]);
  tolerated = run;
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

test('a retry tries what failed, and that alone, under the agreement that there is', async () => {
  await takenBack(tolerated);
  const { faults, calls } = at.world.aws.shim;
  const denied = { status: 403, code: 'UnauthorizedOperation', message: 'You are not authorized' };
  const mended = faults.add({ kind: 'error', action: 'ModifyInstanceAttribute', ...denied, from: 3 });
  const run = await agreedTo('asking', good);
  const view = await at.until(run, ({ state }) => state === 'needs a person');
  expect(view.needs).toMatchObject({ code: 'step.incomplete' });
  expect(view.steps[0]).toMatchObject({ state: 'partial', counts: { applied: 2, failed: 2 } });
  const [first = '', second = ''] = await protectedOnes();
  expect(second).toBe('');
  mended();
  calls.clear();
  await at.say('alice', { verb: 'retry', run });
  const after = await at.until(run, ({ tasks }) => tasks.length === 1);
  const retried = JSON.stringify(calls.list());
  expect(after.steps[0]).toMatchObject({ state: 'done', counts: { applied: 4, failed: 0 } });
  expect(after.asks.length).toBe(1);
  expect(await protectedOnes()).toEqual(good);
  const plans = await at.events(run, 'plan.made');
  expect(plans.map(({ data }) => (data as unknown as PlanMade).plan.items)).toEqual([2, 1]);
  // The one that was done is not even looked at.
  expect(retried).not.toContain(first);
}, 60_000);
