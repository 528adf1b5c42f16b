/** Security groups that Firebreak makes: found by tag, made under a fixed name, emptied of rules, deleted. */
import {
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup as Described,
} from '@aws-sdk/client-ec2';
import { FirebreakError } from '../../core/errors.js';
import { ask, everyPage, pageSize, sent } from './ask.js';
import { awsCode } from './errors.js';
import { eventually } from './eventually.js';
import { tagged } from './tags.js';
import type { AwsWorld } from './world.js';

export interface SecurityGroup {
  id: string;
  name: string;
  vpc: string;
  tags: Record<string, string>;
  ingress: Rule[];
  egress: Rule[];
}

/** One direction of one rule for one peer. */
export interface Rule {
  /** `tcp`, `udp`, `icmp`, a number, or `-1` for all. */
  protocol: string;
  /** Undefined for all ports, and for protocols without. */
  ports?: { from: number; to: number };
  /** A CIDR, a group or a prefix list. */
  peer: string;
  family: 'v4' | 'v6' | 'any';
}

const action = 'ec2:DescribeSecurityGroups';

export async function groupsWhere(world: AwsWorld, filters: Record<string, string[]>): Promise<SecurityGroup[]> {
  const found = await everyPage(action, async (next) => {
    const Filters = Object.entries(filters).map(([Name, Values]) => ({ Name, Values }));
    const query = { Filters, MaxResults: pageSize, ...(next === undefined ? {} : { NextToken: next }) };
    const { SecurityGroups, NextToken } = await ask(world, new DescribeSecurityGroupsCommand(query));
    return { items: SecurityGroups, next: NextToken };
  });
  return found.map(readGroup);
}

export async function groupsNamed(world: AwsWorld, ids: string[]): Promise<SecurityGroup[]> {
  const { SecurityGroups } = await ask(world, new DescribeSecurityGroupsCommand({ GroupIds: ids }), {
    about: ids.join(', '),
  });
  return sent(SecurityGroups, action, 'groups').map(readGroup);
}

/** `egress -1 all 0.0.0.0/0`: how a rule is shown and compared. */
export function ruleTexts({ ingress, egress }: Pick<SecurityGroup, 'ingress' | 'egress'>): string[] {
  return [
    ...ingress.map((rule) => `ingress ${textOf(rule)}`),
    ...egress.map((rule) => `egress ${textOf(rule)}`),
  ].toSorted();
}

function textOf({ protocol, ports, peer }: Rule): string {
  return `${protocol} ${ports === undefined ? 'all' : `${ports.from}-${ports.to}`} ${peer}`;
}

/** Makes a group, tagged in the same call; of two who make it at once, both get the one. Returns its id. */
export async function makeGroup(
  world: AwsWorld,
  {
    name,
    vpc,
    description,
    tag,
  }: { name: string; vpc: string; description: string; tag: [key: string, value: string] },
): Promise<string> {
  const [key, value] = tag;
  const create = new CreateSecurityGroupCommand({
    GroupName: name,
    VpcId: vpc,
    Description: description,
    TagSpecifications: tagged('security-group', world, { [key]: value }),
  });
  try {
    // Repeating is harmless: the name is unique in the VPC, so the second creation finds the first.
    const { GroupId } = await ask(world, create, { about: name });
    return sent(GroupId, 'ec2:CreateSecurityGroup', 'id of the group');
  } catch (error) {
    if (awsCode(error) !== 'InvalidGroup.Duplicate') throw error;
    const [existing] = await groupsWhere(world, { 'vpc-id': [vpc], 'group-name': [name] });
    if (existing?.tags[key] === value) return existing.id;
    throw new FirebreakError(
      'aws.group-name-taken',
      `A group named ${name} exists in ${vpc} (${existing?.id ?? 'not visible yet'}), but it is not tagged ${key} = ${value}, so it is not ours.`,
      {
        nextStep: 'find out who made it; delete or rename it, then retry.',
        isTerminal: existing !== undefined,
        cause: error,
        ...(existing === undefined ? {} : { target: existing.id }),
      },
    );
  }
}

/** How often rules are looked at and revoked before giving up: somebody else may be adding them. */
const emptying = { attempts: 5, waitMs: 1_000 };

/** Takes every rule away, both directions, IPv4 and IPv6, the default egress included. */
export async function emptyGroup(world: AwsWorld, id: string): Promise<void> {
  const empty = await eventually(world, emptying, async () => {
    const rules = await rulesOf(world, id);
    if (rules === undefined) return undefined;
    if (rules.ingress.length + rules.egress.length === 0) return true;
    await revoke(world, id, rules);
    const left = await rulesOf(world, id);
    return left !== undefined && left.ingress.length + left.egress.length === 0 ? true : undefined;
  });
  if (empty) return;
  throw new FirebreakError(
    'aws.group-not-empty',
    `${id} still has rules after they were revoked ${emptying.attempts} times.`,
    {
      nextStep: 'see in CloudTrail who adds them; then retry.',
      isTerminal: false,
      target: id,
    },
  );
}

async function revoke(world: AwsWorld, id: string, { ingress, egress }: RuleIds): Promise<void> {
  const about = { about: id };
  if (ingress.length > 0) {
    const command = new RevokeSecurityGroupIngressCommand({ GroupId: id, SecurityGroupRuleIds: ingress });
    await unlessGone(ask(world, command, about));
  }
  if (egress.length > 0) {
    const command = new RevokeSecurityGroupEgressCommand({ GroupId: id, SecurityGroupRuleIds: egress });
    await unlessGone(ask(world, command, about));
  }
}

/** A rule may be gone already, by a repeated call or another executor. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const code = awsCode(error);
    if (code !== 'InvalidPermission.NotFound' && code !== 'InvalidSecurityGroupRuleId.NotFound') throw error;
  }
}

interface RuleIds {
  ingress: string[];
  egress: string[];
}

/** Undefined when EC2 does not know the group (yet). */
async function rulesOf(world: AwsWorld, id: string): Promise<RuleIds | undefined> {
  const name = 'ec2:DescribeSecurityGroupRules';
  try {
    const rules = await everyPage(name, async (next) => {
      const query = {
        Filters: [{ Name: 'group-id', Values: [id] }],
        MaxResults: pageSize,
        ...(next === undefined ? {} : { NextToken: next }),
      };
      const { SecurityGroupRules, NextToken } = await ask(world, new DescribeSecurityGroupRulesCommand(query), {
        about: id,
      });
      return { items: SecurityGroupRules, next: NextToken };
    });
    const read = rules.map((rule) => ({
      id: sent(rule.SecurityGroupRuleId, name, 'id of a rule'),
      isEgress: sent(rule.IsEgress, name, 'direction of a rule'),
    }));
    return {
      ingress: read.filter((rule) => !rule.isEgress).map((rule) => rule.id),
      egress: read.filter((rule) => rule.isEgress).map((rule) => rule.id),
    };
  } catch (error) {
    if (awsCode(error) === 'InvalidGroup.NotFound') return undefined;
    throw error;
  }
}

/** An interface that has just let go of a group may count as holding it for some seconds. */
const deleting = { attempts: 4, waitMs: 1_500 };

/** Deletes a group; `in use` when something holds it still. A group that is gone is deleted. */
export async function deleteGroup(world: AwsWorld, id: string): Promise<'deleted' | 'in use'> {
  const gone = await eventually(world, deleting, async () => {
    try {
      await ask(world, new DeleteSecurityGroupCommand({ GroupId: id }), { about: id });
      return true;
    } catch (error) {
      const code = awsCode(error);
      if (code === 'InvalidGroup.NotFound') return true;
      if (code === 'DependencyViolation' || code === 'InvalidGroup.InUse') return undefined;
      throw error;
    }
  });
  return gone ? 'deleted' : 'in use';
}

function readGroup(found: Described): SecurityGroup {
  return {
    id: sent(found.GroupId, action, 'id of a group'),
    name: sent(found.GroupName, action, 'name of a group'),
    vpc: sent(found.VpcId, action, 'VPC of a group'),
    tags: Object.fromEntries((found.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
    ingress: sent(found.IpPermissions, action, 'ingress rules').flatMap(readRules),
    egress: sent(found.IpPermissionsEgress, action, 'egress rules').flatMap(readRules),
  };
}

function readRules({
  IpProtocol,
  FromPort,
  ToPort,
  IpRanges,
  Ipv6Ranges,
  UserIdGroupPairs,
  PrefixListIds,
}: IpPermission): Rule[] {
  const protocol = sent(IpProtocol, action, 'protocol of a rule');
  const all = protocol === '-1' || FromPort === undefined || ToPort === undefined || FromPort === -1;
  const common = { protocol, ...(all ? {} : { ports: { from: FromPort, to: ToPort } }) };
  const rules: Rule[] = [
    ...(IpRanges ?? []).map(
      ({ CidrIp }): Rule => ({ ...common, peer: sent(CidrIp, action, 'CIDR of a rule'), family: 'v4' }),
    ),
    ...(Ipv6Ranges ?? []).map(
      ({ CidrIpv6 }): Rule => ({ ...common, peer: sent(CidrIpv6, action, 'CIDR of a rule'), family: 'v6' }),
    ),
    ...(UserIdGroupPairs ?? []).map(
      ({ GroupId }): Rule => ({ ...common, peer: sent(GroupId, action, 'group of a rule'), family: 'any' }),
    ),
    ...(PrefixListIds ?? []).map(
      ({ PrefixListId }): Rule => ({
        ...common,
        peer: sent(PrefixListId, action, 'prefix list of a rule'),
        family: 'any',
      }),
    ),
  ];
  // A rule for nobody that we can name is still a rule: the group must not pass for one without rules.
  return rules.length === 0 ? [{ ...common, peer: 'an unknown peer', family: 'any' }] : rules;
}
