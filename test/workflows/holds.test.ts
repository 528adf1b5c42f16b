// Holds over several runs, and what happens to the world meanwhile: real Temporal, real store, AWS is the emulator behind the shim.
import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ec2Of, groupsOfInstances, interfacesOf, placeOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let before: string[][];

beforeEach(() => open('1s'), 120_000);

afterEach(() => at.stop());

async function open(watchEvery: string): Promise<void> {
  at = await startInstallation({ watchEvery });
  before = await groupsOfInstances(at.world, at.world.seeded.instances);
}

async function contain({ instances = at.world.seeded.instances } = {}): Promise<{ run: string; incident: string }> {
  const launched = await at.launch('alice', { instances, reason: 'beacon to a known bad host' });
  await at.agree(launched.run);
  const view = await at.ended(launched.run, 60_000);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  return launched;
}

test('containing twice in one incident asks nobody the second time, joins what is held, and only the last release puts the groups back', async () => {
  const first = await contain();
  const second = await at.launch('alice', undefined, { incident: first.incident });
  expect(second.incident).toBe(first.incident);
  const joined = await at.ended(second.run, 60_000);
  expect(joined.state).toBe('done');
  expect(joined.asks).toEqual([]);
  const isolate = joined.steps.find(({ id }) => id === 'isolate');
  expect(isolate?.counts).toMatchObject({ applied: 0, already: 4 });
  expect((await at.events(second.run, 'hold.joined')).length).toBeGreaterThanOrEqual(4);
  const contained = await groupsOfInstances(at.world, at.world.seeded.instances);

  expect((await at.release(first.run)).state).toBe('done');
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(contained);
  expect((await at.door.holds(second.run)).filter(({ aspect }) => aspect === 'groups').length).toBe(4);

  expect((await at.release(second.run)).state).toBe('done');
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(before);
  expect(await at.door.holds(first.incident)).toEqual([]);
}, 180_000);

test('an interface attached while isolating is settled by the second look, inside the approved item', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const ec2 = ec2Of(at.world);
  const launched = await at.launch('alice', { instances: [instance], reason: 'attached meanwhile' });
  await at.asking(launched.run);
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  const SubnetId = Reservations[0]?.Instances?.[0]?.SubnetId;
  const { NetworkInterface } = await ec2.send(
    new CreateNetworkInterfaceCommand({ SubnetId, Groups: [at.world.seeded.group] }),
  );
  await ec2.send(
    new AttachNetworkInterfaceCommand({
      InstanceId: instance,
      NetworkInterfaceId: NetworkInterface?.NetworkInterfaceId,
      DeviceIndex: 2,
    }),
  );
  await at.agree(launched.run);
  const done = await at.ended(launched.run, 60_000);
  expect(done.state).toBe('done');
  expect(done.asks.length).toBe(1);
  expect(done.steps.find(({ id }) => id === 'isolate')?.counts).toMatchObject({ applied: 3, outside: 0 });
  const [groups = []] = await groupsOfInstances(at.world, [instance]);
  expect(groups.length).toBe(3);
  expect(new Set(groups).size).toBe(1);
  ec2.destroy();
}, 120_000);

test('a terminated host fails, the others are contained, and the run ends failed', async () => {
  const [gone = '', ...others] = at.world.seeded.instances;
  const ec2 = ec2Of(at.world);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
  const launched = await at.launch();
  await at.agree(launched.run);
  const ended = await at.ended(launched.run, 60_000);
  expect(ended.state).toBe('failed');
  const isolate = ended.steps.find(({ id }) => id === 'isolate');
  expect(isolate).toMatchObject({ state: 'partial', counts: { applied: 2, failed: 1 } });
  expect(isolate?.exceptions[0]).toMatchObject({ code: 'aws.instance-terminated' });
  const groups = (await groupsOfInstances(at.world, others)).flat();
  expect(new Set(groups).size).toBe(1);
  expect(groups).not.toContain(at.world.seeded.group);
  ec2.destroy();
}, 120_000);

test("a colleague's groups are kept at release, said so, and the others get theirs back", async () => {
  // The watch must not see what the colleague does before the release does: it would put the quarantine back.
  await at.stop();
  await open('1h');
  const { incident } = await contain();
  const ec2 = ec2Of(at.world);
  const [first = ''] = at.world.seeded.instances;
  const [eni = ''] = await interfacesOf(at.world, first);
  // Agreed to before the colleague acts: stopped workers see nothing.
  const { run } = await at.say('alice', { verb: 'release', of: incident, reason: 'hosts were rebuilt' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.stopWorkers();
  const group = await ec2.send(
    new CreateSecurityGroupCommand({
      GroupName: 'colleague',
      Description: 'by hand',
      VpcId: (await placeOf(at.world, first)).vpc,
    }),
  );
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [group.GroupId ?? ''] }),
  );
  const approval = at.say('carol', { verb: 'approve', run });
  await at.startWorkers();
  await approval;
  const ended = await at.ended(run, 60_000);
  expect(ended.state).toBe('failed');
  expect(ended.steps[0]?.exceptions.some(({ code }) => code === 'release.kept-as-found')).toBe(true);
  const after = (await groupsOfInstances(at.world, at.world.seeded.instances)).flat();
  expect(after.filter((each) => each === group.GroupId).length).toBe(1);
  expect(after.filter((each) => each === at.world.seeded.group).length).toBe(3);
  ec2.destroy();
}, 120_000);

test('a quarantine flipped back is seen, told to the owner and settled again, with a limit an hour', async () => {
  const { run } = await contain();
  const ec2 = ec2Of(at.world);
  const [first = ''] = at.world.seeded.instances;
  const contained = await groupsOfInstances(at.world, at.world.seeded.instances);
  const [eni = ''] = await interfacesOf(at.world, first);
  const limit = 6;
  for (let flips = 1; flips <= limit; flips += 1) {
    await ec2.send(
      new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
    );
    await at.until(
      run,
      ({ watch }) => watch.filter(({ action }) => action === 'containment.settled-again').length >= flips,
      20_000,
    );
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(contained);
  }
  expect((await at.events(run, 'owner.paged')).length).toBeGreaterThanOrEqual(limit);
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
  );
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.limit-reached'), 20_000);
  expect((await at.events(run, 'containment.settled-again')).length).toBe(limit);
  ec2.destroy();
}, 180_000);

test('a quarantine group that could not be given back does not keep the next incident from using it', async () => {
  const [first = '', second = ''] = at.world.seeded.instances;
  const { run, incident } = await contain({ instances: [first] });
  const [quarantine = ''] = (await groupsOfInstances(at.world, [first])).flat();
  const ec2 = ec2Of(at.world);
  const { subnet } = await placeOf(at.world, first);
  // Somebody else's interface uses the group, so that AWS does not delete it.
  await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: subnet, Groups: [quarantine] }));
  ec2.destroy();
  expect((await at.release(incident)).state).toBe('failed');
  expect((await at.door.holds(incident)).map(({ aspect, state }) => [aspect, state])).toEqual([['rules', 'releasing']]);
  const next = await contain({ instances: [second] });
  expect((await groupsOfInstances(at.world, [second])).flat().every((group) => group === quarantine)).toBe(true);
  expect((await at.events(next.run, 'hold.taken-back')).length).toBe(1);
  const held = await at.door.holds(next.run);
  expect(held.find(({ aspect }) => aspect === 'rules')).toMatchObject({ state: 'in force' });
  expect(await at.door.holds(run)).toEqual([]);
}, 180_000);
