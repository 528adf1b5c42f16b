/** What the sandbox's AWS account has in it: three web servers that somebody believes to be compromised. */
import {
  AttachNetworkInterfaceCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { FirebreakError } from '../core/errors.js';

export interface Seeded {
  instances: string[];
  /** The group that their interfaces are in before anything happens. */
  group: string;
}

/** Any image id will do for an emulator that starts nothing. */
const imageId = 'ami-12c6146b';
const instancesCount = 3;

export async function seedAws(
  endpoint: string,
  region: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
): Promise<Seeded> {
  const ec2 = new EC2Client({ endpoint, region, credentials });
  try {
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
    const subnet = Subnets[0];
    const { GroupId: group } = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: 'web',
        Description: 'Web servers',
        VpcId: needed(subnet?.VpcId, 'a default network'),
      }),
    );
    const web = needed(group, 'a security group');
    await ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: web,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    const subnetId = needed(subnet?.SubnetId, 'a subnet');
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ImageId: imageId,
        InstanceType: 't3.small',
        MinCount: instancesCount,
        MaxCount: instancesCount,
        SubnetId: subnetId,
        SecurityGroupIds: [web],
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'web' }] }],
      }),
    );
    const instances = Instances.map(({ InstanceId }) => needed(InstanceId, 'an instance'));
    // The first one has a second way out, which isolating only the primary interface would miss.
    const { NetworkInterface } = await ec2.send(
      new CreateNetworkInterfaceCommand({ SubnetId: subnetId, Groups: [web] }),
    );
    await ec2.send(
      new AttachNetworkInterfaceCommand({
        NetworkInterfaceId: needed(NetworkInterface?.NetworkInterfaceId, 'an interface'),
        InstanceId: needed(instances[0], 'an instance'),
        DeviceIndex: 1,
      }),
    );
    return { instances, group: web };
  } finally {
    ec2.destroy();
  }
}

function needed<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new FirebreakError('sandbox.seed-failed', `The AWS emulator did not give ${what}.`, {
    nextStep: 'start the sandbox again.',
  });
}
