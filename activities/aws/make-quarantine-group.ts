/**
 * The group that isolation puts interfaces into: one for each VPC of the instance, with exactly no rules. EC2 gives every new
 * group an egress rule to everywhere; forgetting it is the classic mistake, so both families are taken away and read back.
 * A group is emptied or deleted only if it is ours by name and tags, and used by isolation only while it has no rules. What is
 * not held was not made by us, whatever its marks, for anybody can set them: it never ends this step as `already`, because nothing
 * would watch over it. Ours is made beside it, or what has all our marks is taken over, and from then on held and watched.
 * What it does not stop: the resolver, DHCP, time and metadata services of the VPC, which no group can.
 */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { defineAction } from '../define-action.js';
import { instanceInput } from './instance.js';
import { interfacesOf, interfacesWith } from './network-interface.js';
import { isOurs, quarantineRef, quarantineTarget, sealedGroupByHand, taggedGroups } from './quarantine-group.js';
import { oursAmong, makeSealed } from './sealed-group.js';
import { deleteGroup, ruleTexts } from './security-group.js';
import { quarantineTagKey } from './tags.js';
import { idIn } from './targets.js';
import type { AwsWorld } from './world.js';

/** Null: there is no such group. */
const state = z.union([z.strictObject({ rules: z.array(z.string()) }), z.null()]);

/** Side of the group that is held; `isolate-instance` depends on it. */
export const quarantineAspect = 'rules';

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
    'The group is found by its tag and its names are unique in the VPC, so it is made once; rules that are gone stay gone.',
  readLagMs: 3_000,
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
for vpc in $(aws ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$instance" \\
    --query 'NetworkInterfaces[].VpcId' --output text | tr '[:space:]' '\\n' | sort -u); do
  group=$(${sealedGroupByHand})
  if [ "$group" = None ]; then
    group=$(aws ec2 create-security-group --vpc-id "$vpc" --group-name "quarantine-by-hand-$vpc-$(date +%s)" \\
      --description "Quarantine of $vpc, made by hand: no traffic in or out. Do not add rules." \\
      --tag-specifications "ResourceType=security-group,Tags=[{Key=${quarantineTagKey},Value=$vpc}]" --query GroupId --output text)
    # EC2 gives every new group a rule that lets everything out.
    aws ec2 revoke-security-group-egress --group-id "$group" --security-group-rule-ids $(
      aws ec2 describe-security-group-rules --filters "Name=group-id,Values=$group" \\
        --query 'SecurityGroupRules[].SecurityGroupRuleId' --output text)
  fi
  # Must show the group, and no rule after it.
  aws ec2 describe-security-groups --group-ids "$group" \\
    --query 'SecurityGroups[].[GroupId,VpcId,IpPermissions,IpPermissionsEgress]' --output text
done`,
  input: instanceInput,
  state,

  read: async (target, hold, world) => {
    const vpc = vpcOf(idIn(world, target, 'security-group'));
    const group = hold === undefined ? undefined : oursAmong(await taggedGroups(world, vpc));
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
    return { ...(await makeSealed(world, vpc)) };
  },
});

/** Takes ours away, unless somebody uses it: another incident may, and an interface must never be left without a group. */
async function remove(world: AwsWorld, vpc: string): Promise<undefined> {
  for (const { id } of (await taggedGroups(world, vpc)).filter(isOurs)) {
    const users = await interfacesWith(world, id);
    if (users.length > 0 || (await deleteGroup(world, id)) === 'in use') throw inUse(id, vpc, users);
  }
  return undefined;
}

function inUse(group: string, vpc: string, users: { id: string }[]): FirebreakError {
  const by = users.length === 0 ? 'something, perhaps a rule of another group' : users.map(({ id }) => id).join(', ');
  return new FirebreakError(
    'aws.group-in-use',
    `Could not delete ${group}, the quarantine group of ${vpc}: it is used by ${by}.`,
    {
      nextStep: 'release those first, then release this again; an unused quarantine group does no harm.',
      target: group,
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

function vpcOf(id: string): string {
  const vpc = id.startsWith(`${quarantineRef}=`) ? id.slice(quarantineRef.length + 1) : '';
  if (/^vpc-[0-9a-f]+$/.test(vpc)) return vpc;
  throw new FirebreakError('aws.other-target', `${id} does not name a quarantine group (this is a bug).`, {
    nextStep: 'plan again.',
    target: id,
  });
}
