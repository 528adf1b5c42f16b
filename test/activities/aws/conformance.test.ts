// What every unit promises, over the whole registry, against real AWS calls to the emulator behind the shim.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AwsWorld } from '../../../activities/aws/world.js';
import type { AnyAction, AnyUnit, Planned } from '../../../activities/define-action.js';
import { units, unitNamed } from '../../../activities/index.js';
import { changeKey } from '../../../core/change.js';
import type { Json } from '../../../core/json.js';
import { projectRoot } from '../../../worker/project.js';
import { aws, holdOf, mortal, startAwsSandbox, startTimeoutMs, worldOf } from '../../support/aws.js';
import { labOf } from '../../support/unit-lab.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => {
  aws().shim.faults.clear();
  aws().shim.calls.clear();
});
afterAll(() => aws().stop());

const awsUnits = units.filter(({ name }) => name.startsWith('aws.'));
const actions = awsUnits.filter((unit): unit is AnyAction => unit.kind === 'action');
const named = (list: AnyUnit[]) => list.map((unit) => [unit.name, unit] as const);

/** The calls since they were cleared, each once, as permissions spell them. */
function called(): string[] {
  const calls = aws().shim.calls.list();
  return [...new Set(calls.map(({ service, action }) => `${service}:${action}`))].toSorted();
}

function isReading(action: string): boolean {
  return /^(\w+:)?(Describe|Get|List)/.test(action);
}

interface Prepared {
  item: Json;
  change: Planned<Json>;
  before: Json;
}

async function prepare(unit: AnyAction, items: Json[]): Promise<Prepared[]> {
  const planned = await Promise.all(
    items.map(async (item) =>
      ((await unit.plan(item, worldOf())) as Planned<Json>[]).map((change) => ({ item, change })),
    ),
  );
  return Promise.all(
    planned.flat().map(async ({ item, change }) => {
      const { state: before } = await unit.read(change.target, undefined, worldOf());
      return { item, change, before };
    }),
  );
}

async function writeEach(
  unit: AnyAction,
  prepared: Prepared[],
  state: (of: Prepared) => Json,
  world: AwsWorld = worldOf(),
): Promise<void> {
  for (const each of prepared)
    await unit.write(each.change.target, state(each), holdOf(unit, each.change, each.before, each.item), world);
}

async function readEach(unit: AnyAction, prepared: Prepared[]): Promise<Json[]> {
  // Under the hold that the engine takes before it writes: only by that is what we made known for ours.
  return Promise.all(
    prepared.map(
      async ({ item, change, before }) =>
        (await unit.read(change.target, holdOf(unit, change, before, item), worldOf())).state,
    ),
  );
}

const after = ({ change }: Prepared) => change.after;

/** The premise of every test below. */
test('the registry has units, each once', () => {
  expect(actions.length).toBeGreaterThanOrEqual(4);
  expect(awsUnits.length).toBeGreaterThan(actions.length);
  expect(new Set(units.map(({ name }) => name)).size).toBe(units.length);
});

test('a unit is found by its name, and a slip is answered with the nearest', () => {
  for (const unit of units) expect(unitNamed(unit.name)).toBe(unit);
  expect(() => unitNamed('aws.isolate-instanse@1')).toThrow(
    expect.objectContaining({ code: 'unit.unknown', nextStep: expect.stringContaining('aws.isolate-instance@1') }),
  );
});

describe.each(named(awsUnits))('%s', (name, unit) => {
  test('is named after its file, which exports it', async () => {
    const file = name.replace(/^aws\./, '').replace(/@\d+$/, '');
    expect(name).toMatch(/^aws\.[a-z]+(-[a-z]+)+@\d+$/);
    expect(existsSync(join(projectRoot, `activities/aws/${file}.ts`))).toBe(true);
    const module = (await import(`../../../activities/aws/${file}.ts`)) as Record<string, unknown>;
    expect(Object.values(module)).toContain(unit);
  });

  test('says in one line what it does, and declares sorted permissions', () => {
    expect(unit.summary).toMatch(/^[A-Z].{20,119}\.$/);
    expect(unit.permissions.length).toBeGreaterThan(0);
    expect(unit.permissions).toEqual([...new Set(unit.permissions)].toSorted());
  });

  test('takes its documented example, and refuses a field that it does not know', () => {
    expect(unit.input.safeParse(unit.example).success).toBe(true);
    expect(unit.input.safeParse({ ...(unit.example as object), surprise: 1 }).success).toBe(false);
    const slips = Object.keys(unit.example as object).map((field) => ({
      ...(unit.example as object),
      [field]: 'web 1',
    }));
    for (const slip of slips) expect([slip, unit.input.safeParse(slip).success]).toEqual([slip, false]);
    expect(unit.input.safeParse({}).success).toBe(false);
  });
});

describe.each(named(awsUnits.filter(({ kind }) => kind === 'collector')))('%s', (_name, unit) => {
  test('reads only, and makes no call beyond its permissions', async () => {
    if (unit.kind !== 'collector') throw new Error('a collector was expected');
    const { items } = await labOf(unit);
    aws().shim.calls.clear();
    let pieces = 0;
    for (const item of items)
      for await (const { body } of unit.collect(item, worldOf())) pieces += body.byteLength > 0 ? 1 : 0;
    expect(pieces).toBeGreaterThan(0);
    expect(called().filter((action) => !isReading(action))).toEqual([]);
    expect(called()).toEqual(unit.permissions);
  });
});

describe.each(named(awsUnits.filter(({ kind }) => kind === 'check')))('%s', (_name, unit) => {
  test('finds what it says, reads only, and makes no call beyond its permissions', async () => {
    if (unit.kind !== 'check') throw new Error('a check was expected');
    const { items, unknown } = await labOf(unit);
    aws().shim.calls.clear();
    const found: unknown[] = (await Promise.all(items.map((item) => unit.check(item, worldOf())))).flat();
    expect(found.length).toBeGreaterThan(0);
    for (const each of found) expect(unit.finding.parse(each)).toEqual(each);
    expect(called().filter((action) => !isReading(action))).toEqual([]);
    expect(called()).toEqual(unit.permissions);
    for (const item of unknown) expect(await unit.check(item, worldOf())).toEqual([]);
  });
});

describe.each(named(actions) as (readonly [string, AnyAction])[])('%s', (_name, unit) => {
  test('plans at least one change, each of a side of its own, that parses as its state', async () => {
    const { items } = await labOf(unit);
    const prepared = await prepare(unit, items);
    expect(prepared.length).toBeGreaterThan(0);
    const keys = prepared.map(({ change: { target, aspect = unit.aspect } }) => changeKey({ target, aspect }));
    expect(new Set(keys).size).toBe(keys.length);
    for (const { change, before } of prepared) {
      expect(unit.state.parse(change.after)).toEqual(change.after);
      expect(unit.state.parse(before)).toEqual(before);
      expect(before).not.toEqual(change.after);
    }
  });

  test('plan and read change nothing', async () => {
    const { items, around } = await labOf(unit);
    const world = await around();
    aws().shim.calls.clear();
    await prepare(unit, items);
    expect(called().length).toBeGreaterThan(0);
    expect(called().filter((action) => !isReading(action))).toEqual([]);
    expect(await around()).toEqual(world);
  });

  test('what is written reads back as planned, and planning again finds nothing to do', async () => {
    const { items } = await labOf(unit);
    const prepared = await prepare(unit, items);
    await writeEach(unit, prepared, after);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(after));
    const again = await prepare(unit, items);
    const planned = ({ change }: Prepared) => [changeKey({ aspect: unit.aspect, ...change }), change.after];
    expect(again.map(planned)).toEqual(prepared.map(planned));
    expect(await readEach(unit, again)).toEqual(prepared.map(after));
  });

  test('writing twice leaves the same world as writing once', async () => {
    const { items, around } = await labOf(unit);
    const prepared = await prepare(unit, items);
    await writeEach(unit, prepared, after);
    const once = await around();
    await writeEach(unit, prepared, after);
    expect(await around()).toEqual(once);
  });

  test('makes no call beyond its permissions', async () => {
    const { items } = await labOf(unit);
    aws().shim.calls.clear();
    const prepared = await prepare(unit, items);
    await writeEach(unit, prepared, after);
    for (const { item, change } of prepared) await unit.probe?.(change.target, change.after, worldOf(), item);
    if (!unit.oneWay) await writeEach(unit, prepared, ({ before }) => before);
    expect(called().length).toBeGreaterThan(1);
    expect(called().filter((action) => !unit.permissions.includes(action))).toEqual([]);
  });

  // The process dies right after the kth call of its write took effect; another writes again.
  test('killed after any of its calls and written again, the world is as if it had not been', {
    timeout: 180_000,
  }, async () => {
    const clean = await labOf(unit);
    const planned = await prepare(unit, clean.items);
    aws().shim.calls.clear();
    await writeEach(unit, planned, after);
    const calls = aws()
      .shim.calls.list()
      .map(({ action }) => action);
    const expected = await clean.around();
    const changing = calls.flatMap((action, index) => (isReading(action) ? [] : [index + 1]));
    expect(changing.length).toBeGreaterThan(0);
    for (const k of changing) {
      const { items, around } = await labOf(unit);
      const prepared = await prepare(unit, items);
      aws().shim.faults.add({ kind: 'drop-after', action: '*', nth: k });
      aws().shim.faults.add({ kind: 'drop-before', action: '*', from: k + 1 });
      // The last call may be one whose loss the unit bears; every other loss must be an error.
      await writeEach(unit, prepared, after, mortal(worldOf())).then(
        () => expect.unreachable(`the write outlived the loss of call ${k}`),
        (error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/^aws\./), isTerminal: false }),
      );
      // Of calls made at once, another may have failed first; the kill itself must have happened all the same.
      await expect
        .poll(
          () =>
            aws()
              .shim.calls.list()
              .filter(({ fault }) => fault === 'drop-after').length,
        )
        .toBe(1);
      aws().shim.faults.clear();
      await writeEach(unit, prepared, after);
      expect(await around(), `killed after call ${k}, ${calls[k - 1]}`).toEqual(expected);
      aws().shim.calls.clear();
    }
  });

  test('throttled here and there, it comes through by itself', { timeout: 60_000 }, async () => {
    const { items } = await labOf(unit);
    const prepared = await prepare(unit, items);
    aws().shim.faults.add({ kind: 'throttle', action: '*', probability: 0.4, seed: 3, count: 3 });
    await writeEach(unit, prepared, after);
    expect(
      aws()
        .shim.calls.list()
        .filter(({ fault }) => fault === 'throttle').length,
    ).toBeGreaterThan(0);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(after));
  });

  test('what AWS does not know, as a whole or a part of it, is an error with a code', async () => {
    const { items, unknown, gone } = await labOf(unit);
    for (const item of unknown)
      await expect(unit.plan(item, worldOf())).rejects.toMatchObject({ code: 'aws.not-found', isTerminal: true });
    for (const { item, change } of await prepare(unit, items)) {
      // What is named by tag is not there until it is made; what is named by id must be.
      const target = gone(change.target);
      if (target === undefined) continue;
      await expect(unit.read(target, undefined, worldOf())).rejects.toMatchObject({ code: 'aws.not-found' });
      await expect(unit.write(target, change.after, holdOf(unit, change, null, item), worldOf())).rejects.toMatchObject(
        {
          code: 'aws.not-found',
        },
      );
    }
  });

  test('an answer that is an error page, or has lost its lists, never passes for an empty one', async () => {
    const [item] = (await labOf(unit)).items;
    aws().shim.faults.add({
      kind: 'answer',
      action: '*',
      status: 404,
      contentType: 'text/html',
      body: '<!doctype html><title>Not Found</title>',
    });
    await expect(unit.plan(item, worldOf())).rejects.toMatchObject({
      code: 'aws.answer-unreadable',
      isTerminal: true,
    });
    aws().shim.faults.clear();
    aws().shim.faults.add({
      kind: 'answer',
      action: '*',
      body: '<?xml version="1.0" encoding="utf-8"?>\n<Empty xmlns="http://ec2.amazonaws.com/doc/2016-11-15"/>',
    });
    await expect(unit.plan(item, worldOf())).rejects.toMatchObject({ code: 'aws.answer-unreadable' });
  });
});

const exchangeable = actions.filter(({ oneWay }) => !oneWay);

describe.each(named(exchangeable) as (readonly [string, AnyAction])[])('%s', (_name, unit) => {
  test('the exchange puts back what was there', async () => {
    const { items, around } = await labOf(unit);
    const original = await around();
    const prepared = await prepare(unit, items);
    await writeEach(unit, prepared, after);
    expect(await around()).not.toEqual(original);
    await writeEach(unit, prepared, ({ before }) => before);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(({ before }) => before));
    expect(await around()).toEqual(original);
  });
});
