/** Access keys of IAM users, and how a target names one. */
import { ListAccessKeysCommand } from '@aws-sdk/client-iam';
import type { Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import { askIam, everyPage, sent } from './ask.js';
import { iamIdIn } from './targets.js';
import type { AwsWorld } from './world.js';

export interface AccessKey {
  id: string;
  status: string;
  createdAt?: Date;
}

const action = 'iam:ListAccessKeys';

export async function keysOf(world: AwsWorld, user: string): Promise<AccessKey[]> {
  const found = await everyPage(action, async (next) => {
    const query = { UserName: user, ...(next === undefined ? {} : { Marker: next }) };
    const { AccessKeyMetadata, Marker } = await askIam(world, new ListAccessKeysCommand(query), { about: user });
    return { items: AccessKeyMetadata, next: Marker };
  });
  return found
    .map(({ AccessKeyId, Status, CreateDate }) => ({
      id: sent(AccessKeyId, action, 'id of a key'),
      status: sent(Status, action, 'status of a key'),
      ...(CreateDate === undefined ? {} : { createdAt: CreateDate }),
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** `alice/AKIAIOSFODNN7EXAMPLE` */
export function partsOf(world: AwsWorld, target: Target): { user: string; key: string } {
  const [user = '', key = ''] = iamIdIn(world, target, 'access-key').split('/');
  return { user, key };
}

export function noSuchKey(user: string, key: string): FirebreakError {
  return new FirebreakError('aws.not-found', `${user} has no access key ${key}.`, {
    nextStep: 'see in CloudTrail whether it was deleted, and whose key it is: aws iam get-access-key-last-used.',
    target: key,
  });
}
