// Users and roles for tests, and what is really so of them: asked by clients of their own, past the units.
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface StartedUser {
  user: string;
  keys: Credentials[];
}

const allowAll = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
const anybody = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } }],
};

/** What allows everything to those who are made here; beside it units put theirs. */
const ownPolicy = 'own';

let made = 0;

export interface TestIam {
  iam: IAMClient;
  /** A user who may do everything, with so many keys. */
  startUser: (options?: { keyCount?: number }) => Promise<StartedUser>;
  addKey: (user: string) => Promise<Credentials>;
  /** A role that may do everything. */
  startRole: () => Promise<string>;
  assume: (role: string) => Promise<Credentials>;
  /** Status of each key, by key id. */
  statusesOf: (user: string) => Promise<Record<string, string>>;
  /** Policies inside a user or role but the one it was made with, by name. */
  policiesOf: (of: { user: string } | { role: string }) => Promise<Record<string, unknown>>;
  /** What AWS says to these credentials while it checks them: `done`, or the name of an error. */
  tryOut: (credentials: Credentials) => Promise<string>;
  /** While moto checks signatures and policies. */
  checked: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Administers IAM of the emulator at that address. */
export function iamAt({ url }: { url: string }, region: string): TestIam {
  const admin = { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' };
  const settings = { region, endpoint: url, credentials: admin };
  const iam = new IAMClient(settings);
  const checkFrom = (request: '0' | 'Infinity') =>
    fetch(`${url}/moto-api/reset-auth`, { method: 'POST', body: request });
  const checked: TestIam['checked'] = async (work) => {
    await checkFrom('0');
    try {
      return await work();
    } finally {
      await checkFrom('Infinity');
    }
  };
  const addKey: TestIam['addKey'] = async (UserName) => {
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
    return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  };
  return {
    iam,
    checked,
    addKey,
    startUser: async ({ keyCount = 1 } = {}) => {
      made += 1;
      const user = `carol-${made}`;
      await iam.send(new CreateUserCommand({ UserName: user }));
      const policy = { PolicyName: ownPolicy, PolicyDocument: JSON.stringify(allowAll) };
      await iam.send(new PutUserPolicyCommand({ UserName: user, ...policy }));
      const keys: Credentials[] = [];
      for (let count = 0; count < keyCount; count += 1) keys.push(await addKey(user));
      return { user, keys };
    },
    startRole: async () => {
      made += 1;
      const RoleName = `web-${made}`;
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(anybody) }));
      const policy = { PolicyName: ownPolicy, PolicyDocument: JSON.stringify(allowAll) };
      await iam.send(new PutRolePolicyCommand({ RoleName, ...policy }));
      return RoleName;
    },
    assume: async (role) => {
      const sts = new STSClient(settings);
      const RoleArn = `arn:aws:iam::123456789012:role/${role}`;
      const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'carol' }));
      sts.destroy();
      return {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      };
    },
    statusesOf: async (UserName) => {
      const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }));
      return Object.fromEntries(AccessKeyMetadata.map(({ AccessKeyId = '', Status = '' }) => [AccessKeyId, Status]));
    },
    policiesOf: async (of) => {
      const { PolicyNames = [] } =
        'user' in of
          ? await iam.send(new ListUserPoliciesCommand({ UserName: of.user }))
          : await iam.send(new ListRolePoliciesCommand({ RoleName: of.role }));
      const texts = PolicyNames.filter((name) => name !== ownPolicy).map(async (PolicyName) => {
        const { PolicyDocument = '' } =
          'user' in of
            ? await iam.send(new GetUserPolicyCommand({ UserName: of.user, PolicyName }))
            : await iam.send(new GetRolePolicyCommand({ RoleName: of.role, PolicyName }));
        return [PolicyName, JSON.parse(decodeURIComponent(PolicyDocument)) as unknown] as const;
      });
      return Object.fromEntries(await Promise.all(texts));
    },
    tryOut: (credentials) =>
      checked(async () => {
        const ec2 = new EC2Client({ region, endpoint: url, maxAttempts: 1, credentials });
        try {
          await ec2.send(new DescribeInstancesCommand({}));
          return 'done';
        } catch (error) {
          return (error as Error).name;
        } finally {
          ec2.destroy();
        }
      }),
  };
}
