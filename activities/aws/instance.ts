/** An EC2 instance as it is now. */
import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { ask, sent } from './ask.js';
import { answerUnreadable } from './errors.js';
import type { AwsWorld } from './world.js';

const instanceId = z.string().regex(/^i-[0-9a-f]{8,17}$/, 'an EC2 instance id looks like i-0123456789abcdef0');

/** The input of units that are about one instance. */
export const instanceInput = z.strictObject({ instance: instanceId });

const action = 'ec2:DescribeInstances';

/** The instance, in whatever state. Throws `aws.not-found` when AWS does not know it. */
export async function instanceNamed(world: AwsWorld, id: string): Promise<Instance> {
  const { Reservations } = await ask(world, new DescribeInstancesCommand({ InstanceIds: [id] }), { about: id });
  const found = sent(Reservations, action, 'reservations').flatMap(({ Instances }) =>
    sent(Instances, action, 'instances'),
  );
  const [instance] = found;
  if (found.length !== 1 || instance?.InstanceId !== id) throw answerUnreadable(action, `it is not about ${id}`);
  return instance;
}

/** The instance, unless it is gone or going: then there is nothing left to contain or preserve on it. */
export async function liveInstance(world: AwsWorld, id: string): Promise<Instance> {
  const instance = await instanceNamed(world, id);
  const state = sent(instance.State?.Name, action, 'state of the instance');
  if (state !== 'terminated' && state !== 'shutting-down') return instance;
  throw new FirebreakError('aws.instance-terminated', `${id} is ${state}.`, {
    nextStep: 'leave it out; look for its snapshots and volumes, and for an instance that took its place.',
    target: id,
  });
}

export interface AttachedVolume {
  device: string;
  volume: string;
  deleteOnTermination: boolean;
}

/** EBS volumes of the instance by device. Throws `aws.no-volumes` when there are none: "every" must not be true of nothing. */
export function volumesOf(instance: Instance): AttachedVolume[] {
  const mappings = sent(instance.BlockDeviceMappings, action, 'block devices');
  if (mappings.length === 0) {
    throw new FirebreakError('aws.no-volumes', `${instance.InstanceId ?? ''} has no EBS volumes.`, {
      nextStep:
        'its disks are instance stores, which nothing but a copy from inside can preserve: collect from the host.',
      ...(instance.InstanceId === undefined ? {} : { target: instance.InstanceId }),
    });
  }
  return mappings.map(({ DeviceName, Ebs }) => ({
    device: sent(DeviceName, action, 'device name'),
    volume: sent(Ebs?.VolumeId, action, 'volume of a device'),
    deleteOnTermination: sent(Ebs?.DeleteOnTermination, action, 'DeleteOnTermination of a device'),
  }));
}
