// Real EC2 calls to the emulator behind the shim.
import {
  AssociateVpcCidrBlockCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  RevokeSecurityGroupEgressCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isolateInstance } from '../../../activities/aws/isolate-instance.js';
import { makeQuarantineGroup } from '../../../activities/aws/make-quarantine-group.js';
import { quarantineNames } from '../../../activities/aws/quarantine-group.js';
import {
  aws,
  groupsIn,
  groupsOf,
  holdOf,
  makeGroup,
  sshFromEverywhere,
  startAwsSandbox,
  startInstance,
  startTimeoutMs,
  worldOf,
  writeAll,
} from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

const sealed = { rules: [] };

async function lab(options: { interfaceCount?: number } = {}) {
  const started = await startInstance({ quarantined: false, ...options });
  const [planned] = await makeQuarantineGroup.plan({ instance: started.instance }, worldOf());
  if (planned === undefined) throw new Error('nothing was planned');
  const { target } = planned;
  const hold = holdOf(makeQuarantineGroup, planned, null);
  return {
    ...started,
    planned,
    read: () => makeQuarantineGroup.read(target, hold, worldOf()),
    readUnheld: () => makeQuarantineGroup.read(target, undefined, worldOf()),
    write: (state: { rules: string[] } | null) => makeQuarantineGroup.write(target, state, hold, worldOf()),
  };
}

async function quarantineIn(vpc: string) {
  return (await groupsIn(vpc)).filter(({ Tags }) => Tags?.some(({ Key }) => Key === 'firebreak:quarantine'));
}

test('one group is planned for each VPC, however many interfaces the instance has there', async () => {
  const { instance, vpc, planned } = await lab({ interfaceCount: 3 });
  expect(await makeQuarantineGroup.plan({ instance }, worldOf())).toHaveLength(1);
  expect(planned).toEqual({
    target: { system: 'aws', region: 'eu-west-1', type: 'security-group', id: `tag:firebreak:quarantine=${vpc}` },
    after: sealed,
  });
});

test('the group has no rule at all, not even the egress that EC2 gives every new group, and tells whose it is', async () => {
  const { vpc, read, write } = await lab();
  expect(await read()).toEqual({ state: null });
  const made = await write(sealed);
  const [group, ...more] = await quarantineIn(vpc);
  expect(more).toEqual([]);
  expect(group).toMatchObject({ IpPermissions: [], IpPermissionsEgress: [], GroupName: `firebreak-quarantine-${vpc}` });
  expect(made).toEqual({ group: group?.GroupId });
  expect(await read()).toEqual({ state: sealed, identity: { group: group?.GroupId } });
  const tags = Object.fromEntries((group?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
  expect(tags).toEqual({
    'firebreak:quarantine': vpc,
    'firebreak:incident': 'inc-0000000001',
    'firebreak:run': 'run-0000000001',
    'firebreak:step': 'test',
  });
});

test('in a VPC with IPv6 the default rule to ::/0 is taken away too', async () => {
  const { vpc, write } = await lab();
  await aws().ec2.send(new AssociateVpcCidrBlockCommand({ VpcId: vpc, AmazonProvidedIpv6CidrBlock: true }));
  const probe = await makeGroup(vpc, 'probe');
  const untouched = (await groupsIn(vpc)).find(({ GroupId }) => GroupId === probe);
  expect(untouched?.IpPermissionsEgress?.flatMap(({ Ipv6Ranges }) => Ipv6Ranges ?? [])).toHaveLength(1);
  await write(sealed);
  expect((await quarantineIn(vpc))[0]).toMatchObject({ IpPermissionsEgress: [] });
});

test('two who make the group at once get the one group', async () => {
  const { vpc, write } = await lab();
  const both = await Promise.all([write(sealed), write(sealed)]);
  expect(both[0]).toEqual(both[1]);
  expect(await quarantineIn(vpc)).toHaveLength(1);
});

test('rules that somebody added are shown, and taken away by the next write while nothing is in the group', async () => {
  const { vpc, read, write } = await lab();
  const made = (await write(sealed)) as { group: string };
  await openIn(made.group);
  await aws().ec2.send(
    new AuthorizeSecurityGroupEgressCommand({
      GroupId: made.group,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '10.0.0.0/8' }] }],
    }),
  );
  expect((await read()).state).toEqual({ rules: ['egress -1 all 10.0.0.0/8', 'ingress tcp 22-22 0.0.0.0/0'] });
  expect(await write(sealed)).toEqual(made);
  expect((await read()).state).toEqual(sealed);
  expect(await quarantineIn(vpc)).toHaveLength(1);
});

/** As an attacker may make one: the name and the tag that are looked for, but not what Firebreak sets in the creating call. */
async function decoyIn(vpc: string, name: string, rules: 'open' | 'sealed') {
  const id = await makeGroup(vpc, name, { 'firebreak:quarantine': vpc });
  if (rules === 'sealed') await seal(id);
  return id;
}

async function seal(group: string): Promise<void> {
  await aws().ec2.send(
    new RevokeSecurityGroupEgressCommand({
      GroupId: group,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
}

async function openIn(group: string): Promise<void> {
  await aws().ec2.send(
    new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [sshFromEverywhere] }),
  );
}

async function egressOf(vpc: string, group: string) {
  return (await groupsIn(vpc)).find(({ GroupId }) => GroupId === group)?.IpPermissionsEgress;
}

test('a group of our name without our tag is not ours: it is not touched, and another name is taken', async () => {
  const { vpc, read, write } = await lab();
  const foreign = await makeGroup(vpc, `firebreak-quarantine-${vpc}`);
  const made = (await write(sealed)) as { group: string };
  expect(made.group).not.toBe(foreign);
  expect(await egressOf(vpc, foreign)).toHaveLength(1);
  expect((await quarantineIn(vpc)).map(({ GroupName }) => GroupName)).toEqual([
    expect.stringMatching(new RegExp(`^firebreak-quarantine-${vpc}-[0-9a-f]{8}$`)),
  ]);
  expect(await read()).toEqual({ state: sealed, identity: made });
  expect(await write(sealed)).toEqual(made);
  await write(null);
  expect(await quarantineIn(vpc)).toEqual([]);
});

test('where every name is taken it ends in an error that says by whom, after a few tries', async () => {
  const { vpc, write } = await lab();
  for (const name of quarantineNames(vpc)) await makeGroup(vpc, name);
  await expect(write(sealed)).rejects.toMatchObject({ code: 'aws.group-name-taken', isTerminal: true });
});

test('an open group that carries the tag does not stop us, and is left alone', async () => {
  const { vpc, read, write } = await lab();
  const decoy = await decoyIn(vpc, 'decoy', 'open');
  expect(await read()).toEqual({ state: null });
  const made = (await write(sealed)) as { group: string };
  expect(made.group).not.toBe(decoy);
  expect(await read()).toEqual({ state: sealed, identity: made });
  expect(await egressOf(vpc, decoy)).toHaveLength(1);
  await write(null);
  expect((await quarantineIn(vpc)).map(({ GroupId }) => GroupId)).toEqual([decoy]);
});

test('a group with our name and tag, but without the marks of our making, is neither emptied nor trusted', async () => {
  const { vpc, read, write } = await lab();
  const forged = await decoyIn(vpc, `firebreak-quarantine-${vpc}`, 'open');
  const made = (await write(sealed)) as { group: string };
  expect(made.group).not.toBe(forged);
  expect(await egressOf(vpc, forged)).toHaveLength(1);
  expect(await read()).toEqual({ state: sealed, identity: made });
});

test("somebody else's sealed groups with the tag are not the one, held or not: ours is made beside them", async () => {
  const { vpc, read, readUnheld, write } = await lab();
  const decoys = [await decoyIn(vpc, 'one', 'sealed'), await decoyIn(vpc, 'two', 'sealed')];
  expect(await readUnheld()).toEqual({ state: null });
  expect(await read()).toEqual({ state: null });
  const made = (await write(sealed)) as { group: string };
  expect(decoys).not.toContain(made.group);
  expect(await read()).toEqual({ state: sealed, identity: made });
});

test('a sealed group with all our marks, which anybody can set, is never there already: it is taken over, so that it is held', async () => {
  const { vpc, read, readUnheld, write } = await lab();
  const marks = { 'firebreak:quarantine': vpc, 'firebreak:incident': 'inc-0000000009' };
  const forged = await makeGroup(vpc, `firebreak-quarantine-${vpc}`, marks);
  await seal(forged);
  expect(await readUnheld()).toEqual({ state: null });
  expect(await write(sealed)).toEqual({ group: forged });
  expect(await read()).toEqual({ state: sealed, identity: { group: forged } });
});

test('one that was opened while something is in it is left for another, because what EC2 tracks outlives its rules', async () => {
  const { instance, vpc, read, write } = await lab();
  const { group: opened } = (await write(sealed)) as { group: string };
  await writeAll(isolateInstance, { instance });
  await openIn(opened);
  const made = (await write(sealed)) as { group: string };
  expect(made.group).not.toBe(opened);
  expect(await read()).toEqual({ state: sealed, identity: made });
  expect((await groupsIn(vpc)).find(({ GroupId }) => GroupId === opened)?.IpPermissions).toHaveLength(1);
});

test('only when every name is used up is one that is in use closed again, and the outcome says what may live on', async () => {
  const { instance, vpc, read, write } = await lab();
  const { group: opened } = (await write(sealed)) as { group: string };
  await writeAll(isolateInstance, { instance });
  await openIn(opened);
  for (const name of quarantineNames(vpc).slice(1)) await makeGroup(vpc, name);
  expect(await write(sealed)).toEqual({
    group: opened,
    warning: expect.stringContaining('connections made meanwhile may live on'),
  });
  expect(await read()).toEqual({ state: sealed, identity: { group: opened } });
});

test("what is held is the group of our making: somebody else's sealed one neither hides its loss nor hinders release", async () => {
  const { vpc, planned, write } = await lab();
  const made = (await write(sealed)) as { group: string };
  await decoyIn(vpc, 'decoy', 'sealed');
  const held = holdOf(makeQuarantineGroup, planned, null);
  const readHeld = () => makeQuarantineGroup.read(planned.target, held, worldOf());
  expect(await readHeld()).toEqual({ state: sealed, identity: made });
  await write(null);
  expect(await readHeld()).toEqual({ state: null });
  expect(await quarantineIn(vpc)).toHaveLength(1);
});

test('the tag of another VPC on a group does not make it the quarantine group of this one', async () => {
  const { vpc, read } = await lab();
  await makeGroup(vpc, 'decoy', { 'firebreak:quarantine': 'vpc-0123' });
  expect(await read()).toEqual({ state: null });
});

test('release deletes the group, and doing so again finds nothing to do', async () => {
  const { vpc, read, write } = await lab();
  await write(sealed);
  await write(null);
  expect(await quarantineIn(vpc)).toEqual([]);
  expect(await read()).toEqual({ state: null });
  await write(null);
});

test('a group that an interface still holds is left, and the error says which', async () => {
  const { instance, interfaces, vpc, write } = await lab();
  const made = (await write(sealed)) as { group: string };
  await writeAll(isolateInstance, { instance });
  await expect(write(null)).rejects.toMatchObject({
    code: 'aws.group-in-use',
    message: expect.stringContaining(interfaces[0] ?? 'none'),
  });
  expect(await quarantineIn(vpc)).toHaveLength(1);
  expect(await groupsOf(instance)).toEqual([[made.group]]);
});

test('release never opens a quarantine group again, whatever rules it had before', async () => {
  const { write, read } = await lab();
  await write(sealed);
  await expect(write({ rules: ['ingress tcp 22-22 0.0.0.0/0'] })).rejects.toMatchObject({
    code: 'aws.would-open-quarantine',
  });
  expect((await read()).state).toEqual(sealed);
});

test('a target of another region is refused, because the same id there is another thing', async () => {
  const { planned } = await lab();
  const elsewhere = { ...planned.target, region: 'us-east-1' };
  await expect(makeQuarantineGroup.read(elsewhere, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.other-target',
  });
});
