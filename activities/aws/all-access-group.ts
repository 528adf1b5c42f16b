/**
 * The short-lived group of a swap. A connection that EC2 tracks outlives a change of groups; one that a group allows
 * unconditionally in both directions is not tracked, and dies at once when that rule goes. So an interface passes through a
 * group that allows everything, for as long as one call takes. One for each interface, so that swaps do not meet.
 */
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  type IpPermission,
} from '@aws-sdk/client-ec2';
import { FirebreakError } from '../../core/errors.js';
import { ask } from './ask.js';
import { awsCode } from './errors.js';
import type { NetworkInterface } from './network-interface.js';
import { deleteGroup, groupsWhere, makeGroup } from './security-group.js';
import { allAccessTagKey } from './tags.js';
import type { AwsWorld } from './world.js';

const everyone4: IpPermission = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
const everyone6: IpPermission = { IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0' }] };

/** The one that a swap of this interface made, if it is still there. */
export async function findAllAccess(
  world: AwsWorld,
  { id, vpc }: Pick<NetworkInterface, 'id' | 'vpc'>,
): Promise<string | undefined> {
  const found = await groupsWhere(world, {
    'vpc-id': [vpc],
    [`tag:${allAccessTagKey}`]: [id],
    'group-name': [nameFor(id)],
  });
  return found[0]?.id;
}

/** Makes it, or takes the one that an interrupted swap left. */
export async function makeAllAccess(world: AwsWorld, { id, vpc }: NetworkInterface): Promise<string> {
  const group = await makeGroup(world, {
    name: nameFor(id),
    vpc,
    description: `Firebreak passes ${id} through this group to end tracked connections. Delete it if it is still here.`,
    tag: [allAccessTagKey, id],
  });
  await Promise.all([
    ...[everyone4, everyone6].map((rule) =>
      allowed(
        ask(world, new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [rule] }), {
          about: group,
        }),
      ),
    ),
    // The rule to everywhere over IPv4 is there by default.
    allowed(
      ask(world, new AuthorizeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [everyone6] }), {
        about: group,
      }),
    ),
  ]);
  return group;
}

/** Deletes it. A group open to everyone that somebody else uses meanwhile is for a person to look at. */
export async function removeAllAccess(world: AwsWorld, group: string, of: string): Promise<void> {
  if ((await deleteGroup(world, group)) === 'deleted') return;
  throw new FirebreakError(
    'aws.all-access-group-in-use',
    `${of} is isolated, but ${group}, through which it passed, is now used by something else and was left.`,
    {
      nextStep: `see what holds ${group}, which allows everything, take it from there and delete it, then retry.`,
      target: group,
    },
  );
}

async function allowed(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (awsCode(error) !== 'InvalidPermission.Duplicate') throw error;
  }
}

function nameFor(id: string): string {
  return `firebreak-all-access-${id}`;
}
