/** Two hosts in a network of their own, one with a second interface; and what is really so there, asked past Firebreak. */
import {
  AttachNetworkInterfaceCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { Processes } from '../../support/processes.js';

export interface Hosts {
  vpc: string;
  instances: string[];
  /** The group of every interface before anything happened. */
  original: string;
  volumes: string[];
}

/** Forgets what earlier runs left: what is held then points at nothing, and nobody looks at it. */
export async function freshHosts({ world, ec2 }: Pick<Processes, 'world' | 'ec2'>): Promise<Hosts> {
  await fetch(new URL('/moto-api/reset', world.aws.url), { method: 'POST' });
  const CidrBlock = '10.9.0.0/16';
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock }));
  const VpcId = given(Vpc?.VpcId);
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock }));
  const SubnetId = given(Subnet?.SubnetId);
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: 'web', Description: 'web servers', VpcId }),
  );
  const original = given(GroupId);
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-12c6146b',
      MinCount: 2,
      MaxCount: 2,
      SubnetId,
      SecurityGroupIds: [original],
    }),
  );
  const instances = Instances.map(({ InstanceId }) => given(InstanceId));
  const { NetworkInterface } = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId, Groups: [original] }));
  await ec2.send(
    new AttachNetworkInterfaceCommand({
      NetworkInterfaceId: given(NetworkInterface?.NetworkInterfaceId),
      InstanceId: given(instances[0]),
      DeviceIndex: 1,
    }),
  );
  const volumes = Instances.flatMap(({ BlockDeviceMappings = [] }) =>
    BlockDeviceMappings.map(({ Ebs }) => given(Ebs?.VolumeId)),
  );
  return { vpc: VpcId, instances, original, volumes };
}

/** The groups of every interface, by its id. */
export async function groupsByInterface(
  { ec2 }: Pick<Processes, 'ec2'>,
  { instances }: Hosts,
): Promise<Record<string, string>> {
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: instances }] }),
  );
  return Object.fromEntries(
    NetworkInterfaces.map(({ NetworkInterfaceId = '', Groups = [] }) => [
      NetworkInterfaceId,
      Groups.map(({ GroupId }) => GroupId).join(' '),
    ]),
  );
}

/** Groups of the network that Firebreak made, by what their tag says they are for. */
export async function ourGroups(
  { ec2 }: Pick<Processes, 'ec2'>,
  { vpc }: Hosts,
): Promise<{ quarantine: string[]; allAccess: string[] }> {
  const { SecurityGroups = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }),
  );
  const tagged = (key: string): string[] =>
    SecurityGroups.filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === key)).map(({ GroupId = '' }) => GroupId);
  return { quarantine: tagged('firebreak:quarantine'), allAccess: tagged('firebreak:all-access') };
}

/** How many snapshots of the incident each volume has. */
export async function snapshotCounts(
  { ec2 }: Pick<Processes, 'ec2'>,
  { volumes }: Hosts,
  incident: string,
): Promise<Record<string, number>> {
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  const ours = Snapshots.filter(({ Tags = [] }) =>
    Tags.some(({ Key, Value = '' }) => Key === 'firebreak:incident' && Value.startsWith(incident)),
  );
  return Object.fromEntries(
    volumes.map((volume) => [volume, ours.filter(({ VolumeId }) => VolumeId === volume).length]),
  );
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The sandbox left something out that a test needs.');
  return value;
}
