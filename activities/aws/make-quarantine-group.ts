/**
 * The group that isolation puts interfaces into: one for each VPC of the instance, with exactly no rules. EC2 gives every new
 * group an egress rule to everywhere; forgetting it is the classic mistake, so both families are taken away and read back.
 * A group is emptied or deleted only if it is ours by name and tags, and used by isolation only while it has no rules. A group
 * that merely carries the tag serves while it is sealed, and is left alone otherwise: another is made beside it.
 * What it does not stop: the resolver, DHCP, time and metadata services of the VPC, which no group can.
 */
import * as z from 'zod';
import type { Json } from '../../core/json.js';
import { FirebreakError } from '../../core/errors.js';
import { defineAction } from '../define-action.js';
import { eventually } from './eventually.js';
import { instanceInput } from './instance.js';
import { interfacesOf, interfacesWith } from './network-interface.js';
import {
  isOurs,
  isSealed,
  quarantineNames,
  quarantineRef,
  quarantineTarget,
  taggedGroups,
} from './quarantine-group.js';
import { deleteGroup, emptyGroup, makeGroup, ruleTexts, type SecurityGroup } from './security-group.js';
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
    'The group is found by its tag and its names are unique in the VPC, so it is made once; rules that are gone stay gone.',
  readLagMs: 3_000,
  example: { instance: 'i-0123456789abcdef0' },
  input: instanceInput,
  state,

  read: async (target, hold, world) => {
    const tagged = await taggedGroups(world, vpcOf(idIn(world, target, 'security-group')));
    // Whoever needs one is served by any that is sealed; what is held, and goes away by release, is the one of our making.
    const group = (hold === undefined ? tagged.find(isSealed) : undefined) ?? ours(tagged);
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

/** The sealed one of ours, else the first of ours. */
function ours(tagged: SecurityGroup[]): SecurityGroup | undefined {
  const made = tagged.filter(isOurs);
  return made.find(isSealed) ?? made[0];
}

async function make(world: AwsWorld, vpc: string): Promise<Json> {
  const tagged = await taggedGroups(world, vpc);
  const found = ours(tagged);
  const group = found?.id ?? (await makeUnderFreeName(world, vpc, tagged));
  if (found === undefined || !isSealed(found)) await emptyGroup(world, group);
  const seen = await eventually(world, visible, async () => {
    const now = ours(await taggedGroups(world, vpc));
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

/** Under the first of our names that nobody else has: taking one beforehand must not keep us from isolating. */
async function makeUnderFreeName(world: AwsWorld, vpc: string, tagged: SecurityGroup[]): Promise<string> {
  const taken = new Set(tagged.map(({ name }) => name));
  let refusal: unknown;
  for (const name of quarantineNames(vpc).filter((each) => !taken.has(each))) {
    try {
      return await makeGroup(world, { name, vpc, description: description(vpc), tag: [quarantineTagKey, vpc] });
    } catch (error) {
      if (!(error instanceof FirebreakError && error.code === 'aws.group-name-taken' && error.isTerminal)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? namesTaken(vpc);
}

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

function namesTaken(vpc: string): FirebreakError {
  return new FirebreakError(
    'aws.group-name-taken',
    `Every name for the quarantine group of ${vpc} is taken by groups that are not ours: ${quarantineNames(vpc).join(', ')}.`,
    { nextStep: 'find out who made them; delete or rename one, then retry.', target: vpc },
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
