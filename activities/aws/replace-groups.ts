/** Reads and sets the groups of one interface, the quarantine group named by tag. */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import type { Reading } from '../define-action.js';
import { findAllAccess, makeAllAccess, removeAllAccess } from './all-access-group.js';
import { type NetworkInterface, interfaceNamed, setGroups } from './network-interface.js';
import { isSealed, quarantineRef, sealedQuarantines, taggedGroups } from './quarantine-group.js';
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
export async function readGroups(world: AwsWorld, id: string): Promise<Reading<GroupsState>> {
  const found = await interfaceNamed(world, id);
  const sealed = new Set((await taggedGroups(world, found.vpc)).filter(isSealed).map((group) => group.id));
  const groups = found.groups.map((group) => (sealed.has(group) ? quarantineRef : group)).toSorted();
  const identity = { groups: found.groups };
  const leftover = isIsolation({ groups }) ? await findAllAccess(world, found) : undefined;
  return { state: { groups, ...(leftover === undefined ? {} : { leftover }) }, identity };
}

/** Sets the groups: into quarantine by way of the two-step swap, anything else in one call. */
export async function replaceGroups(world: AwsWorld, id: string, state: GroupsState): Promise<Json> {
  const found = await interfaceNamed(world, id);
  if (found.requesterManaged) throw managed(id);
  if (isIsolation(state)) return isolate(world, found);
  const quarantine = state.groups.includes(quarantineRef) ? (await sealedQuarantines(world, found.vpc))[0].id : '';
  const groups = [...new Set(state.groups.map((group) => (group === quarantineRef ? quarantine : group)))];
  await setGroups(world, id, groups);
  return { groups };
}

/**
 * Original → all access → quarantine. Whatever an earlier attempt left is finished first: an interface in all-access goes
 * straight on, so none stays there for longer than until the next write.
 */
async function isolate(world: AwsWorld, found: NetworkInterface): Promise<Json> {
  // Before anything is opened: there must be somewhere to go on to.
  const sealed = await sealedQuarantines(world, found.vpc);
  const quarantine = sealed[0].id;
  const isIn = found.groups.length === 1 && sealed.some(({ id }) => id === found.groups[0]);
  const left = await findAllAccess(world, found);
  if (left !== undefined && found.groups.includes(left)) {
    await goOn(world, found.id, quarantine, left);
  } else if (!isIn) {
    const open = await makeAllAccess(world, found);
    await passThrough(world, found.id, open, quarantine);
    await removeAllAccess(world, open, found.id);
    return { groups: [quarantine] };
  }
  if (left !== undefined) await removeAllAccess(world, left, found.id);
  return { groups: isIn ? found.groups : [quarantine] };
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
