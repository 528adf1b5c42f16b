/** The rules of holding in a few lines, played beside a real store: each step tells what the store said and what it should say. */
import fc from 'fast-check';
import type { Json } from '../../../core/json.js';
import type { Store } from '../../../journal/store.js';
import { holdDraft, holder, holdEvent } from './drafts.js';

/** What the model knows of an open hold. */
interface Held {
  id: string;
  before: Json;
  state: string;
  holders: string[];
  releasingFor?: string;
}

/** Open holds by key. */
export type Model = Map<string, Held>;

export interface Step {
  act: 'intend' | 'join' | 'in force' | 'leave' | 'close' | 'reopen' | 'reclaim' | 'write';
  run: string;
  key: string;
}

export const anyStep: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('intend', 'join', 'in force', 'leave', 'close', 'reopen', 'reclaim', 'write'),
  run: fc.constantFrom('run-1', 'run-2', 'run-3'),
  key: fc.constantFrom('k1', 'k2'),
});

interface Played {
  said: unknown;
  expected: unknown;
}

/** Takes the store and the model one step further. `name` makes ids of its own. */
export async function play(store: Store, model: Model, { act, run, key }: Step, name: string): Promise<Played> {
  const held = model.get(key);
  if (act === 'intend') return playIntend(store, model, key, run, name);
  if (held === undefined) return { said: await store.openHold(key), expected: undefined };
  switch (act) {
    case 'join':
      return playJoin(store, held, run, name);
    case 'in force':
      return playInForce(store, held, name);
    case 'leave':
      return playLeave(store, held, run, name);
    case 'close':
      return playClose(store, model, held, key, run, name);
    case 'reopen':
      return playReopen(store, held, name);
    case 'write':
      return { said: await store.writes(held.id, 'now'), expected: held.state === 'intended' };
    case 'reclaim':
      return playReclaim(store, held, run, name);
  }
}

/** What the store has open under a key, as far as the model knows of it. */
export async function open(store: Store, key: string): Promise<Held | undefined> {
  const hold = await store.openHold(key);
  return hold === undefined
    ? undefined
    : { id: hold.id, before: hold.before, state: hold.state, holders: hold.holders.map((each) => each.run) };
}

async function playIntend(store: Store, model: Model, key: string, run: string, name: string): Promise<Played> {
  const mine = { id: `hold-${name}`, before: { found: name }, state: 'intended', holders: [run] };
  const first = !model.has(key);
  const held = model.get(key) ?? mine;
  model.set(key, held);
  const said = await store.intend(
    { ...holdDraft(mine.id, key, run), before: mine.before },
    holdEvent(name, 'hold.intended'),
  );
  return { said: [said.first, said.hold.id, said.hold.before], expected: [first, held.id, held.before] };
}

async function playJoin(store: Store, held: Held, run: string, name: string): Promise<Played> {
  const expected = held.state !== 'releasing' && !held.holders.includes(run);
  if (expected) held.holders.push(run);
  return { said: await store.join(held.id, holder(run), holdEvent(name, 'hold.joined')), expected };
}

async function playInForce(store: Store, held: Held, name: string): Promise<Played> {
  const said = await store.inForce(held.id, undefined, holdEvent(name, 'hold.in-force')).then(
    ({ state }) => state,
    (error: { code: string }) => error.code,
  );
  if (held.state === 'releasing') return { said, expected: 'hold.wrong-state' };
  held.state = 'in force';
  return { said, expected: held.state };
}

async function playLeave(store: Store, held: Held, run: string, name: string): Promise<Played> {
  const said = await store.leave(
    held.id,
    run,
    holdEvent(`${name}/left`, 'hold.left'),
    holdEvent(`${name}/last`, 'hold.releasing'),
  );
  const isHolder = held.holders.includes(run);
  held.holders = held.holders.filter((each) => each !== run);
  if (isHolder && held.holders.length === 0) Object.assign(held, { state: 'releasing', releasingFor: run });
  if (held.releasingFor === run) return { said, expected: 'last' };
  return { said, expected: isHolder ? 'left' : 'not a holder' };
}

async function playClose(
  store: Store,
  model: Model,
  held: Held,
  key: string,
  run: string,
  name: string,
): Promise<Played> {
  const mine = held.state === 'releasing' ? held.releasingFor === run : held.holders.every((each) => each === run);
  if (mine) model.delete(key);
  const { state } = await store.close(held.id, run, 'done', holdEvent(name, 'hold.closed'));
  return { said: state, expected: mine ? 'closed' : held.state };
}

async function playReopen(store: Store, held: Held, name: string): Promise<Played> {
  const said = (await store.reopen(held.id, holdEvent(name, 'hold.reopened')))?.state;
  if (held.state === 'releasing') return { said, expected: undefined };
  held.state = 'intended';
  return { said, expected: held.state };
}

async function playReclaim(store: Store, held: Held, run: string, name: string): Promise<Played> {
  const said = (await store.reclaim(held.id, holder(run), holdEvent(name, 'hold.taken-back')))?.holders;
  if (held.state !== 'releasing') return { said, expected: undefined };
  delete held.releasingFor;
  Object.assign(held, { state: 'intended', holders: [run] });
  return { said: said?.map((each) => each.run), expected: [run] };
}
