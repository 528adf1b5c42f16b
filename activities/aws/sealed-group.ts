/**
 * How a quarantine group comes to be: made under a name of ours, emptied, read back without any rule. The step before isolation
 * makes it; isolation itself does again, when none that it may use is left. One that somebody opened is not closed again while
 * anything holds it: what EC2 came to track meanwhile would outlive the rules, so another is made and the interfaces move on.
 */
import { FirebreakError } from '../../core/errors.js';
import { eventually } from './eventually.js';
import { interfacesWith } from './network-interface.js';
import { isOurs, isSealed, quarantineNames, taggedGroups } from './quarantine-group.js';
import { emptyGroup, makeGroup, type SecurityGroup } from './security-group.js';
import { quarantineTagKey } from './tags.js';
import type { AwsWorld } from './world.js';

/** How long a group that was just made may stay invisible. */
const visible = { attempts: 6, waitMs: 1_000 };

/** The sealed one of ours, else the first of ours. */
export function oursAmong(tagged: SecurityGroup[]): SecurityGroup | undefined {
  const made = tagged.filter(isOurs);
  return made.find(isSealed) ?? made[0];
}

export interface SealedGroup {
  group: string;
  /** What it does not promise, for whoever reads the outcome. */
  warning?: string;
}

/** The sealed group of our making in a VPC, made if there is none. */
export async function makeSealed(world: AwsWorld, vpc: string): Promise<SealedGroup> {
  const tagged = await taggedGroups(world, vpc);
  const made = tagged.filter(isOurs);
  const sealed = made.find(isSealed);
  if (sealed !== undefined) return { group: sealed.id };
  const begun = await firstUnused(world, made);
  if (begun !== undefined) return { group: await emptied(world, vpc, begun.id) };
  try {
    return { group: await emptied(world, vpc, await makeUnderFreeName(world, vpc, tagged)) };
  } catch (error) {
    const [opened] = made;
    if (opened === undefined || !isNameTaken(error)) throw error;
    // Better than leaving it open, though not as good as another: the names have run out.
    const warning = `${opened.id} was opened and is in use; no name was left for another, so it was closed again: connections made meanwhile may live on`;
    return { group: await emptied(world, vpc, opened.id), warning };
  }
}

/** Made by a call that was cut short, or opened: as long as nothing holds it, nothing can be tracked through it. */
async function firstUnused(world: AwsWorld, made: SecurityGroup[]): Promise<SecurityGroup | undefined> {
  for (const group of made) if ((await interfacesWith(world, group.id)).length === 0) return group;
  return undefined;
}

/** Takes its rules away, and waits until one of ours shows without any. */
async function emptied(world: AwsWorld, vpc: string, group: string): Promise<string> {
  await emptyGroup(world, group);
  const seen = await eventually(world, visible, async () => {
    const now = oursAmong(await taggedGroups(world, vpc));
    return now !== undefined && isSealed(now) ? now : undefined;
  });
  if (seen !== undefined) return seen.id;
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
      if (!isNameTaken(error)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? namesTaken(vpc);
}

function isNameTaken(error: unknown): boolean {
  return error instanceof FirebreakError && error.code === 'aws.group-name-taken' && error.isTerminal;
}

function namesTaken(vpc: string): FirebreakError {
  return new FirebreakError(
    'aws.group-name-taken',
    `Every name for the quarantine group of ${vpc} is taken by groups that cannot be used: ${quarantineNames(vpc).join(', ')}.`,
    { nextStep: 'find out who made them; delete or rename one, then retry.', target: vpc },
  );
}

function description(vpc: string): string {
  return `Firebreak quarantine of ${vpc}: no traffic in or out. Do not add rules.`;
}
