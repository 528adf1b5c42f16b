/** Reads and sets the groups of one interface, the quarantine group named by tag. */
import * as z from 'zod';
import { same } from '../../core/canonical.js';
import { FirebreakError } from '../../core/errors.js';
import type { Hold } from '../../core/hold.js';
import type { Json } from '../../core/json.js';
import type { Reading } from '../define-action.js';
import {
  allAccessOf,
  allowsExactlyEverything,
  isUnaltered,
  makeAllAccess,
  removeAllAccess,
} from './all-access-group.js';
import { interfaceNamed, type NetworkInterface, setGroups } from './network-interface.js';
import { isOurs, isSealed, quarantineRef, sealedQuarantines, taggedGroups } from './quarantine-group.js';
import { makeSealed, type SealedGroup } from './sealed-group.js';
import type { SecurityGroup } from './security-group.js';
import type { AwsWorld } from './world.js';

export const groupsState = z.strictObject({
  /** Ids, sorted, or the tag of the quarantine group. */
  groups: z.array(z.string().regex(/^(sg-[0-9a-f]+|tag:firebreak:quarantine)$/)).min(1),
  /** A swap ended, but for its all-access group, which is still to be removed. */
  leftover: z.string().exactOptional(),
});
export type GroupsState = z.infer<typeof groupsState>;

export function isIsolation({ groups }: GroupsState): boolean {
  return groups.length === 1 && groups[0] === quarantineRef;
}

/** A quarantine group is named by its tag only while it is sealed; opened, it is a group like any other. */
export async function readGroups(world: AwsWorld, id: string, hold: Hold | undefined): Promise<Reading<GroupsState>> {
  const found = await interfaceNamed(world, id);
  const sealed = new Set((await taggedGroups(world, found.vpc)).filter(isSealed).map((group) => group.id));
  const groups = found.groups.map((group) => (sealed.has(group) ? quarantineRef : group)).toSorted();
  const identity = { groups: found.groups };
  const marked = hold !== undefined && isIsolation({ groups }) ? await allAccessOf(world, found, hold) : [];
  const leftover = marked.find(isUnaltered);
  return { state: { groups, ...(leftover === undefined ? {} : { leftover: leftover.id }) }, identity };
}

/** Sets the groups: into quarantine by way of the two-step swap, anything else in one call. */
export async function replaceGroups(world: AwsWorld, id: string, state: GroupsState, hold: Hold): Promise<Json> {
  const found = await interfaceNamed(world, id);
  if (found.requesterManaged) throw managed(id);
  if (isIsolation(state)) return isolate(world, found, hold);
  const quarantine = state.groups.includes(quarantineRef) ? (await sealedQuarantines(world, found.vpc))[0].id : '';
  const groups = [...new Set(state.groups.map((group) => (group === quarantineRef ? quarantine : group)))];
  await setGroups(world, id, groups);
  return { groups };
}

/** Takes away the groups open to all that a swap made and never used. */
export async function clearAllAccess(world: AwsWorld, id: string, hold: Hold): Promise<void> {
  const marked = await allAccessOf(world, await interfaceNamed(world, id), hold);
  for (const group of marked.filter(isUnaltered)) await removeAllAccess(world, group.id, id);
}

/**
 * Original → all access → quarantine. Whatever an earlier attempt left is finished first: an interface in all-access goes
 * straight on, so none stays there for longer than until the next write.
 */
async function isolate(world: AwsWorld, found: NetworkInterface, hold: Hold): Promise<Json> {
  const sealed = (await taggedGroups(world, found.vpc)).filter(isSealed);
  const isIn = found.groups.length === 1 && sealed.some(({ id }) => id === found.groups[0]);
  const marked = await allAccessOf(world, found, hold);
  const { passed, ...observed }: Swapped = isIn
    ? { groups: found.groups }
    : await swap(world, found, await quarantineAmong(sealed, world, found.vpc), marked, hold);
  const toRemove = new Set(marked.filter(isUnaltered).map(({ id }) => id));
  if (passed !== undefined) toRemove.add(passed);
  for (const group of toRemove) await leave(world, found.id, group, observed.groups);
  return observed;
}

/** A call of an attempt that was killed may land late and put the interface back in: then it goes on to quarantine once more. */
async function leave(world: AwsWorld, id: string, open: string, [quarantine = '']: string[]): Promise<void> {
  try {
    await removeAllAccess(world, open, id);
  } catch (error) {
    const now = await interfaceNamed(world, id, { toTheEnd: true }).catch(() => undefined);
    if (now === undefined) throw mayBeOpen(id, open, quarantine, error);
    if (!now.groups.includes(open)) throw error;
    await goOn(world, id, quarantine, open);
    await removeAllAccess(world, open, id);
  }
}

/**
 * There before anything is opened: there must be somewhere to go on to. One of ours, for nobody watches over what others made;
 * when none is left, because somebody opened it, another is made.
 */
async function quarantineAmong(sealed: SecurityGroup[], world: AwsWorld, vpc: string): Promise<SealedGroup> {
  const ours = sealed.find(isOurs);
  return ours === undefined ? makeSealed(world, vpc) : { group: ours.id };
}

interface Swapped {
  groups: string[];
  /** What it could not do, for whoever reads the outcome. */
  warning?: string;
  /** The group that it passed through. */
  passed?: string;
}

async function swap(
  world: AwsWorld,
  found: NetworkInterface,
  { group, ...warned }: SealedGroup,
  marked: SecurityGroup[],
  hold: Hold,
): Promise<Swapped> {
  const groups = [group];
  const passing = marked.find(({ id }) => same(found.groups, [id]));
  if (passing !== undefined && allowsExactlyEverything(passing)) {
    await goOn(world, found.id, group, passing.id);
    return { groups, ...warned };
  }
  const open = await makeAllAccess(world, found, hold, marked);
  if (open !== undefined) {
    await passThrough(world, found.id, open, group);
    return { groups, ...warned, passed: open };
  }
  // Nothing to pass through is no reason to leave it open to everybody. What this does not end is said.
  await setGroups(world, found.id, groups, { toTheEnd: true });
  const straight = `${found.id} went straight into quarantine, for no group could be made to pass it through: connections tracked before may live on`;
  return { groups, warning: [straight, ...Object.values(warned)].join('; ') };
}

async function passThrough(world: AwsWorld, id: string, open: string, quarantine: string): Promise<void> {
  try {
    await setGroups(world, id, [open]);
  } catch (error) {
    // A lost answer may have taken effect: then it goes on. Otherwise not into quarantine yet, because connections would live.
    const now = await interfaceNamed(world, id, { toTheEnd: true }).catch(() => undefined);
    if (now === undefined) throw mayBeOpen(id, open, quarantine, error);
    if (!now.groups.includes(open)) throw error;
  }
  await goOn(world, id, quarantine, open);
}

async function goOn(world: AwsWorld, id: string, quarantine: string, open: string): Promise<void> {
  try {
    await setGroups(world, id, [quarantine], { toTheEnd: true });
  } catch (error) {
    throw mayBeOpen(id, open, quarantine, error);
  }
}

function mayBeOpen(id: string, open: string, quarantine: string, cause: unknown): FirebreakError {
  return new FirebreakError(
    'aws.interface-left-open',
    `${id} may hold ${open}, which allows everything: it could not be moved on to quarantine.`,
    {
      nextStep: `retry at once, or set its group to ${quarantine} by hand.`,
      isTerminal: false,
      target: id,
      cause,
    },
  );
}

function managed(id: string): FirebreakError {
  return new FirebreakError(
    'aws.interface-managed',
    `${id} belongs to an AWS service (it is requester-managed), so its groups cannot be set.`,
    {
      nextStep: 'cut it off at the service that owns it, or with a network ACL on its subnet.',
      target: id,
    },
  );
}
