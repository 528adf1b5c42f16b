// What every unit promises, over the whole registry, against real EC2 calls to the emulator behind the shim.
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
} from '@aws-sdk/client-ec2';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AwsWorld } from '../../../activities/aws/world.js';
import type { AnyAction, AnyUnit, Planned } from '../../../activities/define-action.js';
import { units, unitNamed } from '../../../activities/index.js';
import { changeKey } from '../../../core/change.js';
import type { Json } from '../../../core/json.js';
import { projectRoot } from '../../../worker/project.js';
import {
  aws,
  groupsIn,
  groupsOf,
  holdOf,
  mortal,
  startAwsSandbox,
  startInstance,
  type StartedInstance,
  startTimeoutMs,
  worldOf,
} from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => {
  aws().shim.faults.clear();
  aws().shim.calls.clear();
});
afterAll(() => aws().stop());

const awsUnits = units.filter(({ name }) => name.startsWith('aws.'));
const actions = awsUnits.filter((unit): unit is AnyAction => unit.kind === 'action');
const named = (list: AnyUnit[]) => list.map((unit) => [unit.name, unit] as const);

/** An instance with two interfaces and two volumes; its VPC has a quarantine group unless the unit is what makes it. */
function lab(unit: AnyUnit): Promise<StartedInstance> {
  return startInstance({ interfaceCount: 2, volumeCount: 2, quarantined: unit.name !== 'aws.make-quarantine-group@1' });
}

/** Everything that units of this registry could have changed, without what is random. */
async function worldAround({ instance, vpc, volumes }: StartedInstance): Promise<Json> {
  const { ec2 } = aws();
  const groups = await groupsIn(vpc);
  const nameOf = (id: string) => groups.find(({ GroupId }) => GroupId === id)?.GroupName?.replace(vpc, 'VPC') ?? id;
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  const protection = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: 'disableApiTermination' }),
  );
  const { Snapshots = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ Filters: [{ Name: 'volume-id', Values: volumes }] }),
  );
  return {
    groups: groups.map(({ GroupId = '', IpPermissions = [], IpPermissionsEgress = [] }) => [
      nameOf(GroupId),
      IpPermissions.length,
      IpPermissionsEgress.length,
    ]),
    interfaces: (await groupsOf(instance)).map((held) => held.map(nameOf).toSorted()),
    snapshots: volumes.map((volume) => Snapshots.filter(({ VolumeId }) => VolumeId === volume).length),
    kept: (Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings ?? []).map(
      ({ Ebs }) => Ebs?.DeleteOnTermination ?? null,
    ),
    protected: protection.DisableApiTermination?.Value ?? null,
  };
}

interface Prepared {
  change: Planned<Json>;
  before: Json;
}

async function prepare(unit: AnyAction, instance: string): Promise<Prepared[]> {
  const planned: Planned<Json>[] = await unit.plan({ instance }, worldOf());
  return Promise.all(
    planned.map(async (change) => ({ change, before: (await unit.read(change.target, undefined, worldOf())).state })),
  );
}

async function writeEach(
  unit: AnyAction,
  prepared: Prepared[],
  state: (of: Prepared) => Json,
  world: AwsWorld = worldOf(),
): Promise<void> {
  for (const each of prepared)
    await unit.write(each.change.target, state(each), holdOf(unit, each.change, each.before), world);
}

async function readEach(unit: AnyAction, prepared: Prepared[]): Promise<Json[]> {
  return Promise.all(prepared.map(async ({ change }) => (await unit.read(change.target, undefined, worldOf())).state));
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
    expect(unit.input.safeParse({ instance: 'web-1' }).success).toBe(false);
    expect(unit.input.safeParse({}).success).toBe(false);
  });
});

describe.each(named(awsUnits.filter(({ kind }) => kind === 'collector')))('%s', (_name, unit) => {
  test('reads only, and makes no call beyond its permissions', async () => {
    if (unit.kind !== 'collector') throw new Error('a collector was expected');
    const { instance } = await lab(unit);
    aws().shim.calls.clear();
    let pieces = 0;
    for await (const { body } of unit.collect({ instance }, worldOf())) pieces += body.byteLength > 0 ? 1 : 0;
    expect(pieces).toBeGreaterThan(0);
    const called = Object.keys(aws().shim.calls.counts());
    expect(called.filter((action) => !/^(Describe|Get)/.test(action))).toEqual([]);
    expect(called.map((action) => `ec2:${action}`).toSorted()).toEqual(unit.permissions);
  });
});

describe.each(named(actions) as (readonly [string, AnyAction])[])('%s', (_name, unit) => {
  test('plans at least one change, each of a side of its own, that parses as its state', async () => {
    const { instance } = await lab(unit);
    const prepared = await prepare(unit, instance);
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
    const started = await lab(unit);
    const world = await worldAround(started);
    aws().shim.calls.clear();
    await prepare(unit, started.instance);
    const called = Object.keys(aws().shim.calls.counts());
    expect(called.length).toBeGreaterThan(0);
    expect(called.filter((action) => !/^(Describe|Get)/.test(action))).toEqual([]);
    expect(await worldAround(started)).toEqual(world);
  });

  test('what is written reads back as planned, and planning again finds nothing to do', async () => {
    const { instance } = await lab(unit);
    const prepared = await prepare(unit, instance);
    await writeEach(unit, prepared, after);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(after));
    expect((await prepare(unit, instance)).map(({ before, change }) => [before, change.after])).toEqual(
      prepared.map((each) => [after(each), after(each)]),
    );
  });

  test('writing twice leaves the same world as writing once', async () => {
    const started = await lab(unit);
    const prepared = await prepare(unit, started.instance);
    await writeEach(unit, prepared, after);
    const once = await worldAround(started);
    await writeEach(unit, prepared, after);
    expect(await worldAround(started)).toEqual(once);
  });

  test('makes no call beyond its permissions', async () => {
    const { instance } = await lab(unit);
    aws().shim.calls.clear();
    const prepared = await prepare(unit, instance);
    await writeEach(unit, prepared, after);
    for (const { change } of prepared) await unit.probe?.(change.target, change.after, worldOf());
    if (!unit.oneWay) await writeEach(unit, prepared, ({ before }) => before);
    const called = Object.keys(aws().shim.calls.counts()).map((action) => `ec2:${action}`);
    expect(called.length).toBeGreaterThan(1);
    expect(called.filter((action) => !unit.permissions.includes(action))).toEqual([]);
  });

  // The process dies right after the kth call of its write took effect; another writes again.
  test('killed after any of its calls and written again, the world is as if it had not been', {
    timeout: 180_000,
  }, async () => {
    const clean = await lab(unit);
    const planned = await prepare(unit, clean.instance);
    aws().shim.calls.clear();
    await writeEach(unit, planned, after);
    const calls = aws()
      .shim.calls.list()
      .map(({ action }) => action);
    const expected = await worldAround(clean);
    const changing = calls.flatMap((action, index) => (/^(Describe|Get)/.test(action) ? [] : [index + 1]));
    expect(changing.length).toBeGreaterThan(0);
    for (const k of changing) {
      const started = await lab(unit);
      const prepared = await prepare(unit, started.instance);
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
      expect(await worldAround(started), `killed after call ${k}, ${calls[k - 1]}`).toEqual(expected);
      aws().shim.calls.clear();
    }
  });

  test('throttled here and there, it comes through by itself', { timeout: 60_000 }, async () => {
    const started = await lab(unit);
    const prepared = await prepare(unit, started.instance);
    aws().shim.faults.add({ kind: 'throttle', action: '*', probability: 0.4, seed: 3, count: 3 });
    await writeEach(unit, prepared, after);
    expect(
      aws()
        .shim.calls.list()
        .filter(({ fault }) => fault === 'throttle').length,
    ).toBeGreaterThan(0);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(after));
  });

  test('an instance or a part that AWS does not know is an error with a code', async () => {
    await expect(unit.plan({ instance: 'i-0123456789abcdef0' }, worldOf())).rejects.toMatchObject({
      code: 'aws.not-found',
      isTerminal: true,
    });
    const { instance } = await lab(unit);
    const prepared = await prepare(unit, instance);
    for (const { change } of prepared) {
      // What is named by tag is not there until it is made; what is named by id must be.
      if (change.target.id.startsWith('tag:')) continue;
      const gone = { ...change.target, id: change.target.id.replace(/-[0-9a-f]+/, '-0123456789abcdef0') };
      await expect(unit.read(gone, undefined, worldOf())).rejects.toMatchObject({ code: 'aws.not-found' });
      await expect(unit.write(gone, change.after, holdOf(unit, change, null), worldOf())).rejects.toMatchObject({
        code: 'aws.not-found',
      });
    }
  });

  test('an answer that is an error page, or has lost its lists, never passes for an empty one', async () => {
    const { instance } = await lab(unit);
    aws().shim.faults.add({
      kind: 'answer',
      action: '*',
      status: 404,
      contentType: 'text/html',
      body: '<!doctype html><title>Not Found</title>',
    });
    await expect(unit.plan({ instance }, worldOf())).rejects.toMatchObject({
      code: 'aws.answer-unreadable',
      isTerminal: true,
    });
    aws().shim.faults.clear();
    aws().shim.faults.add({
      kind: 'answer',
      action: '*',
      body: '<?xml version="1.0" encoding="utf-8"?>\n<Empty xmlns="http://ec2.amazonaws.com/doc/2016-11-15"/>',
    });
    await expect(unit.plan({ instance }, worldOf())).rejects.toMatchObject({ code: 'aws.answer-unreadable' });
  });
});

const exchangeable = actions.filter(({ oneWay }) => !oneWay);

describe.each(named(exchangeable) as (readonly [string, AnyAction])[])('%s', (_name, unit) => {
  test('the exchange puts back what was there', async () => {
    const started = await lab(unit);
    const original = await worldAround(started);
    const prepared = await prepare(unit, started.instance);
    await writeEach(unit, prepared, after);
    expect(await worldAround(started)).not.toEqual(original);
    await writeEach(unit, prepared, ({ before }) => before);
    expect(await readEach(unit, prepared)).toEqual(prepared.map(({ before }) => before));
    expect(await worldAround(started)).toEqual(original);
  });
});
