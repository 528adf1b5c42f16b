// Real Temporal, real store, EC2 calls to the emulator behind the shim: SDK, wire format and state are real.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askCard } from '../../gateway/slack/ask-card.js';
import { groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation();
}, 120_000);

afterAll(() => at.stop());

test('three hosts are contained once two others agree, stay so after the run, and get their groups back on release', async () => {
  const before = await groupsOfInstances(at.world, at.world.seeded.instances);
  const { run, incident } = await at.launch('alice');
  const asking = await at.asking(run);
  expect(asking.asks[0]?.plans.map(({ step }) => step).toSorted()).toEqual([
    'isolate',
    'protect',
    'quarantine',
    'snapshot',
  ]);

  // Whoever agrees sees every host that it is about, in Slack and in a terminal.
  const [ask] = asking.asks;
  if (ask === undefined) throw new Error('nothing asks');
  const card = JSON.stringify(askCard(asking, ask, await at.door.plan(run, ask.id)).blocks);
  const { shows } = await at.door.prepare({ verb: 'approve', run }, 'bob');
  for (const instance of at.world.seeded.instances) {
    expect(card).toContain(`\`${instance}\``);
    expect(shows.find((line) => line.startsWith('  on aws '))).toContain(instance);
  }

  await expect(at.say('alice', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.requester-excluded' });
  await at.say('bob', { verb: 'approve', run });
  expect((await at.until(run, () => true)).state).toBe('asking');
  await at.say('carol', { verb: 'approve', run });

  const done = await at.ended(run, 60_000);
  expect(done.state, JSON.stringify(done.steps, undefined, 1)).toBe('done');
  const contained = await groupsOfInstances(at.world, at.world.seeded.instances);
  const quarantine = contained.flat()[0];
  expect(contained.flat().length).toBe(4);
  expect(new Set(contained.flat())).toEqual(new Set([quarantine]));
  expect(before.flat()).not.toContain(quarantine);

  const held = await at.door.holds(incident);
  expect(held.filter(({ aspect, state }) => aspect === 'groups' && state === 'in force').length).toBe(4);

  const released = await at.release(incident);
  expect(released.state, JSON.stringify(released.steps, undefined, 1)).toBe('done');
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(before);
  expect(await at.door.holds(incident)).toEqual([]);
}, 180_000);
