/**
 * The group that isolation puts interfaces into: one for each VPC of the instance, with exactly no rules. EC2 gives every new
 * group an egress rule to everywhere; forgetting it is the classic mistake, so both families are taken away and read back.
 * A group with rules is emptied only if it carries our tag, and used by isolation only while it has none.
 * What it does not stop: the resolver, DHCP, time and metadata services of the VPC, which no group can.
 */
import * as z from 'zod';
import type { Json } from '../../core/json.js';
import { FirebreakError } from '../../core/errors.js';
import { defineAction } from '../define-action.js';
import { eventually } from './eventually.js';
import { instanceInput } from './instance.js';
import { interfacesOf, interfacesWith } from './network-interface.js';
import { findQuarantine, isSealed, quarantineName, quarantineRef, quarantineTarget } from './quarantine-group.js';
import { deleteGroup, emptyGroup, makeGroup, ruleTexts } from './security-group.js';
import { quarantineTagKey } from './tags.js';
import { idIn } from './targets.js';
import type { AwsWorld } from './world.js';

/** Null: there is no such group. */
const state = z.union([z.strictObject({ rules: z.array(z.string()) }), z.null()]);

/** Side of the group that is held; `isolate-instance` depends on it. */
export const quarantineAspect = 'rules';

/** How long a group that was just made may stay invisible. */
const visible = { attempts: 6, waitMs: 1_000 };

export const makeQuarantineGroup = defineAction<z.infer<typeof instanceInput>, z.infer<typeof state>, AwsWorld>({
  name: 'aws.make-quarantine-group@1',
  summary: 'Make a security group without any rule in each VPC of an EC2 instance, for isolation to use.',
  phase: 'contain',
  risk: 'low',
  guarded: false, // rules that an attacker adds must not keep us from taking them away
  oneWay: false,
  partsOpen: false,
  aspect: quarantineAspect,
  permissions: [
    'ec2:CreateSecurityGroup',
    'ec2:CreateTags',
    'ec2:DeleteSecurityGroup',
    'ec2:DescribeInstances',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroupRules',
    'ec2:DescribeSecurityGroups',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:RevokeSecurityGroupIngress',
  ],
  repeatable:
    'The group is found by its tag and its name is unique in the VPC, so it is made once; rules that are gone stay gone.',
  readLagMs: 3_000,
  example: { instance: 'i-0123456789abcdef0' },
  input: instanceInput,
  state,

  read: async (target, _hold, world) => {
    const group = await findQuarantine(world, vpcOf(idIn(world, target, 'security-group')));
    return group === undefined
      ? { state: null }
      : { state: { rules: ruleTexts(group) }, identity: { group: group.id } };
  },
  plan: async ({ instance }, world) => {
    const interfaces = await interfacesOf(world, instance);
    const vpcs = [...new Set(interfaces.map(({ vpc }) => vpc))].toSorted();
    return vpcs.map((vpc) => ({ target: quarantineTarget(world, vpc), after: { rules: [] } }));
  },
  write: async (target, wanted, _hold, world) => {
    const vpc = vpcOf(idIn(world, target, 'security-group'));
    if (wanted === null) return remove(world, vpc);
    if (wanted.rules.length > 0) throw wouldOpen(vpc, wanted.rules);
    return make(world, vpc);
  },
});

async function make(world: AwsWorld, vpc: string): Promise<Json> {
  const found = await findQuarantine(world, vpc);
  const group =
    found?.id ??
    (await makeGroup(world, {
      name: quarantineName(vpc),
      vpc,
      description: description(vpc),
      tag: [quarantineTagKey, vpc],
    }));
  if (found === undefined || !isSealed(found)) await emptyGroup(world, group);
  const seen = await eventually(world, visible, async () => {
    const now = await findQuarantine(world, vpc);
    return now !== undefined && isSealed(now) ? now : undefined;
  });
  if (seen !== undefined) return { group: seen.id };
  throw new FirebreakError(
    'aws.group-not-visible',
    `${group} was made in ${vpc} but does not show under its tag without rules.`,
    {
      nextStep: 'retry; if it stays so, see whether its tag or its rules are being changed.',
      isTerminal: false,
      target: group,
    },
  );
}

/** Takes the group away, unless somebody uses it: another incident may, and an interface must never be left without a group. */
async function remove(world: AwsWorld, vpc: string): Promise<undefined> {
  const found = await findQuarantine(world, vpc);
  if (found === undefined) return undefined;
  const users = await interfacesWith(world, found.id);
  if (users.length === 0 && (await deleteGroup(world, found.id)) === 'deleted') return undefined;
  const by = users.length === 0 ? 'something, perhaps a rule of another group' : users.map(({ id }) => id).join(', ');
  throw new FirebreakError(
    'aws.group-in-use',
    `Could not delete ${found.id}, the quarantine group of ${vpc}: it is used by ${by}.`,
    {
      nextStep: 'release those first, then release this again; an unused quarantine group does no harm.',
      target: found.id,
    },
  );
}

function wouldOpen(vpc: string, rules: string[]): FirebreakError {
  return new FirebreakError(
    'aws.would-open-quarantine',
    `The quarantine group of ${vpc} had rules before (${rules.join(', ')}); they are not put back.`,
    {
      nextStep: 'find out who added them; isolated interfaces may hold this group.',
      target: vpc,
    },
  );
}

function description(vpc: string): string {
  return `Firebreak quarantine of ${vpc}: no traffic in or out. Do not add rules.`;
}

function vpcOf(id: string): string {
  const vpc = id.startsWith(`${quarantineRef}=`) ? id.slice(quarantineRef.length + 1) : '';
  if (/^vpc-[0-9a-f]+$/.test(vpc)) return vpc;
  throw new FirebreakError('aws.other-target', `${id} does not name a quarantine group (this is a bug).`, {
    nextStep: 'plan again.',
    target: id,
  });
}
