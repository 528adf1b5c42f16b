/**
 * The quarantine group of a VPC: no rule in, no rule out. One for each VPC, shared by every interface and incident there.
 * It is found by tag. But a tag can be set on any group, by an attacker too, so that a tagged group counts only while its
 * rules are exactly none; and only what also bears one of our names and the marks of our making is ever changed or deleted.
 */
import { createHash } from 'node:crypto';
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import { groupsWhere, ruleTexts, type SecurityGroup } from './security-group.js';
import { incidentTagKey, quarantineTagKey } from './tags.js';
import { awsTarget } from './targets.js';
import type { AwsWorld } from './world.js';

/** How a state names the quarantine group of whatever VPC the interface lies in. */
export const quarantineRef = `tag:${quarantineTagKey}`;

/** Names to fall back on, for somebody else may have taken the first: more than these are not tried. */
const otherNames = 3;

/**
 * The group of `$vpc` that is fit for use, by hand; `None` when there is none. One that a person made has the tag and not our
 * other marks: an interface in it is isolated to Firebreak too, and the group is never changed or deleted by it.
 */
export const sealedGroupByHand = `aws ec2 describe-security-groups --filters "Name=vpc-id,Values=$vpc" "Name=tag:${quarantineTagKey},Values=$vpc" \\
    --query 'SecurityGroups[?!IpPermissions && !IpPermissionsEgress] | [0].GroupId' --output text`;

export function quarantineTarget(world: AwsWorld, vpc: string): Target {
  return awsTarget(world, 'security-group', `${quarantineRef}=${vpc}`);
}

/** Fixed, because names are unique within a VPC: of two who create it at once, the second finds the first. */
export function quarantineNames(vpc: string): string[] {
  const first = `firebreak-quarantine-${vpc}`;
  const suffixes = Array.from({ length: otherNames }, (_, index) =>
    createHash('sha256').update(`${quarantineTagKey}=${vpc}/${index}`).digest('hex').slice(0, 8),
  );
  return [first, ...suffixes.map((suffix) => `${first}-${suffix}`)];
}

/** Every group with the tag, ours first, then by id: whoever chooses among them chooses the same. */
export async function taggedGroups(world: AwsWorld, vpc: string): Promise<SecurityGroup[]> {
  const found = await groupsWhere(world, { 'vpc-id': [vpc], [`tag:${quarantineTagKey}`]: [vpc] });
  const names = quarantineNames(vpc);
  const rank = (group: SecurityGroup): number => (isOurs(group) ? names.indexOf(group.name) : names.length);
  return found.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}

/** Made by Firebreak: by name and by all the tags that it sets in the creating call. */
export function isOurs({ name, vpc, tags }: SecurityGroup): boolean {
  return quarantineNames(vpc).includes(name) && tags[quarantineTagKey] === vpc && tags[incidentTagKey] !== undefined;
}

export function isSealed(group: SecurityGroup): boolean {
  return ruleTexts(group).length === 0;
}

/** The groups fit to put an interface into, the one to choose first. An opened one beside them takes nothing from them. */
export async function sealedQuarantines(world: AwsWorld, vpc: string): Promise<[SecurityGroup, ...SecurityGroup[]]> {
  const tagged = await taggedGroups(world, vpc);
  const [first, ...more] = tagged.filter(isSealed);
  if (first !== undefined) return [first, ...more];
  const rules = tagged.map((group) => `${group.id} has rules: ${ruleTexts(group).join(', ')}`);
  throw new FirebreakError(
    'aws.no-quarantine-group',
    `${vpc} has no quarantine group that is fit for use: ${rules.length === 0 ? 'there is none' : rules.join('; ')}.`,
    {
      nextStep: 'have aws.make-quarantine-group@1 settle it, then retry.',
      isTerminal: false,
      target: vpc,
    },
  );
}
