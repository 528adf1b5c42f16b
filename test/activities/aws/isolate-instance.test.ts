// Real EC2 calls to the emulator behind the shim: SDK, wire format and state are real.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  RevokeSecurityGroupEgressCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isolateInstance } from '../../../activities/aws/isolate-instance.js';
import { quarantineTarget } from '../../../activities/aws/quarantine-group.js';
import { changeKey } from '../../../core/change.js';
import {
  attachInterface,
  aws,
  groupsIn,
  groupsOf,
  holdOf,
  makeGroup,
  mortal,
  setGroups,
  startAwsSandbox,
  startInstance,
  startTimeoutMs,
  worldOf,
  writeAll,
} from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

const isolated = { groups: ['tag:firebreak:quarantine'] };

async function planOf(instance: string) {
  return isolateInstance.plan({ instance }, worldOf());
}

async function firstOf(instance: string) {
  const [planned] = await planOf(instance);
  if (planned === undefined) throw new Error('nothing was planned');
  const { state: before } = await isolateInstance.read(planned.target, undefined, worldOf());
  return { target: planned.target, hold: holdOf(isolateInstance, planned, before), before };
}

test('every interface of an isolated instance holds the quarantine group and no other', async () => {
  const { instance, quarantine } = await startInstance({ interfaceCount: 3 });
  await writeAll(isolateInstance, { instance });
  expect(await groupsOf(instance)).toEqual([[quarantine], [quarantine], [quarantine]]);
});

test('each interface is planned on its own, after the quarantine group of its VPC', async () => {
  const { instance, interfaces, vpc } = await startInstance({ interfaceCount: 2 });
  const planned = await planOf(instance);
  expect(planned.map(({ target }) => target.id).toSorted()).toEqual(interfaces.toSorted());
  const needed = changeKey({ target: quarantineTarget(worldOf(), vpc), aspect: 'rules' });
  expect(planned.map(({ after, dependsOn }) => ({ after, dependsOn }))).toEqual([
    { after: isolated, dependsOn: [needed] },
    { after: isolated, dependsOn: [needed] },
  ]);
});

test('an interface goes through all-access to quarantine, so that tracked connections die, and nothing open is left', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.calls.clear();
  await isolateInstance.write(target, isolated, hold, worldOf());
  const calls = aws().shim.calls.list();
  const swaps = calls.filter(({ action }) => action === 'ModifyNetworkInterfaceAttribute');
  expect(swaps).toHaveLength(2);
  expect(swaps[1]?.params['SecurityGroupId.1']).toBe(quarantine);
  const opened = calls.filter(({ action }) => action.startsWith('AuthorizeSecurityGroup'));
  expect(new Set(opened.map(({ params }) => params['GroupId']))).toEqual(
    new Set([swaps[0]?.params['SecurityGroupId.1']]),
  );
  expect((await groupsIn(vpc)).map(({ GroupName }) => GroupName)).toEqual([
    `firebreak-quarantine-${vpc}`,
    'other',
    'ssh',
  ]);
});

test('the whole-instance call, which fails on instances with several interfaces, is never made', async () => {
  const { instance } = await startInstance({ interfaceCount: 2 });
  aws().shim.calls.clear();
  await writeAll(isolateInstance, { instance });
  expect(aws().shim.calls.counts()).not.toHaveProperty('ModifyInstanceAttribute');
  expect(aws().shim.calls.counts()).toHaveProperty('ModifyNetworkInterfaceAttribute');
});

test('a second write, as after a worker crash, makes no change', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  await isolateInstance.write(target, isolated, hold, worldOf());
  aws().shim.calls.clear();
  expect(await isolateInstance.write(target, isolated, hold, worldOf())).toEqual({ groups: [quarantine] });
  expect(Object.keys(aws().shim.calls.counts()).filter((action) => !action.startsWith('Describe'))).toEqual([]);
});

test.each([1, 2])(
  'killed right after swap call %i took effect, the next write ends in quarantine with nothing open left',
  async (nth) => {
    const { instance, vpc, quarantine } = await startInstance();
    const { target, hold } = await firstOf(instance);
    aws().shim.faults.add({ kind: 'drop-after', action: 'ModifyNetworkInterfaceAttribute', nth });
    // From the kill on, the dead process makes no call at all.
    aws().shim.faults.add({ kind: 'drop-before', action: 'DescribeNetworkInterfaces', nth: 2 });
    await expect(isolateInstance.write(target, isolated, hold, mortal(worldOf()))).rejects.toMatchObject({
      code: 'aws.interface-left-open',
    });
    aws().shim.faults.clear();
    const between = await isolateInstance.read(target, hold, worldOf());
    expect(between.state).not.toEqual(isolated);
    await isolateInstance.write(target, isolated, hold, worldOf());
    expect(await groupsOf(instance)).toEqual([[quarantine]]);
    expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
    expect((await groupsIn(vpc)).map(({ GroupName }) => GroupName)).toEqual([
      `firebreak-quarantine-${vpc}`,
      'other',
      'ssh',
    ]);
  },
);

test('an interface found in all-access goes straight on to quarantine, before anything else is made', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({ kind: 'drop-before', action: 'ModifyNetworkInterfaceAttribute', nth: 2 });
  await expect(isolateInstance.write(target, isolated, hold, mortal(worldOf()))).rejects.toMatchObject({
    code: 'aws.interface-left-open',
    isTerminal: false,
  });
  expect(await groupsOf(instance)).not.toEqual([[quarantine]]);
  aws().shim.calls.clear();
  await isolateInstance.write(target, isolated, hold, worldOf());
  const changes = aws()
    .shim.calls.list()
    .map(({ action }) => action)
    .filter((action) => !action.startsWith('Describe'));
  expect(changes).toEqual(['ModifyNetworkInterfaceAttribute', 'DeleteSecurityGroup']);
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

test('a refused first swap call leaves the interface as it was, because going on would let tracked connections live', async () => {
  const { instance, original } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({
    kind: 'error',
    status: 403,
    code: 'UnauthorizedOperation',
    message: 'no',
    action: 'ModifyNetworkInterfaceAttribute',
    nth: 1,
  });
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({ code: 'aws.denied' });
  expect(await groupsOf(instance)).toEqual([original]);
});

test('a lost answer to the first swap call does not end the swap half-way', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({ kind: 'drop-after', action: 'ModifyNetworkInterfaceAttribute', nth: 1 });
  await isolateInstance.write(target, isolated, hold, mortal(worldOf()));
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

test('a step told to end in the middle of a swap still leaves nothing open', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const stop = new AbortController();
  aws().shim.faults.add({ kind: 'latency', ms: 300, action: 'ModifyNetworkInterfaceAttribute', nth: 2 });
  const written = isolateInstance.write(target, isolated, hold, worldOf({ signal: stop.signal }));
  await expect.poll(() => aws().shim.faults.list()[0]?.hits).toBe(1);
  stop.abort();
  await expect(written).rejects.toMatchObject({ code: 'aws.interrupted' });
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

test('release restores the original groups in one call', async () => {
  const { instance, original } = await startInstance();
  const { target, hold, before } = await firstOf(instance);
  expect(before).toEqual({ groups: original });
  await isolateInstance.write(target, isolated, hold, worldOf());
  aws().shim.calls.clear();
  await isolateInstance.write(target, before, hold, worldOf());
  expect(await groupsOf(instance)).toEqual([original]);
  expect(aws().shim.calls.counts()['ModifyNetworkInterfaceAttribute']).toBe(1);
});

test('an original group that has been deleted since is an error that names it, and the interface stays isolated', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  await isolateInstance.write(target, isolated, hold, worldOf());
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'InvalidGroup.NotFound',
    message: "The security group 'sg-0dead' does not exist",
    action: 'ModifyNetworkInterfaceAttribute',
  });
  const written = isolateInstance.write(target, { groups: ['sg-0dead'] }, hold, worldOf());
  await expect(written).rejects.toMatchObject({ code: 'aws.not-found', message: expect.stringContaining('sg-0dead') });
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

test('an interface that an attacker attaches meanwhile is planned too', async () => {
  const { instance, subnet, other } = await startInstance();
  await writeAll(isolateInstance, { instance });
  const attached = await attachInterface({ instance, subnet, groups: [other], index: 1 });
  const planned = await planOf(instance);
  const read = await Promise.all(planned.map(({ target }) => isolateInstance.read(target, undefined, worldOf())));
  const differing = planned.filter((_, index) => read[index]?.state.groups[0] !== isolated.groups[0]);
  expect(differing.map(({ target }) => target.id)).toEqual([attached]);
});

test('a quarantine group that somebody opened does not pass for isolation: the interface is moved to another, by way of all-access', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  await isolateInstance.write(target, isolated, hold, worldOf());
  await aws().ec2.send(
    new AuthorizeSecurityGroupEgressCommand({
      GroupId: quarantine,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual({ groups: [quarantine] });
  aws().shim.calls.clear();
  const observed = (await isolateInstance.write(target, isolated, hold, worldOf())) as { groups: string[] };
  expect(aws().shim.calls.counts()['ModifyNetworkInterfaceAttribute']).toBe(2);
  expect(observed.groups).not.toContain(quarantine);
  expect(await groupsOf(instance)).toEqual([observed.groups]);
  const into = (await groupsIn(vpc)).find(({ GroupId }) => GroupId === observed.groups[0]);
  expect(into).toMatchObject({ IpPermissions: [], IpPermissionsEgress: [] });
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
});

test('when ours was opened, a sealed group that somebody else tagged is not used instead: nobody watches over it', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const decoy = await makeGroup(vpc, 'decoy', tagOf(vpc));
  await seal(decoy);
  await isolateInstance.write(target, isolated, hold, worldOf());
  await aws().ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId: quarantine, IpPermissions: [everywhere] }));
  const observed = (await isolateInstance.write(target, isolated, hold, worldOf())) as { groups: string[] };
  expect([decoy, quarantine]).not.toContain(observed.groups[0]);
  expect(await groupsOf(instance)).toEqual([observed.groups]);
});

test('nothing is opened before there is a quarantine group to go on to', async () => {
  const { instance, original } = await startInstance({ quarantined: false });
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({
    kind: 'error',
    status: 403,
    code: 'UnauthorizedOperation',
    message: 'no',
    action: 'RevokeSecurityGroupEgress',
  });
  aws().shim.calls.clear();
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({ code: 'aws.denied' });
  const changes = Object.keys(aws().shim.calls.counts()).filter((action) => !action.startsWith('Describe'));
  expect(changes.toSorted()).toEqual(['CreateSecurityGroup', 'RevokeSecurityGroupEgress']);
  expect(await groupsOf(instance)).toEqual([original]);
});

/** Groups with the tag of all-access groups; a swap that ended well leaves none. */
async function openGroupsIn(vpc: string): Promise<string[]> {
  const groups = (await groupsIn(vpc)).filter(({ Tags }) => Tags?.some(({ Key }) => Key === 'firebreak:all-access'));
  return groups.map(({ GroupId }) => GroupId ?? '');
}

/** Lets in one address on one port: what comes through it is tracked, and outlives a swap. */
async function allowOnePort(group: string): Promise<void> {
  const rule = { IpProtocol: 'tcp', FromPort: 4444, ToPort: 4444, IpRanges: [{ CidrIp: '203.0.113.9/32' }] };
  await aws().ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [rule] }));
}

function swapsMade(): string[] {
  const calls = aws().shim.calls.list();
  return calls
    .filter(({ action }) => action === 'ModifyNetworkInterfaceAttribute')
    .map(({ params }) => params['SecurityGroupId.1'] ?? '');
}

const ofAllAccess = (id: string) => ({ 'firebreak:all-access': id, 'firebreak:incident': 'inc-0000000001' });

test('groups named as all-access groups are, made beforehand by somebody else, do not keep an interface from isolation', async () => {
  const { instance, interfaces, vpc, quarantine } = await startInstance({ interfaceCount: 2 });
  const taken = await Promise.all(interfaces.map((id) => makeGroup(vpc, `firebreak-all-access-${id}`)));
  await writeAll(isolateInstance, { instance });
  expect(await groupsOf(instance)).toEqual([[quarantine], [quarantine]]);
  expect((await groupsIn(vpc)).map(({ GroupId }) => GroupId)).toEqual(expect.arrayContaining(taken));
});

test('an interface found in a group that only looks like our all-access group is swapped in two steps, and that group is left alone', async () => {
  const { instance, vpc, original, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const forged = await makeGroup(vpc, `firebreak-all-access-${target.id}`, ofAllAccess(target.id));
  await allowOnePort(forged);
  for (const groups of [[forged], [...original, forged]]) {
    await setGroups(target.id, groups);
    aws().shim.calls.clear();
    await isolateInstance.write(target, isolated, hold, worldOf());
    expect(swapsMade()).toEqual([expect.not.stringMatching(forged), quarantine]);
    expect(await groupsOf(instance)).toEqual([[quarantine]]);
    expect(await openGroupsIn(vpc)).toEqual([forged]);
  }
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
});

test('whoever saw the name of an all-access group and makes one with all its marks, but other rules, gains nothing', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const [name = ''] = await namesUsed(() => isolateInstance.write(target, isolated, hold, worldOf()));
  const forged = await makeGroup(vpc, name, ofAllAccess(target.id));
  await allowOnePort(forged);
  await setGroups(target.id, [forged]);
  aws().shim.calls.clear();
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(swapsMade()).toEqual([expect.not.stringMatching(forged), quarantine]);
  expect(await openGroupsIn(vpc)).toEqual([forged]);
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
});

test('one of ours that lost a rule is not passed through before it has it again, nor used at all if the interface was put into it', async () => {
  const { instance, vpc, original, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({ kind: 'drop-before', action: 'ModifyNetworkInterfaceAttribute', nth: 1 });
  await expect(isolateInstance.write(target, isolated, hold, mortal(worldOf()))).rejects.toMatchObject({
    code: 'aws.unreachable',
  });
  aws().shim.faults.clear();
  const [ours = ''] = await openGroupsIn(vpc);
  await aws().ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: ours, IpPermissions: [everywhere] }));
  await setGroups(target.id, [...original, ours]);
  aws().shim.calls.clear();
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(swapsMade()).toEqual([expect.not.stringMatching(ours), quarantine]);
  expect(await openGroupsIn(vpc)).toEqual([]);
});

test('where no all-access group can be made the interface goes straight into quarantine, and the outcome says what may live on', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const straight = {
    groups: [quarantine],
    warning: expect.stringContaining('connections tracked before may live on'),
  };
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'SecurityGroupLimitExceeded',
    message: 'You have reached the limit of security groups',
    action: 'CreateSecurityGroup',
  });
  expect(await isolateInstance.write(target, isolated, hold, worldOf())).toEqual(straight);
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

test('with every name taken it goes straight into quarantine too, and none of those groups is touched', async () => {
  const { instance, vpc, original, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const taken: string[] = [];
  for (let names = 0; names < 4; names += 1) {
    const [name = ''] = await namesUsed(() => isolateInstance.write(target, isolated, hold, worldOf()));
    taken.push(await makeGroup(vpc, name));
    await setGroups(target.id, original);
  }
  aws().shim.calls.clear();
  expect(await isolateInstance.write(target, isolated, hold, worldOf())).toEqual({
    groups: [quarantine],
    warning: expect.stringContaining('connections tracked before may live on'),
  });
  expect(swapsMade()).toEqual([quarantine]);
  expect((await groupsIn(vpc)).map(({ GroupId }) => GroupId)).toEqual(expect.arrayContaining(taken));
});

/** Names under which groups were made meanwhile, the one that was passed through last. */
async function namesUsed(work: () => Promise<unknown>): Promise<string[]> {
  aws().shim.calls.clear();
  await work();
  const made = aws()
    .shim.calls.list()
    .filter(({ action }) => action === 'CreateSecurityGroup');
  return made.map(({ params }) => params['GroupName'] ?? '').toReversed();
}

test('groups to which somebody else gave the quarantine tag do not stop isolation, whatever their rules', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const [open, empty] = [await makeGroup(vpc, 'open', tagOf(vpc)), await makeGroup(vpc, 'empty', tagOf(vpc))];
  await seal(empty);
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
  await setGroups(target.id, [open]);
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual({ groups: [open] });
});

test('an interface in any sealed group with the tag is isolated, until that group is opened', async () => {
  const { instance, vpc, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const other = await makeGroup(vpc, 'other sealed', tagOf(vpc));
  await seal(other);
  await setGroups(target.id, [other]);
  expect(await isolateInstance.read(target, hold, worldOf())).toEqual({
    state: isolated,
    identity: { groups: [other] },
  });
  aws().shim.calls.clear();
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(Object.keys(aws().shim.calls.counts()).filter((action) => !action.startsWith('Describe'))).toEqual([]);
  await aws().ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId: other, IpPermissions: [everywhere] }));
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual({ groups: [other] });
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
});

const everywhere = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

function tagOf(vpc: string): Record<string, string> {
  return { 'firebreak:quarantine': vpc };
}

async function seal(group: string): Promise<void> {
  await aws().ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [everywhere] }));
}

test('an interface that belongs to an AWS service fails by itself, with what to do instead', async () => {
  const { instance, original } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'DescribeNetworkInterfaces',
    replace: [['<requesterManaged>false', '<requesterManaged>true']],
  });
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.interface-managed',
    isTerminal: true,
  });
  aws().shim.faults.clear();
  expect(await groupsOf(instance)).toEqual([original]);
});

test('an all-access group that something else took is reported, not left in silence', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'DependencyViolation',
    message: 'resource has a dependent object',
    action: 'DeleteSecurityGroup',
  });
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.all-access-group-in-use',
  });
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
  aws().shim.faults.clear();
  expect((await isolateInstance.read(target, hold, worldOf())).state).toMatchObject({
    ...isolated,
    leftover: expect.stringMatching(/^sg-/),
  });
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual(isolated);
});

test('a swap call that lands late, between quarantine and the end of its open group, is put right by the same write', async () => {
  const { instance, quarantine, interfaces, vpc } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const { faults, calls } = aws().shim;
  calls.clear();
  faults.add({ kind: 'latency', ms: 500, action: 'DeleteSecurityGroup', nth: 1 });
  const write = isolateInstance.write(target, isolated, hold, worldOf());
  const hits = () => faults.list()[0]?.hits;
  while (hits() === 0) await sleep(5);
  const passed = calls.list().find(({ action }) => action === 'ModifyNetworkInterfaceAttribute');
  await setGroups(interfaces[0] ?? '', [passed?.params['SecurityGroupId.1'] ?? '']);
  expect(await write).toEqual({ groups: [quarantine] });
  expect(calls.list().filter(({ action, status }) => action === 'DeleteSecurityGroup' && status === 400)).not.toEqual(
    [],
  );
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
  expect((await groupsIn(vpc)).filter(({ GroupName }) => GroupName?.includes('all-access'))).toEqual([]);
});

test('a terminated instance, and one without interfaces, are refused: "every" is not true of nothing', async () => {
  const { instance } = await startInstance();
  aws().shim.faults.add({
    kind: 'answer',
    action: 'DescribeNetworkInterfaces',
    body: '<?xml version="1.0" encoding="utf-8"?>\n<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><networkInterfaceSet/></DescribeNetworkInterfacesResponse>',
  });
  await expect(planOf(instance)).rejects.toMatchObject({ code: 'aws.no-interfaces' });
  aws().shim.faults.clear();
  await aws().ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
  await expect(planOf(instance)).rejects.toMatchObject({ code: 'aws.instance-terminated' });
});

test('isolation is shown from groups and ACLs, and says so; an open interface is not shown as isolated', async () => {
  const { instance, original } = await startInstance();
  const { target, hold, before } = await firstOf(instance);
  const probe = isolateInstance.probe;
  if (probe === undefined) throw new Error('isolation has a probe');
  expect(await probe(target, isolated, worldOf(), { instance })).toMatchObject({
    shown: false,
    basis: expect.stringContaining(`${original[0]} lets 0.0.0.0/0 in`),
  });
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(await probe(target, isolated, worldOf(), { instance })).toEqual({
    shown: true,
    basis: 'groups and ACLs, emulator',
  });
  await isolateInstance.write(target, before, hold, worldOf());
  expect(await probe(target, before, worldOf(), { instance })).toEqual({ shown: true, basis: 'groups, emulator' });
});

test('two executors that isolate the same interface at once both end in quarantine', async () => {
  const { instance, quarantine, vpc } = await startInstance();
  const { target, hold } = await firstOf(instance);
  const both = await Promise.allSettled([1, 2].map(() => isolateInstance.write(target, isolated, hold, worldOf())));
  // One may lose the all-access group to the other, which is an error to retry; neither leaves anything open.
  if (both.some(({ status }) => status === 'rejected')) await isolateInstance.write(target, isolated, hold, worldOf());
  expect(await groupsOf(instance)).toEqual([[quarantine]]);
  expect((await groupsIn(vpc)).filter(({ GroupName }) => GroupName?.startsWith('firebreak-all-access'))).toEqual([]);
});

test('an instance with interfaces held by different groups keeps them apart for release', async () => {
  const { instance, interfaces, original, other } = await startInstance({ interfaceCount: 2 });
  await setGroups(interfaces[1], [other]);
  const before = await groupsOf(instance);
  expect(before).toEqual([original, [other]]);
  const planned = await planOf(instance);
  const read = await Promise.all(planned.map(({ target }) => isolateInstance.read(target, undefined, worldOf())));
  expect(Object.fromEntries(planned.map(({ target }, index) => [target.id, read[index]?.state.groups]))).toEqual({
    [interfaces[0] ?? '']: original,
    [interfaces[1] ?? '']: [other],
  });
});
