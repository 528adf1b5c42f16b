/**
 * Instances that were made from one image, or that carry one tag: where one of them is compromised, the others may be. What has
 * been terminated is left out, for there is nothing left to contain on it.
 */
import { DescribeInstancesCommand, type Filter } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { defineCheck } from '../define-action.js';
import { ask, everyPage, pageSize, sent } from './ask.js';
import type { AwsWorld } from './world.js';

const live = ['pending', 'running', 'stopping', 'stopped'] as const;

const input = z
  .strictObject({
    image: z
      .string()
      .regex(/^ami-[0-9a-f]{8,17}$/, 'an image id looks like ami-0123456789abcdef0')
      .optional(),
    /** `KEY=VALUE`. Whoever can tag instances decides what it finds. */
    tag: z
      .string()
      .regex(/^[^=]{1,128}=.{0,256}$/, 'a tag is written as its key and its value, like role=web')
      .optional(),
  })
  .refine(({ image, tag }) => (image === undefined) !== (tag === undefined), 'name an image or a tag, not both');

const finding = z.strictObject({
  instance: z.string(),
  state: z.enum(live),
  image: z.string(),
  launchedAt: z.string(),
});

const action = 'ec2:DescribeInstances';

export const findInstances = defineCheck<z.infer<typeof input>, z.infer<typeof finding>, AwsWorld>({
  name: 'aws.find-instances@1',
  summary: 'Find EC2 instances by the image that they were made from, or by a tag.',
  phase: 'investigate',
  permissions: [action],
  example: { image: 'ami-0123456789abcdef0' },
  byHand: `
image="\${image:-}" tag="\${tag:-}"
if [ -n "$image" ]; then by="Name=image-id,Values=$image"; else by="Name=tag:\${tag%%=*},Values=\${tag#*=}"; fi
aws ec2 describe-instances --filters "$by" Name=instance-state-name,Values=pending,running,stopping,stopped \\
  --query 'Reservations[].Instances[].[InstanceId,State.Name,ImageId,LaunchTime]' --output text`,
  input,
  finding,

  check: async (of, world) => {
    const query = { Filters: [filterOf(of), { Name: 'instance-state-name', Values: [...live] }], MaxResults: pageSize };
    const reservations = await everyPage(action, async (next) => {
      const page = new DescribeInstancesCommand({ ...query, ...(next === undefined ? {} : { NextToken: next }) });
      const { Reservations, NextToken } = await ask(world, page);
      return { items: Reservations, next: NextToken };
    });
    return reservations
      .flatMap(({ Instances }) => sent(Instances, action, 'instances'))
      .map((each) => ({
        instance: sent(each.InstanceId, action, 'id of an instance'),
        state: finding.shape.state.parse(each.State?.Name),
        image: sent(each.ImageId, action, 'image of an instance'),
        launchedAt: sent(each.LaunchTime, action, 'launch time of an instance').toISOString(),
      }))
      .toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  },
});

function filterOf({ image, tag = '' }: z.infer<typeof input>): Filter {
  if (image !== undefined) return { Name: 'image-id', Values: [image] };
  const key = tag.slice(0, tag.indexOf('='));
  return { Name: `tag:${key}`, Values: [tag.slice(key.length + 1)] };
}
