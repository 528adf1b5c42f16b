/**
 * A system for the benches alone: every call to it takes a millisecond and nothing else, so that what is measured beyond that is
 * the engine. Only processes of benches register it (`children/with-simulated.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { defineAction, defineCollector } from '../../activities/define-action.js';
import { units } from '../../activities/index.js';
import type { AwsWorld } from '../../activities/aws/world.js';

/** For each call. */
export const callMs = 1;

const input = z.strictObject({ target: z.string() });
const state = z.strictObject({ locked: z.boolean() });
type State = z.infer<typeof state>;

const locked = new Set<string>();

const lockThing = defineAction<z.infer<typeof input>, State, AwsWorld>({
  name: 'simulated.lock-thing@1',
  summary: 'Lock a simulated thing.',
  phase: 'contain',
  risk: 'low',
  guarded: false,
  oneWay: false,
  partsOpen: false,
  aspect: 'lock',
  permissions: [],
  repeatable: 'A lock is set to a value.',
  readLagMs: 0,
  example: { target: 'thing-1' },
  input,
  state,
  read: async ({ id }) => {
    await sleep(callMs);
    return { state: { locked: locked.has(id) } };
  },
  plan: ({ target }, { system }) =>
    Promise.resolve([{ target: { system, type: 'thing', id: target }, after: { locked: true } }]),
  write: async ({ id }, after) => {
    await sleep(callMs);
    if (after.locked) locked.add(id);
    else locked.delete(id);
    return undefined;
  },
});

const lookAtThing = defineCollector<z.infer<typeof input>, AwsWorld>({
  name: 'simulated.look-at-thing@1',
  summary: 'Look at a simulated thing.',
  phase: 'investigate',
  permissions: [],
  example: { target: 'thing-1' },
  input,
  collect: async function* ({ target }, { system }) {
    await sleep(callMs);
    yield {
      name: 'look.txt',
      mediaType: 'text/plain',
      body: Buffer.from(`${target} is there`),
      target: { system, type: 'thing', id: target },
      method: 'look',
    };
  },
});

/** Adds it to the registry of this process, once. */
export function registerSimulated(): void {
  if (!units.includes(lockThing)) units.push(lockThing, lookAtThing);
}
