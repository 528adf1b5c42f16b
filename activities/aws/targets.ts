/** Targets of AWS units: in the region of the world that planned them, but for those of IAM, which has no regions. */
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import type { AwsWorld } from './world.js';

export type AwsTargetType =
  | 'instance'
  | 'instance-volume'
  | 'instance-snapshots'
  | 'network-interface'
  | 'security-group'
  | 'secret'
  | 'user-key';

export function awsTarget({ system, account, region }: AwsWorld, type: AwsTargetType, id: string): Target {
  return { system, ...(account === undefined ? {} : { account }), region, type, id };
}

/** The id of a target of that type in this world's region; the same id in another region is another thing. */
export function idIn(world: AwsWorld, target: Target, type: AwsTargetType): string {
  if (target.type === type && target.region === world.region && target.system === world.system) return target.id;
  throw new FirebreakError(
    'aws.other-target',
    `${target.type} ${target.id} of ${target.system} ${target.region ?? '(no region)'} is not a ${type} of ${world.system} ${world.region}.`,
    {
      nextStep: 'see whether the region of the system in firebreak.yaml was changed since the plan; plan again.',
      target: target.id,
    },
  );
}

export type IamTargetType = 'access-key' | 'inline-policy';

export function iamTarget({ system, account }: AwsWorld, type: IamTargetType, id: string): Target {
  return { system, ...(account === undefined ? {} : { account }), type, id };
}

/** The id of a target of that type in this world's account. */
export function iamIdIn(world: AwsWorld, target: Target, type: IamTargetType): string {
  if (target.type === type && target.region === undefined && target.system === world.system) return target.id;
  throw new FirebreakError(
    'aws.other-target',
    `${target.type} ${target.id} of ${target.system} is not an IAM ${type} of ${world.system}.`,
    {
      nextStep: 'see whether the systems in firebreak.yaml were renamed since the plan; plan again.',
      target: target.id,
    },
  );
}
