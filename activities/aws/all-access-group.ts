/**
 * The short-lived group of a swap. A connection that EC2 tracks outlives a change of groups; one that a group allows
 * unconditionally in both directions is not tracked, and dies at once when that rule goes. So an interface passes through a
 * group that allows everything, for as long as one call takes. One for each interface, so that swaps do not meet. A group passes
 * for one of ours only with our marks, among them a name that cannot be guessed, and is passed through only while its rules are
 * exactly those: through any other, tracked connections would live on.
 */
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  type IpPermission,
} from '@aws-sdk/client-ec2';
import { createHash } from 'node:crypto';
import { same } from '../../core/canonical.js';
import { FirebreakError } from '../../core/errors.js';
import type { Hold } from '../../core/hold.js';
import { ask } from './ask.js';
import { awsCode } from './errors.js';
import { eventually } from './eventually.js';
import type { NetworkInterface } from './network-interface.js';
import { deleteGroup, groupsWhere, makeGroup, ruleTexts, type SecurityGroup } from './security-group.js';
import { allAccessTagKey, incidentTagKey } from './tags.js';
import type { AwsWorld } from './world.js';

const everyone4: IpPermission = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
const everyone6: IpPermission = { IpProtocol: '-1', Ipv6Ranges: [{ CidrIpv6: '::/0' }] };

/** Names to fall back on, for somebody who saw one may take it: more than these are not tried. */
const namesMax = 4;

/** How long rules that were just added may stay invisible. */
const visible = { attempts: 4, waitMs: 500 };

/** What it allows, no more and no less. */
const everything = ['egress -1 all 0.0.0.0/0', 'egress -1 all ::/0', 'ingress -1 all 0.0.0.0/0', 'ingress -1 all ::/0'];

type Swapped = Pick<NetworkInterface, 'id' | 'vpc'>;

/** What bears the marks of swaps of this interface under this hold and is still there, altered by somebody or not. */
export async function allAccessOf(world: AwsWorld, { id, vpc }: Swapped, hold: Hold): Promise<SecurityGroup[]> {
  const names = namesFor(id, hold);
  const found = await groupsWhere(world, { 'vpc-id': [vpc], [`tag:${allAccessTagKey}`]: [id], 'group-name': names });
  return found.filter(({ name, tags }) => names.includes(name) && tags[incidentTagKey] !== undefined);
}

/** Whether it allows everything and says nothing else: only then a connection through it is not tracked. */
export function allowsExactlyEverything(group: SecurityGroup): boolean {
  return same(ruleTexts(group), everything);
}

/** Whether it has no rule but ours; cut short, it may lack some. What somebody altered is not ours any more, to use or to delete. */
export function isUnaltered(group: SecurityGroup): boolean {
  return ruleTexts(group).every((rule) => everything.includes(rule));
}

/**
 * Makes it, or takes one of `left`, which an interrupted swap of ours left. `open` is undefined when none could be made that
 * allows everything: every name is taken or altered, or the VPC may have no more groups.
 */
export async function makeAllAccess(
  world: AwsWorld,
  found: NetworkInterface,
  hold: Hold,
  left: SecurityGroup[],
): Promise<string | undefined> {
  for (const name of namesFor(found.id, hold)) {
    const known = left.find((group) => group.name === name);
    if (known !== undefined && !mayBecomeOpen(known, found)) continue;
    const group = known?.id ?? (await makeUnder(name, world, found));
    if (group === 'taken') continue;
    if (group === 'no room') return undefined;
    if (known === undefined || !allowsExactlyEverything(known)) await allowEverything(world, group);
    if (await showsOpen(world, group)) return group;
  }
  return undefined;
}

/** We never put an interface into one that lacks rules: somebody else did, who wants connections through it to be tracked. */
function mayBecomeOpen(group: SecurityGroup, { groups }: NetworkInterface): boolean {
  return isUnaltered(group) && (allowsExactlyEverything(group) || !groups.includes(group.id));
}

async function makeUnder(name: string, world: AwsWorld, { id, vpc }: Swapped): Promise<string> {
  try {
    return await makeGroup(world, {
      name,
      vpc,
      description: `Firebreak passes ${id} through this group to end tracked connections. Delete it if it is still here.`,
      tag: [allAccessTagKey, id],
    });
  } catch (error) {
    if (awsCode(error) === 'SecurityGroupLimitExceeded') return 'no room';
    if (error instanceof FirebreakError && error.code === 'aws.group-name-taken' && error.isTerminal) return 'taken';
    throw error;
  }
}

async function allowEverything(world: AwsWorld, group: string): Promise<void> {
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
}

/** Read back before anything passes through it: one rule less, and connections would be tracked and live on. */
async function showsOpen(world: AwsWorld, id: string): Promise<boolean> {
  const seen = await eventually(world, visible, async () => {
    const [group] = await groupsWhere(world, { 'group-id': [id] });
    return group !== undefined && allowsExactlyEverything(group) ? group : undefined;
  });
  return seen !== undefined;
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

/**
 * From the id of the hold, which is in the journal and never in AWS: nobody can take a name, or forge the group, before they
 * have seen it. Fixed for a hold, so that whoever goes on after a crash finds what was left.
 */
function namesFor(id: string, hold: Hold): string[] {
  return Array.from({ length: namesMax }, (_, index) => {
    const suffix = createHash('sha256')
      .update(`${allAccessTagKey}=${id}/${hold.id}/${index}`)
      .digest('hex')
      .slice(0, 12);
    return `firebreak-all-access-${id}-${suffix}`;
  });
}
