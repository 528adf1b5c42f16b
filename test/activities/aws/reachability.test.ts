// Groups and network ACLs of the emulator behind the shim; what is worked out must never say "cut off" of what is not.
import {
  CreateNetworkAclEntryCommand,
  DescribeNetworkAclsCommand,
  ReplaceNetworkAclEntryCommand,
  RevokeSecurityGroupEgressCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cannotReach, waysOf } from '../../../activities/aws/reachability.js';
import { aws, setGroups, startAwsSandbox, startInstance, startTimeoutMs, worldOf } from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

async function lab() {
  const started = await startInstance();
  const { NetworkAcls } = await aws().ec2.send(
    new DescribeNetworkAclsCommand({ Filters: [{ Name: 'vpc-id', Values: [started.vpc] }] }),
  );
  const NetworkAclId = NetworkAcls?.[0]?.NetworkAclId ?? '';
  const deny = (
    Egress: boolean,
    RuleNumber: number,
    more: { CidrBlock?: string; Protocol?: string; PortRange?: { From: number; To: number } } = {},
  ) =>
    aws().ec2.send(
      new CreateNetworkAclEntryCommand({
        NetworkAclId,
        Egress,
        RuleNumber,
        RuleAction: 'deny',
        Protocol: '-1',
        CidrBlock: '0.0.0.0/0',
        ...more,
      }),
    );
  return { ...started, eni: started.interfaces[0] ?? '', group: started.original[0] ?? '', NetworkAclId, deny };
}

test('every way in and out is named; without any, the interface is shown as cut off', async () => {
  const { eni, group, quarantine } = await lab();
  expect(await waysOf(worldOf(), eni)).toEqual([
    `${group} lets 0.0.0.0/0 in (tcp)`,
    `${group} lets it out to 0.0.0.0/0 (-1)`,
  ]);
  expect((await cannotReach(worldOf(), eni)).shown).toBe(false);
  await setGroups(eni, [quarantine]);
  expect(await cannotReach(worldOf(), eni)).toEqual({ shown: true, basis: 'groups and ACLs, emulator' });
});

test('no way in but one out is not cut off: what is stolen leaves by it', async () => {
  const { eni, other } = await lab();
  await setGroups(eni, [other]);
  expect(await waysOf(worldOf(), eni)).toEqual([`${other} lets it out to 0.0.0.0/0 (-1)`]);
});

test('one open group beside the quarantine group is a way', async () => {
  const { eni, group, quarantine } = await lab();
  await setGroups(eni, [quarantine, group]);
  expect(await waysOf(worldOf(), eni)).toHaveLength(2);
});

test('an ACL that denies everything both ways closes what groups allow', async () => {
  const { eni, deny } = await lab();
  await deny(false, 10);
  expect(await waysOf(worldOf(), eni)).toHaveLength(1);
  await deny(true, 10);
  expect(await waysOf(worldOf(), eni)).toEqual([]);
});

test('a denial counts only where it covers the whole rule and comes first', async () => {
  const { eni, deny, NetworkAclId } = await lab();
  await deny(false, 10, { CidrBlock: '203.0.113.0/24' });
  await deny(false, 11, { Protocol: '17', PortRange: { From: 0, To: 65_535 } });
  await deny(false, 12, { Protocol: '6', PortRange: { From: 80, To: 80 } });
  await deny(false, 200);
  expect((await waysOf(worldOf(), eni)).filter((way) => way.includes(' in '))).toHaveLength(1);
  await deny(false, 13, { Protocol: '6', PortRange: { From: 22, To: 22 } });
  expect((await waysOf(worldOf(), eni)).filter((way) => way.includes(' in '))).toEqual([]);
  await aws().ec2.send(
    new ReplaceNetworkAclEntryCommand({
      NetworkAclId,
      Egress: true,
      RuleNumber: 100,
      RuleAction: 'allow',
      Protocol: '17',
      PortRange: { From: 53, To: 53 },
      CidrBlock: '198.51.100.0/24',
    }),
  );
  expect(await waysOf(worldOf(), eni), 'an allowance of some of it is a way').toHaveLength(1);
});

test('a subnet without an ACL, which cannot be, is unreadable and not "nothing is denied"', async () => {
  const { eni } = await lab();
  aws().shim.faults.add({
    kind: 'answer',
    action: 'DescribeNetworkAcls',
    body: '<?xml version="1.0"?>\n<A xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><networkAclSet/></A>',
  });
  await expect(cannotReach(worldOf(), eni)).rejects.toMatchObject({ code: 'aws.answer-unreadable' });
});

test('a group that vanished under the interface is an error, not a group without rules', async () => {
  const { eni, group } = await lab();
  await aws().ec2.send(
    new RevokeSecurityGroupEgressCommand({
      GroupId: group,
      IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'InvalidGroup.NotFound',
    message: 'gone',
    action: 'DescribeSecurityGroups',
  });
  await expect(cannotReach(worldOf(), eni)).rejects.toMatchObject({ code: 'aws.not-found' });
});

test('on a real account the basis does not speak of an emulator', async () => {
  const { eni, quarantine } = await lab();
  await setGroups(eni, [quarantine]);
  expect(await cannotReach({ ...worldOf(), shownOn: 'real' }, eni)).toEqual({ shown: true, basis: 'groups and ACLs' });
});
