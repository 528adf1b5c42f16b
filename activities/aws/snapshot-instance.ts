/**
 * Snapshots of all volumes of an instance, taken at one moment, once for each incident. They belong to the incident: a second
 * run in it finds them. Snapshots hold what is on disk, not what is in memory, and a snapshot that failed does not count.
 * The moment is fixed when the call returns; copying takes longer and is waited for only a little.
 */
import { CreateSnapshotsCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { defineAction } from '../define-action.js';
import { ask, everyPage, pageSize, sent } from './ask.js';
import { eventually } from './eventually.js';
import { instanceInput, liveInstance, volumesOf } from './instance.js';
import { incidentTagKey, tagged } from './tags.js';
import { awsTarget, idIn } from './targets.js';
import type { AwsWorld } from './world.js';

const state = z.strictObject({ volumes: z.array(z.string().regex(/^vol-[0-9a-f]+$/)) });

const prefix = `tag:${incidentTagKey}=`;
const action = 'ec2:DescribeSnapshots';

/** Long enough to see one that fails at once; a large volume takes hours, and goes on by itself. */
const settling = { attempts: 6, waitMs: 2_000 };

export const snapshotInstance = defineAction<z.infer<typeof instanceInput>, z.infer<typeof state>, AwsWorld>({
  name: 'aws.snapshot-instance@1',
  summary: 'Take snapshots of all volumes of an EC2 instance at one moment, as evidence.',
  phase: 'investigate',
  risk: 'low',
  guarded: false, // nothing is overwritten
  oneWay: true, // evidence is not taken back
  partsOpen: false,
  aspect: 'snapshots',
  permissions: ['ec2:CreateSnapshots', 'ec2:CreateTags', 'ec2:DescribeInstances', 'ec2:DescribeSnapshots'],
  repeatable:
    'Snapshots are found by the tag that the creating call sets; only volumes without one make it take a new set.',
  readLagMs: 5_000,
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
# Once: AWS takes a further set each time. Copying goes on by itself after the call.
aws ec2 create-snapshots --instance-specification "InstanceId=$instance" --description "Evidence of $instance, by hand" \\
  --tag-specifications "ResourceType=snapshot,Tags=[{Key=evidence-of,Value=$instance}]" \\
  --query 'Snapshots[].[SnapshotId,VolumeId,State]' --output text`,
  input: instanceInput,
  state,

  read: async (target, _hold, world) => {
    const taken = await takenFor(world, target);
    return { state: { volumes: volumesIn(taken) }, ...(taken.length === 0 ? {} : { identity: identityOf(taken) }) };
  },
  plan: async ({ instance }, world) => {
    const target = awsTarget(world, 'instance-snapshots', `${prefix}${snapshotTagOf(world, instance)}`);
    const attached = volumesOf(await liveInstance(world, instance)).map(({ volume }) => volume);
    // A volume that was snapshotted and has been detached since stays part of what is wanted.
    const taken = volumesIn(await takenFor(world, target));
    return [{ target, after: { volumes: unique([...attached, ...taken]) } }];
  },
  write: async (target, { volumes }, _hold, world) => {
    const tag = tagValueOf(world, target);
    const instance = tag.slice(tag.lastIndexOf('/') + 1);
    const before = volumesIn(await takenFor(world, target));
    if (volumes.some((volume) => !before.includes(volume))) await take(world, instance, tag);
    return settle(world, target, volumes);
  },
});

/** The value of the tag that snapshots of an instance carry in this incident: `inc-0123456789/i-0ab1`. */
export function snapshotTagOf({ incident }: AwsWorld, instance: string): string {
  return `${incident}/${instance}`;
}

/** A whole set, although some volumes may have one: only snapshots of one moment fit together. */
async function take(world: AwsWorld, instance: string, tag: string): Promise<void> {
  const create = new CreateSnapshotsCommand({
    InstanceSpecification: { InstanceId: instance },
    Description: `Firebreak ${tag}`,
    TagSpecifications: tagged('snapshot', world, { [incidentTagKey]: tag }),
  });
  // AWS knows no token for this call, so a repetition after a lost answer would take a second set: the tag is looked for first.
  const { Snapshots } = await ask(world, create, { about: instance, once: true });
  sent(Snapshots?.[0], 'ec2:CreateSnapshots', 'snapshots');
}

/** Waits until every volume has a snapshot that is done, or the time is up; what still copies is named in the answer. */
async function settle(world: AwsWorld, target: Target, volumes: string[]): Promise<Json> {
  let taken: Snapshot[] = [];
  await eventually(world, settling, async () => {
    taken = await takenFor(world, target);
    const done = volumesIn(taken.filter(({ pending }) => !pending));
    return volumes.every((volume) => done.includes(volume)) || undefined;
  });
  const missing = volumes.filter((volume) => !volumesIn(taken).includes(volume));
  if (missing.length === 0) return identityOf(taken);
  throw new FirebreakError(
    'aws.snapshot-missing',
    `No good snapshot of ${missing.join(', ')} is there after taking them: it failed, or the volume was detached.`,
    {
      nextStep: 'retry takes a new set; a volume that was detached must be snapshotted by hand.',
      isTerminal: false,
      target: target.id,
    },
  );
}

interface Snapshot {
  id: string;
  volume: string;
  pending: boolean;
}

/** Snapshots of this incident and instance that have not failed; ours only, because anybody may share one under our tag. */
async function takenFor(world: AwsWorld, target: Target): Promise<Snapshot[]> {
  const filter = { Name: `tag:${incidentTagKey}`, Values: [tagValueOf(world, target)] };
  const found = await everyPage(action, async (next) => {
    const query = {
      OwnerIds: ['self'],
      Filters: [filter],
      MaxResults: pageSize,
      ...(next === undefined ? {} : { NextToken: next }),
    };
    const { Snapshots, NextToken } = await ask(world, new DescribeSnapshotsCommand(query), { about: target.id });
    return { items: Snapshots, next: NextToken };
  });
  return found
    .map((each) => ({
      id: sent(each.SnapshotId, action, 'id of a snapshot'),
      volume: sent(each.VolumeId, action, 'volume of a snapshot'),
      state: sent(each.State, action, 'state of a snapshot'),
    }))
    .filter((each) => each.state === 'completed' || each.state === 'pending')
    .map(({ id, volume, state: now }) => ({ id, volume, pending: now === 'pending' }));
}

function volumesIn(taken: Snapshot[]): string[] {
  return unique(taken.map(({ volume }) => volume));
}

function identityOf(taken: Snapshot[]): Json {
  const pending = taken.filter((each) => each.pending).map(({ id }) => id);
  return {
    snapshots: taken.map(({ id }) => id).toSorted(),
    ...(pending.length === 0 ? {} : { pending: pending.toSorted() }),
  };
}

function unique(volumes: string[]): string[] {
  return [...new Set(volumes)].toSorted();
}

/** `inc-0123456789/i-0ab1` */
function tagValueOf(world: AwsWorld, target: Target): string {
  return idIn(world, target, 'instance-snapshots').slice(prefix.length);
}
