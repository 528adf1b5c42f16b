/**
 * Whether anything can reach an interface, or be reached from it, worked out from its groups and the network ACL of its
 * subnet. It errs to one side only: what it cannot tell counts as reachable. It does not see what groups never filter (the
 * VPC's resolver, DHCP, time and metadata services) and sends no packet.
 */
import { DescribeNetworkAclsCommand, type NetworkAclEntry } from '@aws-sdk/client-ec2';
import type { Probed } from '../define-action.js';
import { ask, sent } from './ask.js';
import { answerUnreadable } from './errors.js';
import { interfaceNamed } from './network-interface.js';
import { groupsNamed, type Rule } from './security-group.js';
import type { AwsWorld } from './world.js';

const action = 'ec2:DescribeNetworkAcls';

/** Shown when there is no way in and no way out, for the internet or anybody in the VPC. */
export async function cannotReach(world: AwsWorld, interfaceId: string): Promise<Probed> {
  const ways = await waysOf(world, interfaceId);
  const basis = `groups and ACLs${world.shownOn === 'emulator' ? ', emulator' : ''}`;
  return ways.length === 0 ? { shown: true, basis } : { shown: false, basis: `${basis}: ${ways.join('; ')}` };
}

/** Every rule through which traffic can pass, in words. */
export async function waysOf(world: AwsWorld, interfaceId: string): Promise<string[]> {
  const found = await interfaceNamed(world, interfaceId);
  if (found.groups.length === 0)
    throw answerUnreadable('ec2:DescribeNetworkInterfaces', `${interfaceId} shows no group, which AWS does not allow`);
  const groups = await groupsNamed(world, found.groups);
  const entries = await aclOf(world, found.subnet);
  return groups.flatMap(({ id, ingress, egress }) => [
    ...ingress
      .filter((rule) => lets(entries, false, rule))
      .map((rule) => `${id} lets ${rule.peer} in (${rule.protocol})`),
    ...egress
      .filter((rule) => lets(entries, true, rule))
      .map((rule) => `${id} lets it out to ${rule.peer} (${rule.protocol})`),
  ]);
}

async function aclOf(world: AwsWorld, subnet: string): Promise<NetworkAclEntry[]> {
  const query = new DescribeNetworkAclsCommand({ Filters: [{ Name: 'association.subnet-id', Values: [subnet] }] });
  const { NetworkAcls } = await ask(world, query, { about: subnet });
  const [acl, ...more] = sent(NetworkAcls, action, 'ACLs');
  // A subnet has exactly one.
  if (acl === undefined || more.length > 0)
    throw answerUnreadable(action, `it shows ${1 + more.length - (acl === undefined ? 1 : 0)} ACLs for ${subnet}`);
  return sent(acl.Entries, action, 'entries of an ACL');
}

/** Whether an ACL lets anything of what a rule allows pass; the first entry that concerns it decides. */
function lets(entries: NetworkAclEntry[], egress: boolean, rule: Rule): boolean {
  const families = rule.family === 'any' ? (['v4', 'v6'] as const) : [rule.family];
  const ordered = entries
    .filter((entry) => sent(entry.Egress, action, 'direction of an entry') === egress)
    .toSorted(
      (a, b) => sent(a.RuleNumber, action, 'number of an entry') - sent(b.RuleNumber, action, 'number of an entry'),
    );
  return families.some((family) => {
    const decisive = ordered.find((entry) =>
      entry.RuleAction === 'deny' ? deniesAllOf(entry, family, rule) : allowsSomeOf(entry, family, rule),
    );
    return decisive !== undefined && decisive.RuleAction !== 'deny';
  });
}

/** A denial decides only where it covers the whole rule, or some of it would get by unseen. */
function deniesAllOf(entry: NetworkAclEntry, family: 'v4' | 'v6', rule: Rule): boolean {
  const everyone = family === 'v4' ? entry.CidrBlock === '0.0.0.0/0' : entry.Ipv6CidrBlock === '::/0';
  if (!everyone) return false;
  if (entry.Protocol === '-1') return true;
  if (entry.Protocol !== numberOf(rule.protocol)) return false;
  const { From, To } = entry.PortRange ?? {};
  return (
    From === undefined ||
    To === undefined ||
    (rule.ports !== undefined && From <= rule.ports.from && rule.ports.to <= To)
  );
}

/** Networks are not compared: an allowance for any of the family is taken to concern the rule. */
function allowsSomeOf(entry: NetworkAclEntry, family: 'v4' | 'v6', rule: Rule): boolean {
  if ((family === 'v4' ? entry.CidrBlock : entry.Ipv6CidrBlock) === undefined) return false;
  if (entry.Protocol === '-1' || rule.protocol === '-1') return true;
  if (entry.Protocol !== numberOf(rule.protocol)) return false;
  const { From, To } = entry.PortRange ?? {};
  return (
    From === undefined ||
    To === undefined ||
    rule.ports === undefined ||
    (From <= rule.ports.to && rule.ports.from <= To)
  );
}

/** ACLs number protocols, groups name the common ones. */
function numberOf(protocol: string): string {
  return { tcp: '6', udp: '17', icmp: '1', icmpv6: '58' }[protocol] ?? protocol;
}
