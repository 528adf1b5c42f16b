// What the watch does when its own work is cut short or limited: real Temporal, real store, AWS is the emulator behind the shim.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  ModifyInstanceAttributeCommand,
  ModifyNetworkInterfaceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, expect, test, vi } from 'vitest';
import { nextStep } from '../../cli/next-step.js';
import { containmentId } from '../../core/queues.js';
import type { RunView } from '../../core/run-view.js';
import { ec2Of, groupsOfInstances, interfacesOf, placeOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

let at: TestInstallation;
let ec2: EC2Client;
let host: string;
const hourMs = 60 * 60_000;

afterEach(async () => {
  vi.restoreAllMocks();
  ec2.destroy();
  await at.stop();
});

/** The first host is contained, and looked after each second. */
async function contained(settlesPerHour: number): Promise<string> {
  await start(settlesPerHour);
  return contain([host]);
}

async function start(settlesPerHour: number, watchEvery = '1s'): Promise<void> {
  at = await startInstallation({
    watchEvery,
    installation: (text) =>
      text.replace(/( +)every: \S+/, (line, indent: string) => `${line}\n${indent}settles_per_hour: ${settlesPerHour}`),
  });
  ec2 = ec2Of(at.world);
  [host = ''] = at.world.seeded.instances;
}

async function contain(instances: string[]): Promise<string> {
  const { run } = await at.launch('alice', { instances, reason: 'a reason long enough' });
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('done');
  return run;
}

/** Waits until a look has just ended: one that goes on while something is flipped would see only a part of it. */
async function betweenLooks(run: string): Promise<void> {
  const containment = at.client.workflow.getHandle(containmentId(run));
  const ended = async (): Promise<number> => {
    const last = (await containment.fetchHistory()).events?.at(-1);
    return last?.timerStartedEventAttributes ? Number(last.eventId) : 0;
  };
  const seen = await ended();
  await waitFor('a look to end', async () => ((await ended()) > seen ? true : undefined));
}

/** More interfaces of the first host, in the group that it had at first. */
async function attach(many: number): Promise<void> {
  const { subnet } = await placeOf(at.world, host);
  for (let device = 5; device < 5 + many; device += 1) {
    const { NetworkInterface } = await ec2.send(
      new CreateNetworkInterfaceCommand({ SubnetId: subnet, Groups: [at.world.seeded.group] }),
    );
    await ec2.send(
      new AttachNetworkInterfaceCommand({
        NetworkInterfaceId: NetworkInterface?.NetworkInterfaceId,
        InstanceId: host,
        DeviceIndex: device,
      }),
    );
  }
}

async function flipBack(eni: string): Promise<void> {
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
  );
}

test('a swap of its own that AWS cut short in the middle is finished at the next look, whatever the limit, and said', async () => {
  const run = await contained(1);
  const quarantined = await groupsOfInstances(at.world, [host]);
  const [eni = ''] = await interfacesOf(at.world, host);
  await at.stopWorkers();
  await flipBack(eni);
  // The first swap, into the short-lived group that is open to all, is made; the second one is throttled.
  at.world.aws.shim.faults.add({ action: 'ModifyNetworkInterfaceAttribute', kind: 'throttle', from: 2 });
  await at.startWorkers();
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.not-settled'), 60_000);
  const unknown = (await at.door.holds(run)).filter(({ state }) => state === 'intended');
  expect(unknown.map(({ target }) => target.id)).toEqual([eni]);
  at.world.aws.shim.faults.clear();
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.settled-again'), 60_000);
  expect(await groupsOfInstances(at.world, [host])).toEqual(quarantined);
  const failed = await at.events(run, 'containment.not-settled');
  expect(failed[0]?.data?.['error']).toMatchObject({ code: expect.stringMatching(/^aws\./) });
}, 180_000);

test('a release that is agreed to while such a swap is open finishes it first, and gives the originals back', async () => {
  const run = await contained(1);
  const [eni = ''] = await interfacesOf(at.world, host);
  await at.stopWorkers();
  await flipBack(eni);
  at.world.aws.shim.faults.add({ action: 'ModifyNetworkInterfaceAttribute', kind: 'throttle', from: 2 });
  await at.startWorkers();
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.not-settled'), 60_000);
  at.world.aws.shim.faults.clear();
  expect((await at.release(run)).state).toBe('done');
  expect(new Set((await groupsOfInstances(at.world, [host])).flat())).toEqual(new Set([at.world.seeded.group]));
  expect(await at.door.holds(run)).toEqual([]);
}, 180_000);

test('a release waits for a write of the watch that is under way, however old the hold it finishes and however slow AWS', async () => {
  const run = await contained(1);
  // Another containment in the same VPC keeps the quarantine group: a late write could still put the host back into it.
  const [, another = ''] = at.world.seeded.instances;
  const other = await at.launch('alice', { instances: [another], reason: 'a reason long enough' });
  await at.agree(other.run);
  expect((await at.ended(other.run, 60_000)).state).toBe('done');
  const [eni = ''] = await interfacesOf(at.world, host);
  const { faults } = at.world.aws.shim;
  await at.stopWorkers();
  await flipBack(eni);
  faults.add({ action: 'ModifyNetworkInterfaceAttribute', kind: 'throttle', from: 2 });
  await at.startWorkers();
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.not-settled'), 60_000);
  const release = await at.say('alice', { verb: 'release', of: run, reason: 'it was rebuilt' });
  await at.asking(release.run, 60_000);
  await at.say('bob', { verb: 'approve', run: release.run });
  faults.clear();
  // Together longer than a writer is believed that says nothing more.
  for (const action of ['ModifyNetworkInterfaceAttribute', 'DeleteSecurityGroup'])
    faults.add({ kind: 'latency', ms: 9_000, action, nth: 1 });
  while (faults.list()[0]?.hits === 0) await sleep(20);
  await at.say('carol', { verb: 'approve', run: release.run });
  expect((await at.ended(release.run, 90_000)).state).toBe('done');
  await waitFor('the slow call to land', async () =>
    at.world.aws.shim.calls.list().some(({ fault }) => fault === 'latency') ? true : undefined,
  );
  expect(new Set((await groupsOfInstances(at.world, [host])).flat())).toEqual(new Set([at.world.seeded.group]));
  expect(await at.door.holds(run)).toEqual([]);
}, 240_000);

test('a release of what was cut short before anything was changed leaves no group behind that is open to all', async () => {
  at = await startInstallation({ watchEvery: '1h' });
  ec2 = ec2Of(at.world);
  [host = ''] = at.world.seeded.instances;
  at.world.aws.shim.faults.add({ action: 'ModifyNetworkInterfaceAttribute', kind: 'throttle' });
  const { run } = await at.launch('alice', { instances: [host], reason: 'a reason long enough' });
  await at.agree(run);
  expect((await at.ended(run, 90_000)).state).toBe('failed');
  at.world.aws.shim.faults.clear();
  const open = async () =>
    ((await ec2.send(new DescribeSecurityGroupsCommand({}))).SecurityGroups ?? []).filter(({ GroupName }) =>
      GroupName?.startsWith('firebreak-all-access'),
    );
  expect(await open()).toHaveLength((await interfacesOf(at.world, host)).length);
  expect((await at.release(run)).state).toBe('done');
  expect(await open()).toEqual([]);
  expect(new Set((await groupsOfInstances(at.world, [host])).flat())).toEqual(new Set([at.world.seeded.group]));
}, 180_000);

test('a snapshot that AWS refuses is not unknown for ever: the end of the run says that nothing shows it', async () => {
  at = await startInstallation({ watchEvery: '1s' });
  ec2 = ec2Of(at.world);
  [host = ''] = at.world.seeded.instances;
  at.world.aws.shim.faults.add({
    kind: 'error',
    status: 403,
    code: 'UnauthorizedOperation',
    message: 'You are not authorized to perform this operation.',
    action: 'CreateSnapshots',
  });
  const { run } = await at.launch('alice', { instances: [host], reason: 'a reason long enough' });
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('failed');
  const held = await at.door.holds(run);
  expect(held.filter(({ aspect }) => aspect === 'snapshots')).toEqual([]);
  expect(held.filter(({ state }) => state !== 'in force')).toEqual([]);
  const closed = (await at.events(run, 'hold.closed')).filter(({ step }) => step === 'snapshot');
  expect(closed.map(({ outcome }) => outcome)).toEqual(['not shown']);
}, 120_000);

test('everything of three hosts flipped at once is put back in one look, what isolates them first', async () => {
  await start(1, '5s');
  const hosts = at.world.seeded.instances;
  const run = await contain(hosts);
  const quarantined = await groupsOfInstances(at.world, hosts);
  const interfaces = (await Promise.all(hosts.map((each) => interfacesOf(at.world, each)))).flat();
  await betweenLooks(run);
  await at.stopWorkers();
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: hosts }));
  for (const { InstanceId, BlockDeviceMappings = [] } of Reservations.flatMap(({ Instances = [] }) => Instances)) {
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
    const lost = BlockDeviceMappings.map(({ DeviceName }) => ({ DeviceName, Ebs: { DeleteOnTermination: true } }));
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, BlockDeviceMappings: lost }));
  }
  for (const eni of interfaces) await flipBack(eni);
  await at.startWorkers();
  const flipped = interfaces.length + 2 * hosts.length;
  await at.until(run, (view) => putBack(view) >= flipped, 60_000);
  expect(await groupsOfInstances(at.world, hosts)).toEqual(quarantined);
  const again = await at.events(run, 'containment.settled-again');
  expect(
    again
      .slice(0, interfaces.length)
      .map(({ target }) => target?.id ?? '')
      .toSorted(),
  ).toEqual(interfaces.toSorted());
  // The look's number ends each id: all of them came of one.
  expect(new Set(again.map(({ id }) => id.split('/').at(-1))).size).toBe(1);
  expect(await at.events(run, 'containment.limit-reached')).toEqual([]);
}, 180_000);

test('what is flipped too often is said not to be as held, and until when; others are put back meanwhile, and so is it after the hour', async () => {
  const run = await contained(1);
  const quarantined = await groupsOfInstances(at.world, [host]);
  const [first = '', second = ''] = await interfacesOf(at.world, host);
  await flipBack(first);
  await at.until(run, (view) => putBack(view) === 1, 60_000);
  await flipBack(first);
  await at.until(run, ({ watch }) => watch.some(({ limit }) => limit !== undefined), 60_000);
  await flipBack(second);
  await at.until(run, (view) => putBack(view) === 2, 60_000);
  const groups = (await groupsOfInstances(at.world, [host])).flat();
  expect(groups.filter((group) => group === at.world.seeded.group)).toHaveLength(1);

  const { view, holds } = (await at.door.view(run)) ?? {};
  if (view === undefined || holds === undefined) throw new Error('The run is there.');
  const changed = holds.filter(({ differsSince }) => differsSince !== undefined);
  expect(changed.map(({ target }) => target.id)).toEqual([first]);
  const until = view.watch.find(({ limit }) => limit !== undefined)?.limit?.until ?? '';
  const [putBackAt] = await at.events(run, 'hold.reopened');
  expect(Date.parse(until)).toBe(Date.parse(putBackAt?.recordedAt ?? '') + hourMs);
  expect(nextStep(view, holds)).toContain(`1 of ${holds.length} held changes are not as held`);
  expect(nextStep(view, holds)).toContain(`does so again after ${until}`);

  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + hourMs);
  await at.until(run, (later) => putBack(later) === 3, 60_000);
  expect(await groupsOfInstances(at.world, [host])).toEqual(quarantined);
  expect((await at.door.holds(run)).filter(({ differsSince }) => differsSince !== undefined)).toEqual([]);
}, 180_000);

test('what has reached its limit is put back at once when people contain it again, and is as held when somebody does it by hand', async () => {
  const run = await contained(0);
  const quarantined = await groupsOfInstances(at.world, [host]);
  const [first = '', second = ''] = await interfacesOf(at.world, host);
  for (const eni of [first, second]) await flipBack(eni);
  await at.until(run, ({ watch }) => watch.filter(({ limit }) => limit !== undefined).length >= 2, 60_000);
  const changed = async () => (await at.door.holds(run)).filter(({ differsSince }) => differsSince !== undefined);
  expect(await changed()).toHaveLength(2);
  const [[quarantine = ''] = []] = quarantined;
  await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: first, Groups: [quarantine] }));
  await waitFor('the first to be as held', async () => ((await changed()).length === 1 ? true : undefined));
  await contain([host]);
  expect(await groupsOfInstances(at.world, [host])).toEqual(quarantined);
  expect(await changed()).toEqual([]);
}, 180_000);

test('ten interfaces of a host flipped at once are all put back, whatever the limit for each', async () => {
  await start(1);
  await attach(10 - (await interfacesOf(at.world, host)).length);
  const run = await contain([host]);
  const quarantined = await groupsOfInstances(at.world, [host]);
  const interfaces = await interfacesOf(at.world, host);
  expect(interfaces).toHaveLength(10);
  await at.stopWorkers();
  for (const eni of interfaces) await flipBack(eni);
  await at.startWorkers();
  await at.until(run, (view) => putBack(view) === 10, 60_000);
  expect(await groupsOfInstances(at.world, [host])).toEqual(quarantined);
  expect(await at.events(run, 'containment.limit-reached')).toEqual([]);
}, 180_000);

test('however many new interfaces appear at once, each of them is contained, whatever the limit for what is flipped back', async () => {
  const run = await contained(2);
  await at.stopWorkers();
  await attach(3);
  await at.startWorkers();
  await at.until(run, (view) => putBack(view) === 3, 60_000);
  const groups = (await groupsOfInstances(at.world, [host])).flat();
  expect(groups.filter((group) => group === at.world.seeded.group)).toEqual([]);
  expect(await at.events(run, 'containment.limit-reached')).toEqual([]);
}, 180_000);

test('a host that somebody terminates is told of once, and keeps nobody from releasing the others', async () => {
  const run = await contained(6);
  const other = at.world.seeded.instances[1] ?? '';
  const second = await at.launch('alice', { instances: [other], reason: 'a reason long enough' });
  await at.agree(second.run);
  expect((await at.ended(second.run, 60_000)).state).toBe('done');
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: host, DisableApiTermination: { Value: false } }));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [host] }));
  await at.until(run, (view) => gone(view).length > 0, 60_000);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const pages = gone(await at.until(run, () => true)).map(({ text }) => text);
  expect(new Set(pages).size).toBe(pages.length);
  const released = await at.release(run);
  expect(released.state, JSON.stringify(released.steps)).toBe('done');
  expect(await at.door.holds(run)).toEqual([]);
  const closed = (await at.store.holds({ run, state: 'any' })).filter(({ outcome }) => outcome === 'gone');
  expect(closed.length).toBeGreaterThan(0);
  expect((await at.release(second.run)).state).toBe('done');
  expect(new Set((await groupsOfInstances(at.world, [other])).flat())).toEqual(new Set([at.world.seeded.group]));
}, 240_000);

/** How often something was put back, or contained since. */
function putBack({ watch }: RunView): number {
  return watch.filter(({ action }) => action === 'containment.settled-again').length;
}

function gone({ watch }: RunView): RunView['watch'] {
  return watch.filter(({ action, text }) => action === 'owner.paged' && text.includes('is not there any more'));
}
