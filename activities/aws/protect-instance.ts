/**
 * Keeps an instance and its disks from being destroyed by a slip or on purpose: termination protection, and volumes that
 * outlive the instance. Each is a side of its own, so that two runs can hold one each. It does not stop an Auto Scaling group
 * or a Spot interruption, which ignore termination protection; the volumes then stay.
 */
import { DescribeInstanceAttributeCommand, ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import { defineAction, type Reading } from '../define-action.js';
import { ask, sent } from './ask.js';
import { type AttachedVolume, instanceInput, liveInstance, volumesOf } from './instance.js';
import { awsTarget, idIn } from './targets.js';
import type { AwsWorld } from './world.js';

const state = z.union([
  z.strictObject({ terminationProtection: z.boolean() }),
  z.strictObject({ deleteOnTermination: z.boolean() }),
]);
type State = z.infer<typeof state>;

export const protectInstance = defineAction<z.infer<typeof instanceInput>, State, AwsWorld>({
  name: 'aws.protect-instance@1',
  summary: 'Turn on termination protection for an EC2 instance and keep its volumes if it is terminated.',
  phase: 'investigate',
  risk: 'low',
  guarded: false, // whoever turns it off between plan and write is the one it is meant against
  oneWay: false,
  partsOpen: true, // a volume attached later is part of the instance that was approved
  aspect: 'termination-protection',
  permissions: ['ec2:DescribeInstanceAttribute', 'ec2:DescribeInstances', 'ec2:ModifyInstanceAttribute'],
  repeatable: 'Attributes are set to a value; a second write finds nothing to do.',
  readLagMs: 0,
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
aws ec2 modify-instance-attribute --instance-id "$instance" --disable-api-termination
for device in $(aws ec2 describe-instances --instance-ids "$instance" \\
    --query 'Reservations[].Instances[].BlockDeviceMappings[].DeviceName' --output text); do
  aws ec2 modify-instance-attribute --instance-id "$instance" \\
    --block-device-mappings "DeviceName=$device,Ebs={DeleteOnTermination=false}"
done`,
  input: instanceInput,
  state,

  read: (target, _hold, world) =>
    target.type === 'instance' ? readProtection(world, target) : readVolume(world, target),
  plan: async ({ instance }, world) => {
    const volumes = volumesOf(await liveInstance(world, instance));
    return [
      { target: awsTarget(world, 'instance', instance), after: { terminationProtection: true } },
      ...volumes.map(({ device }) => ({
        target: awsTarget(world, 'instance-volume', `${instance}:${device}`),
        aspect: 'delete-on-termination',
        after: { deleteOnTermination: false },
      })),
    ];
  },
  write: async (target, wanted, _hold, world) => {
    if ('terminationProtection' in wanted) {
      const instance = idIn(world, target, 'instance');
      const protection = { InstanceId: instance, DisableApiTermination: { Value: wanted.terminationProtection } };
      await ask(world, new ModifyInstanceAttributeCommand(protection), { about: instance });
      return undefined;
    }
    // Looked at again, because another volume may be at the device by now.
    const { device, volume } = await volumeAt(world, target);
    const [instance] = partsOf(world, target);
    const mapping = { DeviceName: device, Ebs: { DeleteOnTermination: wanted.deleteOnTermination } };
    await ask(world, new ModifyInstanceAttributeCommand({ InstanceId: instance, BlockDeviceMappings: [mapping] }), {
      about: target.id,
    });
    return { volume };
  },
});

async function readProtection(world: AwsWorld, target: Target): Promise<Reading<State>> {
  const instance = idIn(world, target, 'instance');
  const query = new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: 'disableApiTermination' });
  const { DisableApiTermination } = await ask(world, query, { about: instance });
  return {
    state: {
      terminationProtection: sent(
        DisableApiTermination?.Value,
        'ec2:DescribeInstanceAttribute',
        'disableApiTermination',
      ),
    },
  };
}

async function readVolume(world: AwsWorld, target: Target): Promise<Reading<State>> {
  const { volume, deleteOnTermination } = await volumeAt(world, target);
  return { state: { deleteOnTermination }, identity: { volume } };
}

async function volumeAt(world: AwsWorld, target: Target): Promise<AttachedVolume> {
  const [instance, device] = partsOf(world, target);
  const found = volumesOf(await liveInstance(world, instance)).find((each) => each.device === device);
  if (found !== undefined) return found;
  throw new FirebreakError('aws.not-found', `${instance} has no volume at ${device} any more.`, {
    nextStep: 'see in CloudTrail who detached it, and look for the volume.',
    target: target.id,
  });
}

/** `i-0ab1:/dev/xvda` → instance and device. */
function partsOf(world: AwsWorld, target: Target): [instance: string, device: string] {
  const [instance = '', ...device] = idIn(world, target, 'instance-volume').split(':');
  return [instance, device.join(':')];
}
