// Each known gap, shown on moto itself and on moto behind the shim. When moto mends one, its first half fails: then the
// correction and the entry in sandbox/aws/gaps.ts can go.
import {
  CreateNetworkAclCommand,
  CreateSecurityGroupCommand,
  CreateSnapshotsCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  GetConsoleScreenshotCommand,
  type Instance,
  ModifyInstanceAttributeCommand,
  ModifyNetworkInterfaceAttributeCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListUsersCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gap, type GapId, gaps } from '../../../sandbox/aws/gaps.js';
import { type AwsSandbox, startAws } from '../../../sandbox/aws/start-aws.js';
import { region, startTimeoutMs } from '../../support/aws.js';

let sandbox: AwsSandbox;
beforeAll(async () => {
  sandbox = await startAws();
}, startTimeoutMs);
afterAll(() => sandbox.stop());

function clientOf(endpoint: string): EC2Client {
  return new EC2Client({
    region,
    endpoint,
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
  });
}

let number = 0;

interface Lab {
  ec2: EC2Client;
  endpoint: string;
  vpc: string;
  subnet: string;
  first: string;
  second: string;
  instance: Instance;
  interfaces: string[];
}

async function lab(endpoint: string, interfaceCount = 1): Promise<Lab> {
  const ec2 = clientOf(endpoint);
  number += 1;
  const block = `10.${number}.0.0/16`;
  const vpc = (await ec2.send(new CreateVpcCommand({ CidrBlock: block }))).Vpc?.VpcId ?? '';
  const subnet = (await ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: block }))).Subnet?.SubnetId ?? '';
  const make = async (GroupName: string) =>
    (await ec2.send(new CreateSecurityGroupCommand({ GroupName, Description: GroupName, VpcId: vpc }))).GroupId ?? '';
  const first = await make('first');
  const second = await make('second');
  const placement =
    interfaceCount === 1
      ? { SubnetId: subnet, SecurityGroupIds: [first] }
      : {
          NetworkInterfaces: Array.from({ length: interfaceCount }, (_, DeviceIndex) => ({
            DeviceIndex,
            SubnetId: subnet,
            Groups: [first],
          })),
        };
  const { Instances } = await ec2.send(
    new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, ...placement }),
  );
  const instance = Instances?.[0] ?? {};
  const interfaces = (instance.NetworkInterfaces ?? []).map(({ NetworkInterfaceId = '' }) => NetworkInterfaceId);
  return { ec2, endpoint, vpc, subnet, first, second, instance, interfaces };
}

/** What one asks to see a gap, and what moto and AWS say to it. */
interface Demonstration {
  ask: (endpoint: string) => Promise<unknown>;
  moto: unknown;
  aws: unknown;
}

const said = async (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: Error) => error.name,
  );

const demonstrations: Record<GapId, Demonstration> = {
  'interface-groups-are-a-union': {
    ask: async (endpoint) => {
      const { ec2, second, instance, interfaces } = await lab(endpoint);
      await ec2.send(
        new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: interfaces[0] ?? '', Groups: [second] }),
      );
      const shown = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaces }));
      const { Reservations } = await ec2.send(
        new DescribeInstancesCommand({ InstanceIds: [instance.InstanceId ?? ''] }),
      );
      const named = Reservations?.[0]?.Instances?.[0];
      return [
        namesOf(shown.NetworkInterfaces?.[0]?.Groups),
        namesOf(named?.NetworkInterfaces?.[0]?.Groups),
        namesOf(named?.SecurityGroups),
      ];
    },
    moto: [['first', 'second'], ['first', 'second'], ['first']],
    aws: [['second'], ['second'], ['second']],
  },
  'instance-groups-with-many-interfaces': {
    ask: async (endpoint) => {
      const { ec2, second, instance } = await lab(endpoint, 2);
      return said(ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: instance.InstanceId, Groups: [second] })));
    },
    moto: 'done',
    aws: 'InvalidInstanceID',
  },
  'dry-run-executes': {
    ask: async (endpoint) => {
      const { ec2, vpc } = await lab(endpoint);
      const answer = await said(ec2.send(new CreateNetworkAclCommand({ VpcId: vpc, DryRun: true })));
      const { NetworkAcls } = await ec2.send(
        new DescribeNetworkAclsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }),
      );
      return [answer, NetworkAcls?.length];
    },
    moto: ['done', 2],
    aws: ['DryRunOperation', 1],
  },
  'client-token-ignored': {
    ask: async (endpoint) => {
      const { ec2, subnet } = await lab(endpoint);
      const start = (MaxCount: number) =>
        ec2.send(
          new RunInstancesCommand({
            ImageId: 'ami-12c6146b',
            MinCount: 1,
            MaxCount,
            SubnetId: subnet,
            ClientToken: `token-${number}`,
          }),
        );
      const started = await Promise.all([start(1), start(1)]);
      const ids = new Set(started.map(({ Instances }) => Instances?.[0]?.InstanceId));
      return [ids.size, await said(start(2))];
    },
    moto: [2, 'done'],
    aws: [1, 'IdempotentParameterMismatch'],
  },
  'group-deleted-while-in-use': {
    ask: async (endpoint) => {
      const { ec2, first } = await lab(endpoint);
      return said(ec2.send(new DeleteSecurityGroupCommand({ GroupId: first })));
    },
    moto: 'done',
    aws: 'DependencyViolation',
  },
  'gone-group-accepted': {
    ask: async (endpoint) => {
      const { ec2, second, interfaces } = await lab(endpoint);
      await ec2.send(new DeleteSecurityGroupCommand({ GroupId: second }));
      const answer = await said(
        ec2.send(
          new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: interfaces[0] ?? '', Groups: [second] }),
        ),
      );
      const shown = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: interfaces }));
      return [answer, namesOf(shown.NetworkInterfaces?.[0]?.Groups)];
    },
    moto: ['done', ['first']],
    aws: ['InvalidGroup.NotFound', ['first']],
  },
  'inactive-key-works': {
    ask: async (endpoint) => {
      const { iam, UserName, credentials } = await userWithKey(endpoint);
      await iam.send(
        new UpdateAccessKeyCommand({ UserName, AccessKeyId: credentials.accessKeyId, Status: 'Inactive' }),
      );
      const as = { region, endpoint, maxAttempts: 1, credentials };
      return enforcing(endpoint, async () => [
        await said(new EC2Client(as).send(new DescribeInstancesCommand({}))),
        await said(new SecretsManagerClient(as).send(new ListSecretsCommand({}))),
        await said(new IAMClient(as).send(new ListUsersCommand({}))),
        await said(new STSClient(as).send(new GetCallerIdentityCommand({}))),
      ]);
    },
    moto: ['done', 'done', 'done', 'done'],
    aws: ['AuthFailure', 'UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidClientTokenId'],
  },
  'deleted-key-is-somebody': {
    ask: async (endpoint) => {
      const { iam, UserName, credentials } = await userWithKey(endpoint);
      await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: credentials.accessKeyId }));
      const sts = new STSClient({ region, endpoint, maxAttempts: 1, credentials });
      return said(sts.send(new GetCallerIdentityCommand({})));
    },
    moto: 'done',
    aws: 'InvalidClientTokenId',
  },
  'pending-value-overwritten': {
    ask: async (endpoint) => {
      const { secrets, SecretId } = await secretWith(endpoint, 'first');
      const pending = { SecretId, ClientRequestToken: randomUUID(), VersionStages: ['AWSPENDING'] };
      return [
        await said(secrets.send(new PutSecretValueCommand({ ...pending, SecretString: 'second' }))),
        await said(secrets.send(new PutSecretValueCommand({ ...pending, SecretString: 'second' }))),
        await said(secrets.send(new PutSecretValueCommand({ ...pending, SecretString: 'third' }))),
      ];
    },
    moto: ['done', 'done', 'done'],
    aws: ['done', 'done', 'ResourceExistsException'],
  },
  'refused-in-xml': {
    ask: async (endpoint) => {
      const { credentials } = await userWithKey(endpoint, 'Deny');
      const as = new SecretsManagerClient({ region, endpoint, maxAttempts: 1, credentials });
      return enforcing(endpoint, () => said(as.send(new ListSecretsCommand({}))));
    },
    moto: 'SyntaxError',
    aws: 'AccessDeniedException',
  },
  'current-value-is-the-old-one': {
    ask: async (endpoint) => {
      const { secrets, SecretId, first } = await secretWith(endpoint, 'first');
      const second = await secrets.send(
        new PutSecretValueCommand({ SecretId, SecretString: 'second', VersionStages: ['AWSPENDING'] }),
      );
      await secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId,
          VersionStage: 'AWSCURRENT',
          RemoveFromVersionId: first,
          MoveToVersionId: second.VersionId,
        }),
      );
      const named = await secrets.send(new GetSecretValueCommand({ SecretId, VersionStage: 'AWSCURRENT' }));
      return [(await secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString, named.SecretString];
    },
    moto: ['first', 'second'],
    aws: ['second', 'second'],
  },
  'unknown-device-crashes': {
    ask: async (endpoint) => {
      const { ec2, instance } = await lab(endpoint);
      const mapping = { DeviceName: '/dev/none', Ebs: { DeleteOnTermination: false } };
      const name = await said(
        ec2.send(
          new ModifyInstanceAttributeCommand({ InstanceId: instance.InstanceId, BlockDeviceMappings: [mapping] }),
        ),
      );
      return name === 'InvalidInstanceAttributeValue';
    },
    moto: false,
    aws: true,
  },
  'terminated-instance-keeps-interfaces': {
    ask: async (endpoint) => {
      const { ec2, instance } = await lab(endpoint);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instance.InstanceId ?? ''] }));
      const query = new DescribeNetworkInterfacesCommand({
        Filters: [{ Name: 'attachment.instance-id', Values: [instance.InstanceId ?? ''] }],
      });
      return (await ec2.send(query)).NetworkInterfaces?.length;
    },
    moto: 1,
    aws: 0,
  },
  'snapshots-complete-at-once': {
    ask: async (endpoint) => {
      const { ec2, instance } = await lab(endpoint);
      const made = await ec2.send(
        new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instance.InstanceId } }),
      );
      const { Snapshots } = await ec2.send(
        new DescribeSnapshotsCommand({ SnapshotIds: [made.Snapshots?.[0]?.SnapshotId ?? ''] }),
      );
      return [made.Snapshots?.[0]?.State, Snapshots?.[0]?.State];
    },
    moto: [undefined, 'completed'],
    aws: ['pending', 'pending'],
  },
  'snapshots-copy-no-tags': {
    ask: async (endpoint) => {
      const { ec2, instance } = await lab(endpoint);
      const volume = instance.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';
      await ec2.send(new CreateTagsCommand({ Resources: [volume], Tags: [{ Key: 'owner', Value: 'carol' }] }));
      const made = await ec2.send(
        new CreateSnapshotsCommand({
          InstanceSpecification: { InstanceId: instance.InstanceId },
          CopyTagsFromSource: 'volume',
        }),
      );
      const { Snapshots } = await ec2.send(
        new DescribeSnapshotsCommand({ SnapshotIds: [made.Snapshots?.[0]?.SnapshotId ?? ''] }),
      );
      return (Snapshots?.[0]?.Tags ?? []).map(({ Value }) => Value);
    },
    moto: [],
    aws: ['carol'],
  },
  'create-needs-no-tag-permission': {
    ask: async (endpoint) => {
      const { vpc } = await lab(endpoint);
      const as = await person(endpoint, [{ Effect: 'Allow', Action: 'ec2:CreateSecurityGroup', Resource: '*' }]);
      const TagSpecifications = [{ ResourceType: 'security-group' as const, Tags: [{ Key: 'a', Value: 'b' }] }];
      return enforcing(endpoint, () =>
        said(
          as.send(
            new CreateSecurityGroupCommand({
              GroupName: 'tagged',
              Description: 'tagged',
              VpcId: vpc,
              TagSpecifications,
            }),
          ),
        ),
      );
    },
    moto: 'done',
    aws: 'UnauthorizedOperation',
  },
  'conditions-count-as-true': {
    ask: async (endpoint) => {
      const { second } = await lab(endpoint);
      const Condition = { Null: { 'aws:ResourceTag/firebreak:incident': 'false' } };
      const as = await person(endpoint, [
        { Effect: 'Allow', Action: 'ec2:DeleteSecurityGroup', Resource: '*', Condition },
      ]);
      return enforcing(endpoint, () => said(as.send(new DeleteSecurityGroupCommand({ GroupId: second }))));
    },
    moto: 'done',
    aws: 'UnauthorizedOperation',
  },
  'denied-in-one-word': {
    ask: async (endpoint) => {
      const as = await person(endpoint, [{ Effect: 'Deny', Action: '*', Resource: '*' }]);
      return enforcing(endpoint, () => said(as.send(new DescribeInstancesCommand({}))));
    },
    moto: 'AccessDenied',
    aws: 'UnauthorizedOperation',
  },
  'unknown-action-is-html': {
    ask: async (endpoint) => {
      const { ec2, instance } = await lab(endpoint);
      const answer = await said(ec2.send(new GetConsoleScreenshotCommand({ InstanceId: instance.InstanceId })));
      return answer === 'done';
    },
    moto: false,
    aws: true,
  },
};

/** A user who may do everything, or nothing, and a key of theirs. */
async function userWithKey(endpoint: string, Effect: 'Allow' | 'Deny' = 'Allow') {
  number += 1;
  const admin = { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' };
  const iam = new IAMClient({ region, endpoint, maxAttempts: 1, credentials: admin });
  const UserName = `alice-${number}`;
  await iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect, Action: '*', Resource: '*' }],
  });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'all', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  return { iam, UserName, credentials };
}

async function secretWith(endpoint: string, SecretString: string) {
  number += 1;
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
  const secrets = new SecretsManagerClient({ region, endpoint, maxAttempts: 1, credentials });
  const made = await secrets.send(new CreateSecretCommand({ Name: `secret-${number}`, SecretString }));
  return { secrets, SecretId: made.ARN ?? '', first: made.VersionId ?? '' };
}

function namesOf(groups: { GroupName?: string | undefined }[] | undefined): string[] {
  return (groups ?? []).map(({ GroupName = '' }) => GroupName).toSorted();
}

async function person(endpoint: string, Statement: object[]): Promise<EC2Client> {
  number += 1;
  const iam = new IAMClient({ region, endpoint, credentials: { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' } });
  const UserName = `carol-${number}`;
  await iam.send(new CreateUserCommand({ UserName }));
  await iam.send(
    new PutUserPolicyCommand({
      UserName,
      PolicyName: 'own',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
    }),
  );
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  return new EC2Client({ region, endpoint, maxAttempts: 1, credentials });
}

/** While moto checks signatures and policies. */
async function enforcing<T>(endpoint: string, work: () => Promise<T>): Promise<T> {
  const from = (body: string) => fetch(`${endpoint}/moto-api/reset-auth`, { method: 'POST', body });
  await from('0');
  try {
    return await work();
  } finally {
    await from('Infinity');
  }
}

const list: readonly Gap[] = gaps;

describe.each(list)('$id', (gap) => {
  const { ask, moto } = demonstrations[gap.id as GapId];

  test(`moto ${gap.moto}`, async () => {
    expect(await ask(sandbox.motoUrl)).toEqual(moto);
  });
});

describe.each(list.filter(({ mended }) => mended))('$id', (gap) => {
  const { ask, aws } = demonstrations[gap.id as GapId];

  test(`behind the shim it is as with AWS, which ${gap.aws}`, async () => {
    expect(await ask(sandbox.url)).toEqual(aws);
  });
});

describe.each(list.filter(({ mended }) => !mended))('$id', (gap) => {
  const { ask, moto } = demonstrations[gap.id as GapId];

  test(`the shim does not mend it. ${gap.consequence ?? ''}`, async () => {
    expect(await ask(sandbox.url)).toEqual(moto);
  });
});

test('every gap that is not mended says what it means for the proofs of the sandbox', () => {
  const open = list.filter(({ mended }) => !mended);
  expect(open.length).toBeGreaterThan(0);
  expect(open.filter(({ consequence }) => consequence === undefined)).toEqual([]);
});
