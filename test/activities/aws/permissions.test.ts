// Each unit under exactly its own policy, with the emulator checking signatures and policies; and without each action of it.
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AwsWorld } from '../../../activities/aws/world.js';
import type { AnyUnit, Planned } from '../../../activities/define-action.js';
import { units } from '../../../activities/index.js';
import { policyOf, type PolicyDocument, unitsOf } from '../../../activities/permissions.js';
import type { Step } from '../../../core/runbook.js';
import type { Json } from '../../../core/json.js';
import { aws, holdOf, region, sshFromEverywhere, startAwsSandbox, startTimeoutMs, worldOf } from '../../support/aws.js';
import { iamAt } from '../../support/iam.js';
import { labOf } from '../../support/unit-lab.js';

/** What moto does not check, see `create-needs-no-tag-permission` in sandbox/aws/gaps.ts; and what AWS never refuses. */
const unchecked = ['ec2:CreateTags', 'sts:GetCallerIdentity'];

let iam: IAMClient;
let admin: EC2Client;
/** Signs as somebody whom the emulator knows, also while it checks. */
let iamChecked: IAMClient;

beforeAll(async () => {
  await startAwsSandbox();
  iam = new IAMClient({
    region,
    endpoint: aws().url,
    credentials: { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' },
  });
  const credentials = await keyOf('alice', {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });
  admin = new EC2Client({ region, endpoint: aws().url, credentials });
  iamChecked = new IAMClient({ region, endpoint: aws().url, credentials });
  const executor = await keyOf('executor', undefined);
  process.env['FIREBREAK_TEST_EXECUTOR_KEY'] = executor.accessKeyId;
  process.env['FIREBREAK_TEST_EXECUTOR_SECRET'] = executor.secretAccessKey;
}, startTimeoutMs);
afterAll(() => aws().stop());

async function keyOf(UserName: string, policy: object | undefined) {
  await iam.send(new CreateUserCommand({ UserName }));
  if (policy !== undefined)
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument: JSON.stringify(policy) }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

/** The world of an executor that holds this policy and nothing else. */
async function underPolicy<T>(policy: PolicyDocument, work: (world: AwsWorld) => Promise<T>): Promise<T> {
  const own = { UserName: 'executor', PolicyName: 'firebreak' };
  await iam.send(new PutUserPolicyCommand({ ...own, PolicyDocument: JSON.stringify(policy) }));
  const credentials = {
    accessKeyId: { env: 'FIREBREAK_TEST_EXECUTOR_KEY' },
    secretAccessKey: { env: 'FIREBREAK_TEST_EXECUTOR_SECRET' },
  };
  try {
    return await iamAt(aws(), region).checked(() => work(worldOf({ settings: { ...aws().settings, credentials } })));
  } finally {
    await iam.send(new DeleteUserPolicyCommand(own));
  }
}

/** All that a unit does: plan, write, write again after somebody meddled, probe, exchange. Returns how many changes or pieces. */
async function exercise(unit: AnyUnit, items: Json[], world: AwsWorld): Promise<number> {
  if (unit.kind === 'collector') {
    let pieces = 0;
    for (const item of items)
      for await (const { body } of unit.collect(item, world)) pieces += body.byteLength > 0 ? 1 : 0;
    return pieces;
  }
  if (unit.kind === 'check') return (await Promise.all(items.map((item) => unit.check(item, world)))).flat().length;
  const planned: { item: Json; change: Planned<Json> }[] = [];
  for (const item of items)
    for (const change of (await unit.plan(item, world)) as Planned<Json>[]) planned.push({ item, change });
  for (const { item, change } of planned) {
    const { state: before } = await unit.read(change.target, undefined, world);
    const hold = holdOf(unit, change, before, item);
    if (change.aspect === 'issued') await addKey((item as { user: string }).user);
    const observed = await unit.write(change.target, change.after, hold, world);
    const [quarantine] = quarantineIn(observed);
    if (quarantine !== undefined) {
      await openGroup(quarantine);
      // Only what nothing holds is emptied and used again.
      if (unit.name === 'aws.isolate-instance@1') await unit.write(change.target, before, hold, world);
      await unit.write(change.target, change.after, hold, world);
    }
    await unit.probe?.(change.target, change.after, world, item);
    if (!unit.oneWay) await unit.write(change.target, before, hold, world);
  }
  return planned.length;
}

/** What the units of quarantine say that they made or used. */
function quarantineIn(observed: Json | undefined): string[] {
  const { group, groups = [] } = (observed ?? {}) as { group?: string; groups?: string[] };
  return group === undefined ? groups : [group];
}

/** As an attempt leaves one that was cut short between making a key and storing it. */
async function addKey(UserName: string): Promise<void> {
  await iamChecked.send(new CreateAccessKeyCommand({ UserName }));
}

async function openGroup(GroupId: string): Promise<void> {
  const everywhere = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
  await admin.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [sshFromEverywhere] }));
  await admin.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions: [everywhere] }));
}

function without(policy: PolicyDocument, action: string): PolicyDocument {
  const Statement = policy.Statement.map((each) => ({
    ...each,
    Action: each.Action.filter((one) => one !== action),
  })).filter(({ Action }) => Action.length > 0);
  // A policy that allows nothing at all is no policy.
  const harmless = {
    Sid: 'Harmless',
    Effect: 'Allow' as const,
    Action: ['ec2:DescribeRegions'],
    Resource: '*' as const,
  };
  return { ...policy, Statement: [...Statement, harmless] };
}

const awsUnits = units.filter(({ name }) => name.startsWith('aws.'));

describe.each(awsUnits.map((unit) => [unit.name, unit] as const))('%s', (_name, unit) => {
  const policy = policyOf([unit]);

  test('works under its least policy', async () => {
    const { items } = await labOf(unit);
    expect(await underPolicy(policy, (world) => exercise(unit, items, world))).toBeGreaterThan(0);
  });

  test.each(unit.permissions.filter((action) => !unchecked.includes(action)))(
    'fails without %s, and says so',
    async (action) => {
      const { items } = await labOf(unit);
      const failing = underPolicy(without(policy, action), (world) => exercise(unit, items, world));
      const error = await failing.then(
        () => expect.unreachable(`it worked without ${action}`),
        (thrown: unknown) => thrown as { code: string; message: string; cause?: { code?: string; message?: string } },
      );
      expect(['aws.denied', 'aws.evidence-incomplete', 'aws.interface-left-open']).toContain(error.code);
      expect(error.message).toContain(action);
    },
  );
});

test('a policy confines tagging to creation, and rules and deletion to groups that Firebreak made', () => {
  const policy = policyOf(awsUnits);
  expect(policy.Statement.map(({ Sid }) => Sid)).toEqual(['Read', 'ChangeOwnGroups', 'TagWhatIsCreated', 'Change']);
  const [read, own, tag, change] = policy.Statement;
  expect(read?.Action.every((action) => /^\w+:(Describe|Get|List)/.test(action))).toBe(true);
  expect(own).toMatchObject({
    Action: expect.arrayContaining(['ec2:DeleteSecurityGroup']),
    Condition: { Null: { 'aws:ResourceTag/firebreak:incident': 'false' } },
  });
  expect(tag).toMatchObject({
    Action: ['ec2:CreateTags'],
    Condition: { StringEquals: { 'ec2:CreateAction': ['CreateSecurityGroup', 'CreateSnapshots'] } },
  });
  expect(change?.Action).toEqual([
    'ec2:CreateSecurityGroup',
    'ec2:CreateSnapshots',
    'ec2:ModifyInstanceAttribute',
    'ec2:ModifyNetworkInterfaceAttribute',
    'iam:CreateAccessKey',
    'iam:DeleteAccessKey',
    'iam:DeleteRolePolicy',
    'iam:DeleteUserPolicy',
    'iam:PutRolePolicy',
    'iam:PutUserPolicy',
    'iam:UpdateAccessKey',
    'secretsmanager:PutSecretValue',
    'secretsmanager:UpdateSecretVersionStage',
  ]);
  expect(new Set(policy.Statement.flatMap(({ Action }) => Action))).toEqual(
    new Set(awsUnits.flatMap(({ permissions }) => permissions)),
  );
});

function step(unit: string): Step {
  return { work: { kind: 'change', unit } } as unknown as Step;
}

test('the policy of a runbook is that of its units, and no more', () => {
  const used = unitsOf({
    steps: [step('aws.protect-instance@1'), step('aws.snapshot-instance@1'), step('aws.protect-instance@1')],
  });
  expect(used.map(({ name }) => name)).toEqual(['aws.protect-instance@1', 'aws.snapshot-instance@1']);
  expect(policyOf(used).Statement.flatMap(({ Action }) => Action)).not.toContain('ec2:ModifyNetworkInterfaceAttribute');
});
