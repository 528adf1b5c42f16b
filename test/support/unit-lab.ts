// What each AWS unit needs to be tried: items to plan, what is around them, and the same of which AWS knows nothing.
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
} from '@aws-sdk/client-ec2';
import { snapshotInstance } from '../../activities/aws/snapshot-instance.js';
import type { AnyUnit } from '../../activities/define-action.js';
import type { Target } from '../../core/change.js';
import type { Json } from '../../core/json.js';
import { aws, groupsIn, groupsOf, holdOf, region, startInstance, worldOf } from './aws.js';
import { iamAt } from './iam.js';
import { secretsAt } from './secrets.js';

export interface UnitLab {
  items: Json[];
  /** Items of the same kind that AWS does not know. */
  unknown: Json[];
  /** Everything that units of this registry could have changed, without what is random. */
  around: () => Promise<Json>;
  /** The target, if what it is in were not there; undefined where it is named by tag, and so not there until it is made. */
  gone: (target: Target) => Target | undefined;
}

/** Long past: sessions from before have expired, so that release may take the policy away. */
const longAgo = '2026-01-01T00:00:00Z';

export async function labOf(unit: AnyUnit): Promise<UnitLab> {
  switch (unit.name) {
    case 'aws.deactivate-key@1':
      return keyLab();
    case 'aws.rotate-access-key@1':
      return rotationLab();
    case 'aws.contain-principal@1': {
      const { user } = await iam().startUser();
      const role = await iam().startRole();
      return principalLab([{ user }, { role }], [{ user: 'nobody' }, { role: 'nobody' }]);
    }
    case 'aws.revoke-role-sessions@1': {
      const role = await iam().startRole();
      return principalLab([{ role, cutoff: longAgo }], [{ role: 'nobody', cutoff: longAgo }]);
    }
    case 'aws.check-snapshots@1':
      return snapshotLab();
    case 'aws.find-instances@1': {
      const { Reservations } = await aws().ec2.send(
        new DescribeInstancesCommand({ InstanceIds: [(await startInstance()).instance] }),
      );
      const image = Reservations?.[0]?.Instances?.[0]?.ImageId ?? '';
      return { ...nothingChanged, items: [{ image }], unknown: [{ image: 'ami-0123456789abcdef0' }] };
    }
    default:
      return instanceLab(unit);
  }
}

const nothingChanged: Pick<UnitLab, 'around' | 'gone'> = { around: async () => null, gone: () => undefined };

/** An instance of which snapshots were taken. */
async function snapshotLab(): Promise<UnitLab> {
  const { instance } = await startInstance();
  const [change] = await snapshotInstance.plan({ instance }, worldOf());
  if (change === undefined) throw new Error('nothing was planned');
  await snapshotInstance.write(change.target, change.after, holdOf(snapshotInstance, change, {}), worldOf());
  return { ...nothingChanged, items: [{ instance }], unknown: [{ instance: 'i-0123456789abcdef0' }] };
}

function iam() {
  return iamAt(aws(), region);
}

/** A user with two keys. */
async function keyLab(): Promise<UnitLab> {
  const { user } = await iam().startUser({ keyCount: 2 });
  return {
    items: [{ user }],
    unknown: [{ user: 'nobody' }, { user, key: 'AKIAIOSFODNN7EXAMPLE' }],
    around: async () => Object.values(await iam().statusesOf(user)).toSorted(),
    gone: (target) => ({ ...target, id: `${user}/AKIAIOSFODNN7EXAMPLE` }),
  };
}

/** A user whose key is kept in a secret, and in a copy of it. */
async function rotationLab(): Promise<UnitLab> {
  const { user, keys } = await iam().startUser();
  const [old] = keys;
  if (old === undefined) throw new Error('a key was expected');
  const secrets = secretsAt(aws(), region);
  const secret = await secrets.keep(old);
  const copy = await secrets.keep(old);
  const nameOf = (id: string | undefined) => (id === undefined ? 'none' : id === old.accessKeyId ? 'old' : 'new');
  const stagesOf = async (name: string) =>
    Promise.all(
      (['AWSCURRENT', 'AWSPREVIOUS'] as const).map(async (stage) =>
        nameOf((await secrets.keyIn(name, stage))?.accessKeyId),
      ),
    );
  return {
    items: [{ user, secret, copies: [copy] }],
    unknown: [
      { user: 'nobody', secret },
      { user, secret: 'nowhere' },
      { user, secret, copies: ['nowhere'] },
    ],
    around: async () => ({
      keys: Object.entries(await iam().statusesOf(user))
        .map(([id, status]) => `${nameOf(id)} ${status}`)
        .toSorted(),
      secret: await stagesOf(secret),
      copy: await stagesOf(copy),
    }),
    gone: (target) => ({
      ...target,
      id:
        target.type === 'secret'
          ? target.id.replace(/:secret:.*/, ':secret:nowhere-abcdef')
          : target.type === 'user-key'
            ? target.id.replace(/^[^/]+/, 'nobody')
            : `${user}/AKIAIOSFODNN7EXAMPLE`,
    }),
  };
}

function principalLab(items: ({ user: string } | { role: string; cutoff?: string })[], unknown: Json[]): UnitLab {
  return {
    items,
    unknown,
    around: async () => (await Promise.all(items.map((item) => iam().policiesOf(item)))) as Json,
    gone: (target) => ({ ...target, id: target.id.replace(/\/[^/]+\//, '/nobody/') }),
  };
}

/** An instance with two interfaces and two volumes; its VPC has a quarantine group unless the unit is what makes it. */
async function instanceLab({ name }: AnyUnit): Promise<UnitLab> {
  const quarantined = name !== 'aws.make-quarantine-group@1';
  const { instance, vpc, volumes } = await startInstance({ interfaceCount: 2, volumeCount: 2, quarantined });
  return {
    items: [{ instance }],
    unknown: [{ instance: 'i-0123456789abcdef0' }],
    around: () => aroundInstance(instance, vpc, volumes),
    gone: (target) =>
      target.id.startsWith('tag:')
        ? undefined
        : { ...target, id: target.id.replace(/-[0-9a-f]+/, '-0123456789abcdef0') },
  };
}

async function aroundInstance(instance: string, vpc: string, volumes: string[]): Promise<Json> {
  const { ec2 } = aws();
  const groups = await groupsIn(vpc);
  const nameOf = (id: string) => groups.find(({ GroupId }) => GroupId === id)?.GroupName?.replace(vpc, 'VPC') ?? id;
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  const protection = await ec2.send(
    new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: 'disableApiTermination' }),
  );
  const { Snapshots = [] } = await ec2.send(
    new DescribeSnapshotsCommand({ Filters: [{ Name: 'volume-id', Values: volumes }] }),
  );
  return {
    groups: groups.map(({ GroupId = '', IpPermissions = [], IpPermissionsEgress = [] }) => [
      nameOf(GroupId),
      IpPermissions.length,
      IpPermissionsEgress.length,
    ]),
    interfaces: (await groupsOf(instance)).map((held) => held.map(nameOf).toSorted()),
    snapshots: volumes.map((volume) => Snapshots.filter(({ VolumeId }) => VolumeId === volume).length),
    kept: (Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings ?? []).map(
      ({ Ebs }) => Ebs?.DeleteOnTermination ?? null,
    ),
    protected: protection.DisableApiTermination?.Value ?? null,
  };
}
