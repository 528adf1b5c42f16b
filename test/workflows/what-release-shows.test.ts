// What people see before they lift a containment that somebody else had a hand in: real Temporal, AWS is the emulator behind the shim.
import {
  CreateSecurityGroupCommand,
  type EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askCard } from '../../gateway/slack/ask-card.js';
import { ec2Of, interfacesOf, placeOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let ec2: EC2Client;

beforeAll(async () => {
  at = await startInstallation({ watchEvery: '1h' });
  ec2 = ec2Of(at.world);
}, 120_000);

afterAll(async () => {
  ec2.destroy();
  await at.stop();
});

const setGroup = (id: string, group: string) =>
  ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: id, Groups: [group] }));

test('release shows first which groups nobody approved, and which interfaces are not in quarantine any more', async () => {
  const [tampered = '', freed = ''] = at.world.seeded.instances;
  const original = at.world.seeded.group;
  const [before = ''] = await interfacesOf(at.world, tampered);
  const [since = ''] = await interfacesOf(at.world, freed);
  const { vpc } = await placeOf(at.world, tampered);
  const { GroupId: backdoor = '' } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: 'backdoor', Description: 'not ours', VpcId: vpc }),
  );
  const { run } = await at.launch('alice', { instances: [tampered, freed], reason: 'beacons to a known address' });
  await at.asking(run);
  await setGroup(before, backdoor); // Between the plan and the first write.
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('done');
  await setGroup(since, original); // While nobody looks.

  const release = await at.say('alice', { verb: 'release', of: run, reason: 'both hosts were rebuilt' });
  const planned = `${before} (instance ${tampered}) groups:`;
  expect(release.prepared.shows[2]).toContain(planned);
  expect(release.prepared.shows[2]).toMatch(new RegExp(`${backdoor}.*; the approved plan saw: .*${original}`));

  const view = await at.asking(release.run, 60_000);
  const [ask] = view.asks;
  if (ask === undefined) throw new Error('nothing asks');
  const plan = await at.door.plan(release.run, ask.id);
  const card = JSON.stringify(askCard(view, ask, plan).blocks);
  expect(card).toContain(`*the approved plan saw:* \`${original}\``);
  expect(card).toContain(`*found now:* \`${original}\``);
  expect(card).toContain('*Look closely: 2 of ');
  const { shows } = await at.door.prepare({ verb: 'approve', run: release.run }, 'bob');
  const changes = shows.filter((line) => line.includes(' → '));
  expect(changes.slice(0, 2).every((line) => /found now|the approved plan saw/.test(line))).toBe(true);
  expect(changes.slice(2).some((line) => /found now|the approved plan saw/.test(line))).toBe(false);
}, 180_000);
