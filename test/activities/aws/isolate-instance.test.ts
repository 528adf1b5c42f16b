// Real EC2 calls to the emulator behind the shim: SDK, wire format and state are real.
import {
  AuthorizeSecurityGroupEgressCommand,
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

test('a quarantine group that somebody opened does not pass for isolation, and nothing is put into it', async () => {
  const { instance, quarantine } = await startInstance();
  const { target, hold } = await firstOf(instance);
  await isolateInstance.write(target, isolated, hold, worldOf());
  await aws().ec2.send(
    new AuthorizeSecurityGroupEgressCommand({
      GroupId: quarantine,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  expect((await isolateInstance.read(target, hold, worldOf())).state).toEqual({ groups: [quarantine] });
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.no-quarantine-group',
  });
});

test('without a quarantine group nothing is opened', async () => {
  const { instance, original } = await startInstance({ quarantined: false });
  const { target, hold } = await firstOf(instance);
  aws().shim.calls.clear();
  await expect(isolateInstance.write(target, isolated, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.no-quarantine-group',
    isTerminal: false,
  });
  expect(Object.keys(aws().shim.calls.counts()).filter((action) => !action.startsWith('Describe'))).toEqual([]);
  expect(await groupsOf(instance)).toEqual([original]);
});

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
  expect(await probe(target, isolated, worldOf())).toMatchObject({
    shown: false,
    basis: expect.stringContaining(`${original[0]} lets 0.0.0.0/0 in`),
  });
  await isolateInstance.write(target, isolated, hold, worldOf());
  expect(await probe(target, isolated, worldOf())).toEqual({ shown: true, basis: 'groups and ACLs, emulator' });
  await isolateInstance.write(target, before, hold, worldOf());
  expect(await probe(target, before, worldOf())).toEqual({ shown: true, basis: 'groups, emulator' });
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
