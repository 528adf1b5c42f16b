/**
 * The quarantine group of a VPC: no rule in, no rule out. One for each VPC, shared by every interface and incident there.
 * It is found by tag; but a tag can be set on another group too, so it counts only while its rules are exactly none.
 */
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import { groupsWhere, ruleTexts, type SecurityGroup } from './security-group.js';
import { quarantineTagKey } from './tags.js';
import { awsTarget } from './targets.js';
import type { AwsWorld } from './world.js';

/** How a state names the quarantine group of whatever VPC the interface lies in. */
export const quarantineRef = `tag:${quarantineTagKey}`;

export function quarantineTarget(world: AwsWorld, vpc: string): Target {
  return awsTarget(world, 'security-group', `${quarantineRef}=${vpc}`);
}

/** Fixed, because names are unique within a VPC: of two who create it at once, the second finds the first. */
export function quarantineName(vpc: string): string {
  return `firebreak-quarantine-${vpc}`;
}

/** The group that carries the tag, whatever its rules. Throws when two do: which of them is ours cannot be told. */
export async function findQuarantine(world: AwsWorld, vpc: string): Promise<SecurityGroup | undefined> {
  const found = await groupsWhere(world, { 'vpc-id': [vpc], [`tag:${quarantineTagKey}`]: [vpc] });
  if (found.length < 2) return found[0];
  const names = found.map((group) => `${group.id} (${group.name}, ${ruleTexts(group).length} rules)`).join(' and ');
  throw new FirebreakError(
    'aws.two-quarantine-groups',
    `Two groups in ${vpc} are tagged ${quarantineTagKey} = ${vpc}: ${names}.`,
    {
      nextStep: `find out who made the one that is not named ${quarantineName(vpc)}, take the tag from it, then retry.`,
      target: vpc,
    },
  );
}

export function isSealed(group: SecurityGroup): boolean {
  return ruleTexts(group).length === 0;
}

/** The group, fit to put an interface into. */
export async function sealedQuarantine(world: AwsWorld, vpc: string): Promise<SecurityGroup> {
  const found = await findQuarantine(world, vpc);
  if (found !== undefined && isSealed(found)) return found;
  const why = found === undefined ? 'there is none' : `${found.id} has rules: ${ruleTexts(found).join(', ')}`;
  throw new FirebreakError('aws.no-quarantine-group', `${vpc} has no quarantine group that is fit for use: ${why}.`, {
    nextStep: 'have aws.make-quarantine-group@1 settle it, then retry.',
    isTerminal: false,
    target: vpc,
  });
}
