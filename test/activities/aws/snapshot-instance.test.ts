// Real EC2 calls to the emulator behind the shim; its snapshots are complete at once, so waiting is shown with rewritten answers.
import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { snapshotInstance } from '../../../activities/aws/snapshot-instance.js';
import type { AwsWorld } from '../../../activities/aws/world.js';
import { aws, holdOf, mortal, startAwsSandbox, startInstance, startTimeoutMs, worldOf } from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

async function planned(instance: string, world: AwsWorld = worldOf()) {
  const [change] = await snapshotInstance.plan({ instance }, world);
  if (change === undefined) throw new Error('nothing was planned');
  const hold = holdOf(snapshotInstance, change, { volumes: [] });
  return {
    ...change,
    read: () => snapshotInstance.read(change.target, undefined, world),
    write: (as: AwsWorld = world) => snapshotInstance.write(change.target, change.after, hold, as),
  };
}

async function snapshotsOf(volumes: string[]) {
  const { Snapshots } = await aws().ec2.send(
    new DescribeSnapshotsCommand({ Filters: [{ Name: 'volume-id', Values: volumes }] }),
  );
  return Snapshots ?? [];
}

test('every volume is snapshotted in one call, tagged with incident and instance in that call', async () => {
  const { instance, volumes } = await startInstance({ volumeCount: 3, quarantined: false });
  const { target, after, read, write } = await planned(instance);
  expect(target.id).toBe(`tag:firebreak:incident=inc-0000000001/${instance}`);
  expect(after).toEqual({ volumes: volumes.toSorted() });
  expect(await read()).toEqual({ state: { volumes: [] } });
  aws().shim.calls.clear();
  const observed = (await write()) as { snapshots: string[] };
  const made = await snapshotsOf(volumes);
  expect(made.map(({ VolumeId = '' }) => VolumeId).toSorted()).toEqual(volumes.toSorted());
  expect(observed).toEqual({ snapshots: made.map(({ SnapshotId = '' }) => SnapshotId).toSorted() });
  expect(
    made.every(({ Tags }) =>
      Tags?.some(({ Key, Value }) => Key === 'firebreak:incident' && Value === `inc-0000000001/${instance}`),
    ),
  ).toBe(true);
  expect(aws().shim.calls.counts()).toMatchObject({ CreateSnapshots: 1 });
  expect(aws().shim.calls.counts()).not.toHaveProperty('CreateTags');
  expect(await read()).toEqual({ state: after, identity: observed });
});

test('a second run in the same incident finds them; another incident takes its own', async () => {
  const { instance, volumes } = await startInstance({ quarantined: false });
  const first = await planned(instance);
  await first.write();
  const again = await planned(instance);
  expect((await again.read()).state).toEqual(again.after);
  await again.write();
  expect(await snapshotsOf(volumes)).toHaveLength(1);
  const elsewhere = await planned(instance, worldOf({ incident: 'inc-0000000002' }));
  expect((await elsewhere.read()).state).toEqual({ volumes: [] });
  await elsewhere.write();
  expect(await snapshotsOf(volumes)).toHaveLength(2);
});

test('an answer that was lost does not make a second set, neither by the SDK nor by the next attempt', async () => {
  const { instance, volumes } = await startInstance({ quarantined: false });
  const { write } = await planned(instance);
  aws().shim.faults.add({ kind: 'drop-after', action: 'CreateSnapshots' });
  await expect(write(worldOf())).rejects.toMatchObject({ code: 'aws.unreachable', isTerminal: false });
  aws().shim.faults.clear();
  await write(mortal(worldOf()));
  expect(await snapshotsOf(volumes)).toHaveLength(1);
});

test('a snapshot that failed does not count: it is an error, and the next attempt takes a new set', async () => {
  const { instance, volumes } = await startInstance({ quarantined: false });
  const { write, read, after } = await planned(instance);
  await write();
  const [failed] = await snapshotsOf(volumes);
  const fail = {
    kind: 'rewrite' as const,
    action: 'DescribeSnapshots',
    replace: [[`<status>completed</status>`, '<status>error</status>']] as [string, string][],
  };
  aws().shim.faults.add({ ...fail, count: 1 });
  expect((await read()).state).toEqual({ volumes: [] });
  // The first look of the write sees the failed one; what it makes then is good.
  aws().shim.faults.clear();
  aws().shim.faults.add({ ...fail, count: 1 });
  const observed = (await write()) as { snapshots: string[] };
  expect(observed.snapshots).toHaveLength(2);
  expect(observed.snapshots).toContain(failed?.SnapshotId);
  expect((await read()).state).toEqual(after);
});

test('snapshots that fail while they are waited for are reported, after a bounded wait', {
  timeout: 60_000,
}, async () => {
  const { instance, volumes } = await startInstance({ quarantined: false });
  const { write } = await planned(instance);
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'DescribeSnapshots',
    replace: [['<status>completed</status>', '<status>error</status>']],
  });
  await expect(write()).rejects.toMatchObject({
    code: 'aws.snapshot-missing',
    isTerminal: false,
    message: expect.stringContaining(volumes[0] ?? 'none'),
  });
});

test('snapshots that take long are waited for a little, then named as pending', { timeout: 60_000 }, async () => {
  const { instance } = await startInstance({ quarantined: false });
  const { write, read, after } = await planned(instance);
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'DescribeSnapshots',
    replace: [['<status>completed</status>', '<status>pending</status>']],
  });
  const observed = (await write()) as { snapshots: string[]; pending: string[] };
  expect(observed.pending).toEqual(observed.snapshots);
  expect(observed.pending).toHaveLength(1);
  expect((await read()).state).toEqual(after);
});

test('a volume attached later makes the next plan differ; one detached later stays part of what was taken', async () => {
  const { instance, volumes } = await startInstance({ volumeCount: 2, quarantined: false });
  await (await planned(instance)).write();
  await aws().ec2.send(new DetachVolumeCommand({ VolumeId: volumes[1], InstanceId: instance, Device: '/dev/xvdb' }));
  const detached = await planned(instance);
  expect(detached.after).toEqual({ volumes: volumes.toSorted() });
  expect((await detached.read()).state).toEqual(detached.after);
  const { VolumeId = '' } = await aws().ec2.send(new CreateVolumeCommand({ AvailabilityZone: 'eu-west-1a', Size: 1 }));
  await aws().ec2.send(new AttachVolumeCommand({ VolumeId, InstanceId: instance, Device: '/dev/xvdc' }));
  const attached = await planned(instance);
  expect((await attached.read()).state).not.toEqual(attached.after);
  await attached.write();
  expect((await attached.read()).state).toEqual(attached.after);
});

test('a volume that was detached between plan and write is reported, not passed over', {
  timeout: 60_000,
}, async () => {
  const { instance, volumes } = await startInstance({ volumeCount: 2, quarantined: false });
  const { write } = await planned(instance);
  await aws().ec2.send(new DetachVolumeCommand({ VolumeId: volumes[1], InstanceId: instance, Device: '/dev/xvdb' }));
  await expect(write()).rejects.toMatchObject({
    code: 'aws.snapshot-missing',
    message: expect.stringContaining(volumes[1] ?? 'none'),
  });
});

test('a snapshot of the volume that is not of this incident does not pass for one', async () => {
  const { instance, volumes } = await startInstance({ quarantined: false });
  await aws().ec2.send(new CreateSnapshotCommand({ VolumeId: volumes[0] ?? '' }));
  expect((await (await planned(instance)).read()).state).toEqual({ volumes: [] });
});
