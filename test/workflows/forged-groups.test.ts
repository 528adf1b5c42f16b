// Groups that an attacker made, tagged or opened so that isolation would use them: real Temporal, real store, the emulator's AWS.
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  RevokeSecurityGroupEgressCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ec2Of, groupsOfInstances, interfacesOf, placeOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const everywhere = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

let at: TestInstallation;
let ec2: EC2Client;
let host: string;
let vpc: string;
let before: string[];

beforeEach(async () => {
  at = await startInstallation({ watchEvery: '1s' });
  ec2 = ec2Of(at.world);
  host = at.world.seeded.instances[0] ?? '';
  ({ vpc } = await placeOf(at.world, host));
  before = await groups();
}, 120_000);

afterEach(async () => {
  ec2.destroy();
  await at.stop();
});

/** Of the host's interfaces. */
async function groups(): Promise<string[]> {
  return (await groupsOfInstances(at.world, [host])).flat();
}

async function contain(): Promise<string> {
  const { run } = await at.launch('alice', { instances: [host], reason: 'beacon to a known bad host' });
  await at.agree(run);
  const view = await at.ended(run, 60_000);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  return run;
}

async function make(name: string, tags: Record<string, string> = {}): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = Tags.length === 0 ? [] : [{ ResourceType: 'security-group' as const, Tags }];
  const made = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: name, VpcId: vpc, TagSpecifications }),
  );
  return made.GroupId ?? '';
}

/** Makes a group of these tags with no rule at all. */
async function makeSealed(name: string, tags: Record<string, string>): Promise<string> {
  const group = await make(name, tags);
  await ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [everywhere] }));
  return group;
}

async function open(group: string): Promise<void> {
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [everywhere] }));
}

async function rulesOf(group: string): Promise<number> {
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [group] }));
  return SecurityGroups.flatMap(({ IpPermissions = [], IpPermissionsEgress = [] }) => [
    ...IpPermissions,
    ...IpPermissionsEgress,
  ]).length;
}

/** The one group that all interfaces of the host hold, once it is none of these. */
async function movedTo(...not: string[]): Promise<string> {
  await expect
    .poll(async () => (await groups()).some((group) => not.includes(group)), { timeout: 20_000, interval: 250 })
    .toBe(false);
  const [group = '', ...others] = [...new Set(await groups())];
  expect(others).toEqual([]);
  return group;
}

test('a sealed group that somebody else gave our tag is not used, so that opening it later opens no host', async () => {
  const decoy = await makeSealed('totally-fine', { 'firebreak:quarantine': vpc });
  const run = await contain();
  const held = await at.door.holds(run);
  expect(held.filter(({ aspect }) => aspect === 'rules')).toMatchObject([{ state: 'in force' }]);
  const used = [...new Set(await groups())];
  expect(used).toHaveLength(1);
  expect(used).not.toContain(decoy);
  await open(decoy);
  expect(await rulesOf(used[0] ?? '')).toBe(0);
}, 120_000);

test.each(['ours', 'one with all our marks, made by somebody else'])(
  'the quarantine group is opened while in force (%s): the hosts in it are moved to a fresh one, and release gives their groups back',
  async (whose) => {
    if (whose !== 'ours') {
      const marks = { 'firebreak:quarantine': vpc, 'firebreak:incident': 'inc-0000000009' };
      await makeSealed(`firebreak-quarantine-${vpc}`, marks);
    }
    const run = await contain();
    const [first = ''] = await groups();
    await open(first);
    const second = await movedTo(first);
    expect(await rulesOf(second)).toBe(0);
    expect(await rulesOf(first)).toBe(1);
    await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'containment.settled-again'), 20_000);
    expect((await at.events(run, 'owner.paged')).length).toBeGreaterThan(0);

    await open(second);
    // The first is empty by now, so nothing can be tracked through it: it may serve again, without its rules.
    const third = await movedTo(second);
    expect(await rulesOf(third)).toBe(0);

    expect((await at.release(run)).state).toBe('done');
    expect(await groups()).toEqual(before);
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'tag-key', Values: ['firebreak:quarantine'] }] }),
    );
    expect(SecurityGroups).toEqual([]);
  },
  180_000,
);

test('names of all-access groups taken beforehand do not keep a host from isolation', async () => {
  const taken = [];
  for (const id of await interfacesOf(at.world, host)) taken.push(await make(`firebreak-all-access-${id}`));
  expect(taken.length).toBeGreaterThan(0);
  await contain();
  const used = [...new Set(await groups())];
  expect(used).toHaveLength(1);
  expect(before).not.toContain(used[0]);
  for (const group of taken) expect(await rulesOf(group)).toBe(1);
}, 120_000);
