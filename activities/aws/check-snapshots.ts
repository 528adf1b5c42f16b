/**
 * How far the snapshots are that were taken of an instance in this incident. Their moment is fixed when they are taken, but they
 * can be copied, shared and restored only once they are complete.
 */
import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { defineCheck } from '../define-action.js';
import { ask, everyPage, pageSize, sent } from './ask.js';
import { instanceInput } from './instance.js';
import { snapshotTagOf } from './snapshot-instance.js';
import { incidentTagKey } from './tags.js';
import type { AwsWorld } from './world.js';

const finding = z.strictObject({
  snapshot: z.string(),
  volume: z.string(),
  complete: z.boolean(),
  state: z.string(),
  progress: z.string(),
});

const action = 'ec2:DescribeSnapshots';

export const checkSnapshots = defineCheck<z.infer<typeof instanceInput>, z.infer<typeof finding>, AwsWorld>({
  name: 'aws.check-snapshots@1',
  summary: 'See how far the snapshots of an EC2 instance are that were taken in this incident.',
  phase: 'investigate',
  permissions: [action],
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
aws ec2 describe-snapshots --owner-ids self --filters "Name=tag:evidence-of,Values=$instance" \\
  --query 'Snapshots[].[SnapshotId,VolumeId,State,Progress]' --output text`,
  input: instanceInput,
  finding,

  check: async ({ instance }, world) => {
    const filter = { Name: `tag:${incidentTagKey}`, Values: [snapshotTagOf(world, instance)] };
    const snapshots = await everyPage(action, async (next) => {
      const query = {
        OwnerIds: ['self'],
        Filters: [filter],
        MaxResults: pageSize,
        ...(next === undefined ? {} : { NextToken: next }),
      };
      const { Snapshots, NextToken } = await ask(world, new DescribeSnapshotsCommand(query), { about: instance });
      return { items: Snapshots, next: NextToken };
    });
    return snapshots.map((each) => {
      const state = sent(each.State, action, 'state of a snapshot');
      return {
        snapshot: sent(each.SnapshotId, action, 'id of a snapshot'),
        volume: sent(each.VolumeId, action, 'volume of a snapshot'),
        complete: state === 'completed',
        state,
        progress: each.Progress ?? '',
      };
    });
  },
});
