// What a containment's watch must survive, and what it must leave alone: real Temporal, real store, AWS is the emulator behind the shim.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateNetworkInterfaceCommand,
  DescribeNetworkInterfacesCommand,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunView } from '../../core/run-view.js';
import { ec2Of, groupsOfInstances, interfacesOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let before: string[][];
let hosts: string[];

beforeEach(async () => {
  at = await startInstallation({ watchEvery: '1s' });
  hosts = at.world.seeded.instances.slice(0, 1);
  before = await groupsOfInstances(at.world, hosts);
}, 120_000);

afterEach(() => at.stop());

async function contain(): Promise<string> {
  const { run } = await at.launch('alice', { instances: hosts, reason: 'a reason long enough' });
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('done');
  return run;
}

function told({ watch }: RunView): boolean {
  return watch.some(
    ({ action, text }) => action === 'owner.paged' && text.includes('could not be looked at, and will be'),
  );
}

test('a system that does not answer for a while does not end the watch: the owner is told, and what differs later is put back', async () => {
  const run = await contain();
  const contained = await groupsOfInstances(at.world, hosts);
  at.world.aws.shim.faults.add({ action: 'DescribeInstances', kind: 'error', count: 10_000 });
  await at.until(run, told, 30_000);
  at.world.aws.shim.faults.clear();
  const [eni = ''] = await interfacesOf(at.world, hosts[0] ?? '');
  const ec2 = ec2Of(at.world);
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
  );
  ec2.destroy();
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.settled-again'), 30_000);
  expect(await groupsOfInstances(at.world, hosts)).toEqual(contained);
}, 180_000);

test('what two people agreed to release is not contained again because something else of the run could not be released', async () => {
  const run = await contain();
  const quarantine = (await groupsOfInstances(at.world, hosts))[0]?.[0] ?? '';
  // Somebody else's interface uses the quarantine group, so that the group cannot go.
  const ec2 = ec2Of(at.world);
  const [eni = ''] = await interfacesOf(at.world, hosts[0] ?? '');
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [eni] }),
  );
  await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: NetworkInterfaces[0]?.SubnetId, Groups: [quarantine] }));
  ec2.destroy();
  const { run: releasing } = await at.say('alice', { verb: 'release', of: run, reason: 'hosts were rebuilt' });
  await at.agree(releasing);
  expect((await at.ended(releasing, 60_000)).state).toBe('failed');
  expect((await at.door.holds(run)).map(({ aspect, state }) => ({ aspect, state }))).toEqual([
    { aspect: 'rules', state: 'releasing' },
  ]);
  expect(await groupsOfInstances(at.world, hosts)).toEqual(before);
  // Several looks of the watch, which goes on for what is still held.
  await sleep(5_000);
  expect(await groupsOfInstances(at.world, hosts)).toEqual(before);
}, 180_000);
