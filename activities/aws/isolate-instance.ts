/**
 * Containment: every network interface of the instance holds the quarantine group and no other.
 * The instance keeps running, so its memory stays available as evidence. Connections already tracked die with the two-step
 * swap in `replace-groups.ts`; ICMP does not, and neither do the VPC's own resolver, DHCP, time and metadata services.
 * Where no quarantine group is left that is fit for use, because somebody opened it, another is made and the interface moves there.
 * Always interface by interface: the call for a whole instance fails when it has more than one.
 */
import type * as z from 'zod';
import { changeKey } from '../../core/change.js';
import { defineAction } from '../define-action.js';
import { instanceInput } from './instance.js';
import { quarantineAspect } from './make-quarantine-group.js'; // the group itself is a change of that unit
import { interfacesOf } from './network-interface.js';
import { quarantineRef, quarantineTarget, sealedGroupByHand } from './quarantine-group.js';
import { cannotReach } from './reachability.js';
import {
  clearAllAccess,
  type GroupsState,
  groupsState,
  isIsolation,
  readGroups,
  replaceGroups,
} from './replace-groups.js';
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
    'ec2:DescribeSecurityGroupRules',
    'ec2:DescribeSecurityGroups',
    'ec2:ModifyNetworkInterfaceAttribute',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:RevokeSecurityGroupIngress',
  ],
  repeatable:
    'Groups are set to a value, and a swap that was cut short is finished; a second write finds nothing to do.',
  readLagMs: 0,
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
for eni in $(aws ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$instance" \\
    --query 'NetworkInterfaces[].NetworkInterfaceId' --output text); do
  vpc=$(aws ec2 describe-network-interfaces --network-interface-ids "$eni" --query 'NetworkInterfaces[0].VpcId' --output text)
  quarantine=$(${sealedGroupByHand})
  before=$(aws ec2 describe-network-interfaces --network-interface-ids "$eni" \\
    --query 'NetworkInterfaces[0].Groups[].GroupId' --output text)
  # Before anything is opened there must be somewhere to go on to; and what is isolated already must not be opened again.
  case "$quarantine" in sg-*) ;; *) echo "NOT ISOLATED: $eni, for $vpc has no quarantine group without rules"; continue ;; esac
  if [ "$before" = "$quarantine" ]; then continue; fi
  echo "$(date -u +%FT%TZ) $instance $eni had $before" | tee -a groups-before.txt
  # First through a group that allows everything: connections that EC2 tracks would outlive a change straight to quarantine.
  open=$(aws ec2 create-security-group --vpc-id "$vpc" --group-name "all-access-by-hand-$eni-$(date +%s)" \\
    --description "$eni passes through it. Delete it if it is still here." --query GroupId --output text)
  aws ec2 authorize-security-group-ingress --group-id "$open" \\
    --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}],Ipv6Ranges=[{CidrIpv6=::/0}]'
  # "Duplicate" is a good answer here; out over IPv4 is allowed from the start.
  aws ec2 authorize-security-group-egress --group-id "$open" --ip-permissions 'IpProtocol=-1,Ipv6Ranges=[{CidrIpv6=::/0}]'
  aws ec2 modify-network-interface-attribute --network-interface-id "$eni" --groups "$open"
  # At once into quarantine, whatever became of the line before: no interface may stay in the open group.
  for try in 1 2 3 4 5; do
    aws ec2 modify-network-interface-attribute --network-interface-id "$eni" --groups "$quarantine" && break
    echo "NOT ISOLATED YET: $eni may stand open; try $try of 5"; sleep 2
  done
  aws ec2 delete-security-group --group-id "$open"
done
# Every interface must hold the quarantine group and no other; an empty list means that nothing was isolated.
aws ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$instance" \\
  --query 'NetworkInterfaces[].{interface:NetworkInterfaceId,groups:Groups[].GroupId}' --output json
# To put one back: aws ec2 modify-network-interface-attribute --network-interface-id ENI --groups GROUPS-BEFORE`,
  input: instanceInput,
  state: groupsState,

  read: (target, hold, world) => readGroups(world, idIn(world, target, 'network-interface'), hold),
  plan: async ({ instance }, world) => {
    const interfaces = await interfacesOf(world, instance);
    return interfaces.map(({ id, vpc }) => ({
      target: awsTarget(world, 'network-interface', id),
      after: { groups: [quarantineRef] },
      dependsOn: [changeKey({ target: quarantineTarget(world, vpc), aspect: quarantineAspect })],
    }));
  },
  write: (target, state, hold, world) => replaceGroups(world, idIn(world, target, 'network-interface'), state, hold),
  clearUp: (target, hold, world) => clearAllAccess(world, idIn(world, target, 'network-interface'), hold),
  probe: async (target, state, world) => {
    const id = idIn(world, target, 'network-interface');
    // Putting groups back promises the groups, not that somebody can reach the instance.
    if (!isIsolation(state)) return { shown: true, basis: `groups, ${world.shownOn}` };
    return cannotReach(world, id);
  },
});
