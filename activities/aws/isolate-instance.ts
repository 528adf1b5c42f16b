/**
 * Containment: every network interface of the instance holds the quarantine group and no other.
 * The instance keeps running, so its memory stays available as evidence. Connections already tracked die with the two-step
 * swap in `replace-groups.ts`; ICMP does not, and neither do the VPC's own resolver, DHCP, time and metadata services.
 * Always interface by interface: the call for a whole instance fails when it has more than one.
 */
import type * as z from 'zod';
import { changeKey } from '../../core/change.js';
import { defineAction } from '../define-action.js';
import { instanceInput } from './instance.js';
import { quarantineAspect } from './make-quarantine-group.js'; // the group itself is a change of that unit
import { interfacesOf } from './network-interface.js';
import { quarantineRef, quarantineTarget } from './quarantine-group.js';
import { cannotReach } from './reachability.js';
import { type GroupsState, groupsState, isIsolation, readGroups, replaceGroups } from './replace-groups.js';
import { awsTarget, idIn } from './targets.js';
import type { AwsWorld } from './world.js';

export const isolateInstance = defineAction<z.infer<typeof instanceInput>, GroupsState, AwsWorld>({
  name: 'aws.isolate-instance@1',
  summary: 'Cut an EC2 instance off from every network; it keeps running.',
  phase: 'contain',
  risk: 'disruptive',
  guarded: false, // an attacker who flips groups must not starve containment
  oneWay: false,
  partsOpen: true, // an interface attached later is part of the instance that was approved
  aspect: 'groups',
  permissions: [
    'ec2:AuthorizeSecurityGroupEgress',
    'ec2:AuthorizeSecurityGroupIngress',
    'ec2:CreateSecurityGroup',
    'ec2:CreateTags',
    'ec2:DeleteSecurityGroup',
    'ec2:DescribeInstances',
    'ec2:DescribeNetworkAcls',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroups',
    'ec2:ModifyNetworkInterfaceAttribute',
  ],
  repeatable:
    'Groups are set to a value, and a swap that was cut short is finished; a second write finds nothing to do.',
  readLagMs: 0,
  example: { instance: 'i-0123456789abcdef0' },
  input: instanceInput,
  state: groupsState,

  read: (target, _hold, world) => readGroups(world, idIn(world, target, 'network-interface')),
  plan: async ({ instance }, world) => {
    const interfaces = await interfacesOf(world, instance);
    return interfaces.map(({ id, vpc }) => ({
      target: awsTarget(world, 'network-interface', id),
      after: { groups: [quarantineRef] },
      dependsOn: [changeKey({ target: quarantineTarget(world, vpc), aspect: quarantineAspect })],
    }));
  },
  write: (target, state, _hold, world) => replaceGroups(world, idIn(world, target, 'network-interface'), state),
  probe: async (target, state, world) => {
    const id = idIn(world, target, 'network-interface');
    // Putting groups back promises the groups, not that somebody can reach the instance.
    if (!isIsolation(state)) return { shown: true, basis: `groups, ${world.shownOn}` };
    return cannotReach(world, id);
  },
});
