/**
 * A user's access key is exchanged for a new one, by four changes that wait for one another:
 *
 *   issue    a new key, stored in the secret as AWSPENDING before anybody uses it; probed: AWS takes it for that user
 *   deliver  the same value in each further secret that consumers read (`copies`)
 *   prove    the secret's AWSCURRENT moves to the new value, after AWS has accepted it once more
 *   retire   the old key is inactive, and stays so; probed with the old value, where the secret still has it
 *
 * A version of a secret never changes, so its id stands for the value: states hold that id, and the value goes from IAM into
 * the store and nowhere else. The id follows from the run, which is why a second attempt finds what the first one made.
 *
 * AWS alone can show that the secrets hold the new key, that it works, and that the old one does not. It cannot show that a
 * consumer has read its secret again: whoever keeps the old key in memory fails from `retire` on. So a runbook may do it in two
 * steps: the first with `keep_old`, the second, once people said that consumers have the new one, without; it finds three changes
 * done already. Deleting the old key is left to people; IAM allows two, so that the next rotation needs it gone.
 *
 * A key that nobody can account for is never deleted: the item fails, and a person decides. Only a key of our own that was cut
 * off before its value was stored is taken away, see `removeStranded`. While `deactivate-key` holds all keys of the user, new
 * ones are made inactive too: release that first, or name the stolen key there.
 */
import { CreateAccessKeyCommand, DeleteAccessKeyCommand, GetAccessKeyLastUsedCommand } from '@aws-sdk/client-iam';
import * as z from 'zod';
import { changeKey, type Target } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import type { Hold } from '../../core/hold.js';
import { type Planned, type Probed, defineAction } from '../define-action.js';
import { type AccessKey, keysOf, noSuchKey, partsOf } from './access-key.js';
import { askIam, askWhoseTheyAre, sent } from './ask.js';
import { deactivateKey } from './deactivate-key.js';
import { awsCode } from './errors.js';
import { eventually } from './eventually.js';
import {
  currentOf,
  type HeldKey,
  keyIn,
  type KeySecret,
  makeCurrent,
  putKey,
  secretName,
  secretNamed,
} from './key-secret.js';
import { principalIn, principalNamed, refuseOwnKey, userName } from './principal.js';
import { awsTarget, iamTarget, idIn } from './targets.js';
import { untilSeen } from './until-seen.js';
import type { AwsWorld } from './world.js';

const input = z.strictObject({
  user: userName,
  secret: secretName.describe('Holds the key in use as AWSCURRENT, and gets the new one.'),
  copies: z
    .array(secretName)
    .max(20)
    .exactOptional()
    .describe('Further secrets that hold the same key, for consumers.'),
  keep_old: z
    .boolean()
    .exactOptional()
    .describe('The old key goes on working, until a later step of the run retires it.'),
});
type Input = z.infer<typeof input>;

const before = z.strictObject({ keys: z.array(z.string()) });
const stored = z.strictObject({ version: z.string() });
const status = z.strictObject({ status: z.string().min(1) });

/** Of a user's key: all keys there are, until the new one is stored as a version. Of a secret: the current version. */
const state = z.union([before, stored, status]);
type State = z.infer<typeof state>;

/** AWS takes up a new or an inactive key within seconds, everywhere within a minute. */
const acceptance = { attempts: 30, waitMs: 1_000 };
/** AWS's clock and ours: what is older than the hold by more is not ours. */
const clockSkewMs = 5_000;

export const rotateAccessKey = defineAction<Input, State, AwsWorld>({
  name: 'aws.rotate-access-key@1',
  summary: "Exchange an IAM user's access key: issue, deliver, prove the new one, then make the old one inactive.",
  phase: 'eradicate',
  risk: 'disruptive',
  guarded: true, // somebody who rotates the same key meanwhile has a reason that a person must hear
  oneWay: true, // a credential that is retired because it was stolen is never brought back
  partsOpen: false,
  aspect: 'value',
  permissions: [
    'iam:CreateAccessKey',
    'iam:DeleteAccessKey',
    'iam:GetAccessKeyLastUsed',
    'iam:GetUser',
    'iam:ListAccessKeys',
    'iam:UpdateAccessKey',
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetSecretValue',
    'secretsmanager:PutSecretValue',
    'secretsmanager:UpdateSecretVersionStage',
    'sts:GetCallerIdentity',
  ],
  repeatable: 'The new value is stored once, under a version named after the run; all else is set to a value.',
  readLagMs: 2_000,
  example: { user: 'alice', secret: 'prod/alice', copies: ['prod/web/alice'], keep_old: false },
  byHand: `
# The key in use, and all keys of the user.
used=$(aws secretsmanager get-secret-value --secret-id "$secret" --version-stage AWSCURRENT --query SecretString --output text |
  sed -n 's/.*"accessKeyId" *: *"\\([A-Z0-9]*\\)".*/\\1/p')
keys=$(aws iam list-access-keys --user-name "$user" --query 'AccessKeyMetadata[].AccessKeyId' --output text)
aws iam list-access-keys --user-name "$user" --query 'AccessKeyMetadata[].[AccessKeyId,Status,CreateDate]' --output text
echo "in use: $used"
case $keys in
*[[:space:]]*)
  echo "There is a second key, so none was made. If this was begun before, $used is the new one. If not, find out whose the other is."
  ;;
*)
  # The new one goes into the secret and nowhere else. What else is in the secret is lost: put it back by hand.
  value=$(aws iam create-access-key --user-name "$user" \\
    --query 'AccessKey.{accessKeyId:AccessKeyId,secretAccessKey:SecretAccessKey}' --output json)
  for each in "$secret" $copies; do
    printf '%s' "$value" | aws secretsmanager put-secret-value --secret-id "$each" --secret-string file:///dev/stdin \\
      --query VersionId --output text
  done
  unset value
  ;;
esac
# Consumers must have read their secret again, and the old key must be quiet. Then, and not before, see what this says for it:
for key in $keys; do
  aws iam get-access-key-last-used --access-key-id "$key" --query AccessKeyLastUsed.LastUsedDate --output text
  [ "$keep_old" = true ] || echo "aws iam update-access-key --user-name $user --access-key-id $key --status Inactive"
done`,
  input,
  state,

  read: async (target, hold, world) => {
    switch (target.type) {
      case 'secret':
        return { state: { version: currentOf(await secretNamed(world, idIn(world, target, 'secret'))) } };
      case 'access-key':
        return deactivateKey.read(target, hold, world);
      default:
        return readIssued(world, issuedAt(world, target), hold);
    }
  },
  plan: planRotation,
  write: async (target, wanted, hold, world) => {
    if ('status' in wanted) return retire(world, target, wanted, hold);
    if (!('version' in wanted)) throw notOurs(target);
    if (target.type === 'secret') return bring(world, idIn(world, target, 'secret'), wanted.version, hold);
    return issue(world, issuedAt(world, target), wanted.version, hold);
  },
  probe: async (target, wanted, world, item) => {
    const { user, secret } = input.parse(item);
    if ('status' in wanted) return refusedNow(world, secret, partsOf(world, target).key);
    const of = 'version' in wanted ? { version: wanted.version } : { stage: 'AWSCURRENT' as const };
    const at = target.type === 'secret' ? target.id : issuedAt(world, target).secret;
    const shown = await isAccepted(world, user, await keyIn(world, at, of));
    return { shown, basis: `sts:GetCallerIdentity with the new key, ${world.shownOn}` };
  },
});

/** Where the new key is stored: a version named after the run, so that planning again in it never issues anew. */
function versionOf({ run }: AwsWorld): string {
  return `firebreak-rotation-${run}`;
}

async function planRotation(
  { user, secret, copies = [], keep_old: keepsOld = false }: Input,
  world: AwsWorld,
): Promise<Planned<State>[]> {
  await principalNamed(world, { kind: 'user', name: user });
  const version = versionOf(world);
  const main = await secretNamed(world, secret);
  const old = await oldKeyIn(world, main, version);
  await refuseOwnKey(world, old);
  if (!(await keysOf(world, user)).some(({ id }) => id === old)) throw keyOfSomebodyElse(user, old, main.arn);
  const copied: string[] = [];
  for (const name of copies) {
    const copy = await secretNamed(world, name);
    if (copy.arn === main.arn || copied.includes(copy.arn)) throw namedTwice(name);
    if ((await oldKeyIn(world, copy, version)) !== old) throw otherKeyInCopy(copy.arn, main.arn);
    copied.push(copy.arn);
  }
  const issued: Planned<State> = {
    target: awsTarget(world, 'user-key', `${user}/${main.arn}`),
    after: { version },
    aspect: 'issued',
  };
  const inSecret = (arn: string, dependsOn: string[]): Planned<State> => ({
    target: awsTarget(world, 'secret', arn),
    after: { version },
    aspect: 'value',
    dependsOn,
  });
  const delivered = copied.map((arn) => inSecret(arn, [keyOf(issued)]));
  const proved = inSecret(main.arn, [issued, ...delivered].map(keyOf));
  if (keepsOld) return [issued, ...delivered, proved];
  const retired: Planned<State> = {
    target: iamTarget(world, 'access-key', `${user}/${old}`),
    after: { status: 'Inactive' },
    aspect: 'status',
    dependsOn: [proved, ...delivered].map(keyOf),
  };
  return [issued, ...delivered, proved, retired];
}

function keyOf({ target, aspect = 'value' }: Planned<State>): string {
  return changeKey({ target, aspect });
}

/** The key that is being exchanged: what is current, or was until this run put its own in the place. */
async function oldKeyIn(world: AwsWorld, secret: KeySecret, version: string): Promise<string> {
  const stage = currentOf(secret) === version ? 'AWSPREVIOUS' : 'AWSCURRENT';
  return (await keyIn(world, secret.arn, { stage })).accessKeyId;
}

interface Issued {
  user: string;
  secret: string;
}

/** `alice/arn:aws:secretsmanager:...`: the key of a user that is kept in that secret. */
function issuedAt(world: AwsWorld, target: Target): Issued {
  const [user = '', ...rest] = idIn(world, target, 'user-key').split('/');
  return { user, secret: rest.join('/') };
}

async function readIssued(world: AwsWorld, { user, secret }: Issued, hold: Hold | undefined) {
  const keys = await keysOf(world, user);
  const at = await secretNamed(world, secret);
  const version = hold === undefined ? versionOf(world) : stored.parse(hold.after).version;
  if (at.versions.has(version)) {
    const key = (await keyIn(world, secret, { version })).accessKeyId;
    if (!keys.some(({ id }) => id === key)) throw issuedKeyGone(user, key);
    return { state: { version }, identity: { key } };
  }
  const current = (await keyIn(world, secret, { stage: 'AWSCURRENT' })).accessKeyId;
  const other = keys.find(({ id }) => id !== current);
  // Under a hold it may be ours, cut off before its value was stored: writing looks at it closely.
  if (other !== undefined && hold === undefined) throw secondKey(user, other);
  return { state: { keys: keys.map(({ id }) => id) } };
}

/** Makes the key and stores it in one breath. Cut short between the two, the next attempt takes that key away and makes another. */
async function issue(world: AwsWorld, { user, secret }: Issued, version: string, hold: Hold): Promise<{ key: string }> {
  const keys = await keysOf(world, user);
  const at = await secretNamed(world, secret);
  if (at.versions.has(version)) return { key: (await keyIn(world, secret, { version })).accessKeyId };
  const known = before.parse(hold.before).keys;
  for (const key of keys.filter(({ id }) => !known.includes(id))) await removeStranded(world, user, key, hold);
  const rest = await keyIn(world, secret, { stage: 'AWSCURRENT' });
  const made = await createKey(world, user);
  try {
    await putKey(world, secret, { version, stage: 'AWSPENDING', key: { ...rest, ...made } });
  } catch (error) {
    // A clear no: nobody has the value, so the key is of use to nobody. Whatever else, the next attempt looks what is so.
    if (error instanceof FirebreakError && error.isTerminal)
      await deleteKey(world, user, made.accessKeyId).catch(() => {});
    throw error;
  }
  await untilSeen(world, made.accessKeyId, async () =>
    (await keysOf(world, user)).some(({ id }) => id === made.accessKeyId),
  );
  return { key: made.accessKeyId };
}

async function createKey(world: AwsWorld, user: string): Promise<Pick<HeldKey, 'accessKeyId' | 'secretAccessKey'>> {
  const action = 'iam:CreateAccessKey';
  try {
    const command = new CreateAccessKeyCommand({ UserName: user });
    const { AccessKey: made } = await askIam(world, command, { about: user, once: true });
    return {
      accessKeyId: sent(made?.AccessKeyId, action, 'id of the key'),
      secretAccessKey: sent(made?.SecretAccessKey, action, 'secret of the key'),
    };
  } catch (error) {
    if (awsCode(error) === 'LimitExceeded') throw keyLimit(user, error);
    throw error;
  }
}

/**
 * A key that appeared after the hold was written is ours only if everything says so: it was not there before, it was made
 * since, and nobody has used it, which nobody could, for its secret was lost with the attempt that made it.
 */
async function removeStranded(world: AwsWorld, user: string, key: AccessKey, hold: Hold): Promise<void> {
  const earliest = Math.floor((Date.parse(hold.intendedAt) - clockSkewMs) / 1000) * 1000;
  if (key.createdAt === undefined || key.createdAt.getTime() < earliest) throw secondKey(user, key);
  const query = new GetAccessKeyLastUsedCommand({ AccessKeyId: key.id });
  const { AccessKeyLastUsed } = await askIam(world, query, { about: key.id });
  if (AccessKeyLastUsed?.LastUsedDate !== undefined) throw secondKey(user, key);
  await deleteKey(world, user, key.id);
  await untilSeen(world, key.id, async () => !(await keysOf(world, user)).some(({ id }) => id === key.id));
}

async function deleteKey(world: AwsWorld, user: string, key: string): Promise<void> {
  await askIam(world, new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: key }), { about: key });
}

/** The new value becomes current: in the secret it was issued into by moving the label, in a copy by storing it. */
async function bring(world: AwsWorld, arn: string, version: string, hold: Hold): Promise<undefined> {
  const at = await secretNamed(world, arn);
  const { user, secret } = input.parse(hold.item);
  const main = await secretNamed(world, secret);
  if (!main.versions.has(version)) throw notIssued(user, version);
  const issued = await keyIn(world, main.arn, { version });
  if (!(await isAccepted(world, user, issued))) throw notAccepted(user, issued.accessKeyId);
  if (at.versions.has(version)) await makeCurrent(world, arn, version);
  else {
    const { accessKeyId, secretAccessKey } = issued;
    const rest = await keyIn(world, arn, { stage: 'AWSCURRENT' });
    await putKey(world, arn, { version, stage: 'AWSCURRENT', key: { ...rest, accessKeyId, secretAccessKey } });
  }
  return undefined;
}

async function retire(world: AwsWorld, target: Target, wanted: State & { status: string }, hold: Hold) {
  const { user, key } = partsOf(world, target);
  if (!(await keysOf(world, user)).some(({ id }) => id === key)) throw noSuchKey(user, key);
  const { secret, copies = [] } = input.parse(hold.item);
  // Somebody may have put the old value back since it was exchanged; then its end would be theirs.
  for (const each of [secret, ...copies])
    if ((await keyIn(world, each, { stage: 'AWSCURRENT' })).accessKeyId === key) throw stillThere(user, key, each);
  return deactivateKey.write(target, wanted, hold, world);
}

async function isAccepted(world: AwsWorld, user: string, key: HeldKey): Promise<boolean> {
  const arn = await eventually(world, acceptance, () => askWhoseTheyAre(world, key));
  if (arn === undefined) return false;
  const whose = principalIn(arn);
  return whose?.kind === 'user' && whose.name === user;
}

/** Undefined when the secret does not have the old value any more, so that it cannot be tried. */
async function refusedNow(world: AwsWorld, secret: string, key: string): Promise<Probed | undefined> {
  const { stages } = await secretNamed(world, secret);
  if (stages['AWSPREVIOUS'] === undefined) return undefined;
  const old = await keyIn(world, secret, { stage: 'AWSPREVIOUS' });
  if (old.accessKeyId !== key) return undefined;
  const shown = await eventually(world, acceptance, async () =>
    (await askWhoseTheyAre(world, old)) === undefined ? true : undefined,
  );
  return { shown: shown === true, basis: `sts:GetCallerIdentity with the old key, ${world.shownOn}` };
}

function secondKey(user: string, { id, status: is, createdAt }: AccessKey): FirebreakError {
  const since = createdAt === undefined ? '' : `, made ${createdAt.toISOString()}`;
  return new FirebreakError(
    'aws.second-key',
    `${user} has a second access key ${id} (${is}${since}), which is not the one in the secret. It was left alone.`,
    {
      nextStep: `find out whose it is: aws iam get-access-key-last-used --access-key-id ${id}. If an earlier rotation retired it, or an attacker made it, delete it by hand; then launch again.`,
      target: id,
    },
  );
}

function keyLimit(user: string, cause: unknown): FirebreakError {
  return new FirebreakError('aws.key-limit', `${user} has as many access keys as IAM allows, so none can be issued.`, {
    nextStep: `it is tried again, for IAM may still count one that was just deleted; else: aws iam list-access-keys --user-name ${user}.`,
    isTerminal: false,
    target: user,
    cause,
  });
}

function keyOfSomebodyElse(user: string, key: string, secret: string): FirebreakError {
  return new FirebreakError('aws.key-of-other-user', `The key ${key} in ${secret} is none of ${user}'s.`, {
    nextStep: 'name the user whose key it is, or the secret that holds the key of this one.',
    target: secret,
  });
}

function otherKeyInCopy(copy: string, secret: string): FirebreakError {
  return new FirebreakError('aws.copy-differs', `${copy} does not hold the key that is in ${secret}.`, {
    nextStep: 'leave it out, or see why it holds another one: whoever reads it works with that.',
    target: copy,
  });
}

function namedTwice(name: string): FirebreakError {
  return new FirebreakError('input.invalid', `The secret ${name} is named twice.`, {
    nextStep: 'name each secret once.',
    target: name,
  });
}

function issuedKeyGone(user: string, key: string): FirebreakError {
  return new FirebreakError('aws.issued-key-gone', `${key}, issued for ${user} in this run, is not there any more.`, {
    nextStep: 'see in CloudTrail who deleted it; then launch again, which issues another.',
    target: key,
  });
}

function notIssued(user: string, version: string): FirebreakError {
  return new FirebreakError('aws.key-not-issued', `There is no version ${version} with a new key of ${user}.`, {
    nextStep: 'see who removed it from the secret; then launch again.',
    target: user,
  });
}

function notAccepted(user: string, key: string): FirebreakError {
  return new FirebreakError('aws.key-not-accepted', `AWS does not take the new key ${key} for ${user}'s.`, {
    nextStep: 'see whether somebody made it inactive (a containment of all keys does); the old key goes on working.',
    isTerminal: false,
    target: key,
  });
}

function stillThere(user: string, key: string, secret: string): FirebreakError {
  return new FirebreakError('aws.old-key-in-use', `${secret} holds the old key ${key} of ${user} again.`, {
    nextStep: 'find out who put it back; it was left active for them.',
    target: secret,
  });
}

function notOurs({ id }: Target): FirebreakError {
  return new FirebreakError('aws.one-way', `A rotation of ${id} is not taken back.`, {
    nextStep: 'rotate again, if the new key must go too.',
    target: id,
  });
}
