/**
 * Containment: access keys of a user are inactive. Requests signed with them are refused, and a key is made active again by
 * release. Without `key` every key of the user is meant, also one that an attacker makes while this is in force.
 * It does not end sessions that were got with a key before, and does not keep the user from signing in to the console:
 * `contain-principal` does both, but for sessions of roles, which `revoke-role-sessions` cuts. Release makes active again what
 * was active before, also a key that the attacker made: delete such a key first, and release leaves it so. Whether AWS refuses
 * the key cannot be tried, because only its owner has the secret; so the status is read back, and AWS may take some seconds more
 * until every service follows it.
 */
import { type StatusType, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { defineAction } from '../define-action.js';
import { type AccessKey, keysOf, noSuchKey, partsOf } from './access-key.js';
import { askIam } from './ask.js';
import { awsCode } from './errors.js';
import { principalNamed, refuseOwnKey, userName } from './principal.js';
import { iamTarget } from './targets.js';
import { untilSeen } from './until-seen.js';
import type { AwsWorld } from './world.js';

const input = z.strictObject({
  user: userName,
  key: z
    .string()
    .regex(/^[A-Z0-9]{16,128}$/, 'an access key id looks like AKIAIOSFODNN7EXAMPLE')
    .exactOptional(),
});

/** As IAM words it; `Deleted` when there is a hold on a key that is gone. */
const state = z.strictObject({ status: z.string().min(1) });

export const deactivateKey = defineAction<z.infer<typeof input>, z.infer<typeof state>, AwsWorld>({
  name: 'aws.deactivate-key@1',
  summary: 'Make access keys of an IAM user inactive, so that requests signed with them are refused.',
  phase: 'contain',
  risk: 'disruptive',
  guarded: true, // a key has two states: whatever else is found is for a person to look at
  oneWay: false,
  partsOpen: true, // a key made later is one of the user's who was approved
  aspect: 'status',
  permissions: ['iam:GetUser', 'iam:ListAccessKeys', 'iam:UpdateAccessKey'],
  repeatable: 'The status is set to a value; a second write finds nothing to do.',
  readLagMs: 0,
  example: { user: 'alice', key: 'AKIAIOSFODNN7EXAMPLE' },
  byHand: `
# What there is; none of them may be the one that you work with yourself.
aws iam list-access-keys --user-name "$user" \\
  --query 'AccessKeyMetadata[].[UserName,AccessKeyId,Status]' --output text | tee -a keys-before.txt
for id in \${key:-$(aws iam list-access-keys --user-name "$user" --query 'AccessKeyMetadata[].AccessKeyId' --output text)}; do
  aws iam update-access-key --user-name "$user" --access-key-id "$id" --status Inactive
done
# Each must be Inactive; an empty list means that nothing was done. Look again later: a new one may have been made.
aws iam list-access-keys --user-name "$user" --query 'AccessKeyMetadata[].[AccessKeyId,Status]' --output text
unset user key
# To put one back: aws iam update-access-key --user-name USER --access-key-id ID --status Active`,
  input,
  state,

  read: async (target, hold, world) => {
    const { user, key } = partsOf(world, target);
    const found = await keysIfAny(world, user, hold !== undefined);
    const status = found.find(({ id }) => id === key)?.status;
    if (status !== undefined) return { state: { status } };
    if (hold !== undefined) return { state: { status: 'Deleted' } };
    throw noSuchKey(user, key);
  },
  plan: async ({ user, key }, world) => {
    await principalNamed(world, { kind: 'user', name: user });
    const keys = (await keysOf(world, user)).map(({ id }) => id);
    if (key !== undefined && !keys.includes(key)) throw noSuchKey(user, key);
    if (keys.length === 0) throw noKeys(user);
    const meant = key === undefined ? keys : [key];
    for (const each of meant) await refuseOwnKey(world, each);
    return meant.map((id) => ({
      target: iamTarget(world, 'access-key', `${user}/${id}`),
      after: { status: 'Inactive' },
    }));
  },
  write: async (target, { status }, _hold, world) => {
    const { user, key } = partsOf(world, target);
    if (status !== 'Active') await refuseOwnKey(world, key);
    const update = new UpdateAccessKeyCommand({ UserName: user, AccessKeyId: key, Status: status as StatusType });
    await askIam(world, update, { about: target.id });
    await untilSeen(world, target.id, async () =>
      (await keysOf(world, user)).some((each) => each.id === key && each.status === status),
    );
    return undefined;
  },
});

/** A user that is gone has no keys left, which is for release to know; a plan for nobody is an error. */
async function keysIfAny(world: AwsWorld, user: string, mayBeGone: boolean): Promise<AccessKey[]> {
  try {
    return await keysOf(world, user);
  } catch (error) {
    if (mayBeGone && awsCode(error) === 'NoSuchEntity') return [];
    throw error;
  }
}

/** "Every key is inactive" must not be true of nothing. */
function noKeys(user: string): FirebreakError {
  return new FirebreakError('aws.no-access-keys', `${user} has no access keys, so none can be made inactive.`, {
    nextStep: 'check the name; what else the user can do is stopped by aws.contain-principal@1.',
    target: user,
  });
}
