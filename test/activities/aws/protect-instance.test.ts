// Real EC2 calls to the emulator behind the shim.
import {
  DescribeInstancesCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { protectInstance } from '../../../activities/aws/protect-instance.js';
import { aws, holdOf, startAwsSandbox, startInstance, startTimeoutMs, worldOf, writeAll } from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

async function kept(instance: string) {
  const { Reservations } = await aws().ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  return Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [
    DeviceName,
    Ebs?.DeleteOnTermination,
  ]);
}

test('termination protection and each volume are changes of their own, each with its own side', async () => {
  const { instance } = await startInstance({ volumeCount: 2, quarantined: false });
  const planned = await protectInstance.plan({ instance }, worldOf());
  expect(
    planned.map(({ target, aspect = protectInstance.aspect, after }) => [target.type, target.id, aspect, after]),
  ).toEqual([
    ['instance', instance, 'termination-protection', { terminationProtection: true }],
    ['instance-volume', `${instance}:/dev/xvda`, 'delete-on-termination', { deleteOnTermination: false }],
    ['instance-volume', `${instance}:/dev/xvdb`, 'delete-on-termination', { deleteOnTermination: false }],
  ]);
});

test('a protected instance cannot be terminated, and its volumes would outlive it', async () => {
  const { instance, volumes } = await startInstance({ volumeCount: 2, quarantined: false });
  expect(await kept(instance)).toEqual([
    ['/dev/xvda', true],
    ['/dev/xvdb', true],
  ]);
  const planned = await writeAll(protectInstance, { instance });
  await expect(aws().ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }))).rejects.toMatchObject({
    name: 'OperationNotPermitted',
  });
  expect(await kept(instance)).toEqual([
    ['/dev/xvda', false],
    ['/dev/xvdb', false],
  ]);
  const read = await Promise.all(planned.map(({ target }) => protectInstance.read(target, undefined, worldOf())));
  expect(read.map(({ state }) => state)).toEqual([
    { terminationProtection: true },
    { deleteOnTermination: false },
    { deleteOnTermination: false },
  ]);
  expect(read.map(({ identity }) => identity)).toEqual([undefined, { volume: volumes[0] }, { volume: volumes[1] }]);
});

test('release puts each side back by itself', async () => {
  const { instance } = await startInstance({ quarantined: false });
  const [protection, volume] = await writeAll(protectInstance, { instance });
  if (protection === undefined || volume === undefined) throw new Error('two changes were expected');
  await protectInstance.write(
    volume.target,
    { deleteOnTermination: true },
    holdOf(protectInstance, volume, {}),
    worldOf(),
  );
  expect(await kept(instance)).toEqual([['/dev/xvda', true]]);
  expect((await protectInstance.read(protection.target, undefined, worldOf())).state).toEqual({
    terminationProtection: true,
  });
  await protectInstance.write(
    protection.target,
    { terminationProtection: false },
    holdOf(protectInstance, protection, {}),
    worldOf(),
  );
  await aws().ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
});

test('what an attacker turns off again shows as a difference', async () => {
  const { instance } = await startInstance({ quarantined: false });
  const [protection] = await writeAll(protectInstance, { instance });
  if (protection === undefined) throw new Error('a change was expected');
  await aws().ec2.send(
    new ModifyInstanceAttributeCommand({ InstanceId: instance, DisableApiTermination: { Value: false } }),
  );
  expect((await protectInstance.read(protection.target, undefined, worldOf())).state).toEqual({
    terminationProtection: false,
  });
});

test('a volume that was detached meanwhile is an error that says where to look', async () => {
  const { instance, volumes } = await startInstance({ volumeCount: 2, quarantined: false });
  const [, , second] = await protectInstance.plan({ instance }, worldOf());
  if (second === undefined) throw new Error('three changes were expected');
  await aws().ec2.send(new DetachVolumeCommand({ VolumeId: volumes[1], InstanceId: instance, Device: '/dev/xvdb' }));
  await expect(protectInstance.read(second.target, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.not-found',
    nextStep: expect.stringContaining('CloudTrail'),
  });
});

test('an answer without the attribute is not taken for "not protected"', async () => {
  const { instance } = await startInstance({ quarantined: false });
  const [protection] = await protectInstance.plan({ instance }, worldOf());
  if (protection === undefined) throw new Error('a change was expected');
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'DescribeInstanceAttribute',
    replace: [['<value>false</value>', '']],
  });
  await expect(protectInstance.read(protection.target, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.answer-unreadable',
  });
});

test('a terminated instance, and one without EBS volumes, are refused', async () => {
  const { instance } = await startInstance({ quarantined: false });
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'DescribeInstances',
    replace: [
      ['<blockDeviceMapping>', '<blockDeviceMapping/><x>'],
      ['</blockDeviceMapping>', '</x>'],
    ],
  });
  await expect(protectInstance.plan({ instance }, worldOf())).rejects.toMatchObject({ code: 'aws.no-volumes' });
  aws().shim.faults.clear();
  await aws().ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
  await expect(protectInstance.plan({ instance }, worldOf())).rejects.toMatchObject({
    code: 'aws.instance-terminated',
  });
});
