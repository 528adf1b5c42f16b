/** Network interfaces of an instance and the groups that they hold. */
import {
  DescribeNetworkInterfacesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  type NetworkInterface as Described,
} from '@aws-sdk/client-ec2';
import { FirebreakError } from '../../core/errors.js';
import { ask, type AskOptions, everyPage, pageSize, sent } from './ask.js';
import { answerUnreadable } from './errors.js';
import { liveInstance } from './instance.js';
import type { AwsWorld } from './world.js';

export interface NetworkInterface {
  id: string;
  vpc: string;
  subnet: string;
  /** Ids, sorted. */
  groups: string[];
  /** Made and kept by an AWS service: only that service may change it. */
  requesterManaged: boolean;
}

const action = 'ec2:DescribeNetworkInterfaces';

/** Every interface of a live instance. Throws when there are none: "every" must not be true of nothing. */
export async function interfacesOf(world: AwsWorld, instance: string): Promise<NetworkInterface[]> {
  await liveInstance(world, instance);
  const found = await interfacesWhere(world, 'attachment.instance-id', instance);
  if (found.length > 0) return found;
  throw new FirebreakError('aws.no-interfaces', `${instance} has no network interfaces.`, {
    nextStep: 'look at it in the console; if it really has none, nothing reaches it.',
    target: instance,
  });
}

export async function interfaceNamed(world: AwsWorld, id: string, options: AskOptions = {}): Promise<NetworkInterface> {
  const query = new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] });
  const { NetworkInterfaces } = await ask(world, query, { about: id, ...options });
  const [found, ...more] = sent(NetworkInterfaces, action, 'interfaces').map(readInterface);
  if (found?.id !== id || more.length > 0) throw answerUnreadable(action, `it is not about ${id}`);
  return found;
}

/** Interfaces that hold a group. */
export function interfacesWith(world: AwsWorld, group: string): Promise<NetworkInterface[]> {
  return interfacesWhere(world, 'group-id', group);
}

/** Sets the whole set of groups, in one call. */
export async function setGroups(
  world: AwsWorld,
  id: string,
  groups: string[],
  options: AskOptions = {},
): Promise<void> {
  await ask(world, new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: id, Groups: groups }), {
    about: id,
    ...options,
  });
}

async function interfacesWhere(world: AwsWorld, filter: string, value: string): Promise<NetworkInterface[]> {
  const found = await everyPage(action, async (next) => {
    const query = {
      Filters: [{ Name: filter, Values: [value] }],
      MaxResults: pageSize,
      ...(next === undefined ? {} : { NextToken: next }),
    };
    const { NetworkInterfaces, NextToken } = await ask(world, new DescribeNetworkInterfacesCommand(query), {
      about: value,
    });
    return { items: NetworkInterfaces, next: NextToken };
  });
  return found.map(readInterface);
}

function readInterface(found: Described): NetworkInterface {
  const groups = sent(found.Groups, action, 'groups of an interface').map(({ GroupId }) =>
    sent(GroupId, action, 'id of a group'),
  );
  return {
    id: sent(found.NetworkInterfaceId, action, 'id of an interface'),
    vpc: sent(found.VpcId, action, 'VPC of an interface'),
    subnet: sent(found.SubnetId, action, 'subnet of an interface'),
    groups: groups.toSorted(),
    requesterManaged: sent(found.RequesterManaged, action, 'RequesterManaged of an interface'),
  };
}
