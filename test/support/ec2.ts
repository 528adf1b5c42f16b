/** What is really so in the sandbox's AWS, asked by another client than Firebreak's. */
import { DescribeInstancesCommand, DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { sandboxRegion, type World } from '../../sandbox/world.js';

export function ec2Of({ aws, credentials }: Pick<World, 'aws' | 'credentials'>): EC2Client {
  return new EC2Client({ endpoint: aws.url, region: sandboxRegion, credentials });
}

/** The group of every interface of every instance, interfaces in the order of their ids. */
export async function groupsOfInstances(
  world: Pick<World, 'aws' | 'credentials'>,
  instances: string[],
): Promise<string[][]> {
  const ec2 = ec2Of(world);
  const lists = [];
  for (const instance of instances) {
    const { NetworkInterfaces = [] } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instance] }] }),
    );
    const sorted = NetworkInterfaces.toSorted((a, b) =>
      (a.NetworkInterfaceId ?? '').localeCompare(b.NetworkInterfaceId ?? ''),
    );
    lists.push(sorted.map(({ Groups = [] }) => Groups.map(({ GroupId }) => GroupId ?? '').join(' ')));
  }
  ec2.destroy();
  return lists;
}

/** The interfaces of an instance, in the order of their ids. */
export async function interfacesOf(world: Pick<World, 'aws' | 'credentials'>, instance: string): Promise<string[]> {
  const ec2 = ec2Of(world);
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'attachment.instance-id', Values: [instance] }] }),
  );
  ec2.destroy();
  return NetworkInterfaces.map(({ NetworkInterfaceId = '' }) => NetworkInterfaceId).toSorted();
}

/** Where an instance is. */
export async function placeOf(
  world: Pick<World, 'aws' | 'credentials'>,
  instance: string,
): Promise<{ vpc: string; subnet: string }> {
  const ec2 = ec2Of(world);
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  ec2.destroy();
  const { VpcId = '', SubnetId = '' } = Reservations[0]?.Instances?.[0] ?? {};
  return { vpc: VpcId, subnet: SubnetId };
}
