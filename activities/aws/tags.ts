/** Tags by which Firebreak finds again what it made. Always set in the creating call: a later one would leave a gap to crash in. */
import type { ResourceType, TagSpecification } from '@aws-sdk/client-ec2';
import type { AwsWorld } from './world.js';

/** On the quarantine group of a VPC; the value is the VPC. */
export const quarantineTagKey = 'firebreak:quarantine';
/** On the group of a swap; the value is the network interface that is swapped. */
export const allAccessTagKey = 'firebreak:all-access';
/** On everything that Firebreak makes; on snapshots the value is `<incident>/<instance>`. */
export const incidentTagKey = 'firebreak:incident';

export function tagged(type: ResourceType, world: AwsWorld, own: Record<string, string>): TagSpecification[] {
  const tags = { [incidentTagKey]: world.incident, 'firebreak:run': world.run, 'firebreak:step': world.step, ...own };
  return [{ ResourceType: type, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }];
}
