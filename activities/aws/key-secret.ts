/**
 * A secret of Secrets Manager that holds an access key, as a JSON object with `accessKeyId` and `secretAccessKey`; what else is
 * in it stays. Values are read by stage or version only, live for the length of a call, and appear in no error.
 */
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { askSecrets, sent } from './ask.js';
import type { AwsWorld } from './world.js';

export const secretName = z
  .string()
  .regex(/^[\w/+=.@:-]{1,2048}$/, 'a secret is named as in Secrets Manager, like prod/alice, or by its ARN');

const heldKey = z.looseObject({ accessKeyId: z.string().min(16), secretAccessKey: z.string().min(1) });
export type HeldKey = z.infer<typeof heldKey>;

export type Stage = 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS';

export interface KeySecret {
  arn: string;
  /** Ids of its versions by the stage that they are in. */
  stages: Partial<Record<string, string>>;
  /** All versions that are in a stage; others do not count as there. */
  versions: Set<string>;
}

export async function secretNamed(world: AwsWorld, name: string): Promise<KeySecret> {
  const answer = await askSecrets(world, new DescribeSecretCommand({ SecretId: name }), { about: name });
  const action = 'secretsmanager:DescribeSecret';
  const stagesOf = Object.entries(sent(answer.VersionIdsToStages, action, 'versions'));
  return {
    arn: sent(answer.ARN, action, 'ARN'),
    stages: Object.fromEntries(stagesOf.flatMap(([version, stages]) => stages.map((stage) => [stage, version]))),
    versions: new Set(stagesOf.map(([version]) => version)),
  };
}

/** The version that is current. A secret without one is of no use to anybody. */
export function currentOf({ arn, stages }: KeySecret): string {
  const current = stages['AWSCURRENT'];
  if (current !== undefined) return current;
  throw new FirebreakError('aws.secret-without-value', `${arn} has no current value.`, {
    nextStep: 'store the credential there first, as JSON with accessKeyId and secretAccessKey.',
    target: arn,
  });
}

export async function keyIn(
  world: AwsWorld,
  secret: string,
  of: { stage: Stage } | { version: string },
): Promise<HeldKey> {
  const which = 'stage' in of ? { VersionStage: of.stage } : { VersionId: of.version };
  const query = new GetSecretValueCommand({ SecretId: secret, ...which });
  const { SecretString = '' } = await askSecrets(world, query, { about: secret });
  const held = heldKey.safeParse(parsed(SecretString));
  if (held.success) return held.data;
  // Neither the value nor what a parser says of it, which quotes it.
  throw new FirebreakError('aws.secret-other-form', `What is in ${secret} is not an access key as JSON.`, {
    nextStep: 'store it as {"accessKeyId": ..., "secretAccessKey": ...}, or rotate this credential by hand.',
    target: secret,
  });
}

/** Stores a value under a version that never changes: again is no more than once, and another value is refused. */
export async function putKey(
  world: AwsWorld,
  secret: string,
  { version, stage, key }: { version: string; stage: Stage; key: HeldKey },
): Promise<void> {
  const text = JSON.stringify(key);
  const command = new PutSecretValueCommand({
    SecretId: secret,
    ClientRequestToken: version,
    VersionStages: [stage],
    SecretString: text,
  });
  await askSecrets(world, command, { about: secret, secrets: [key.secretAccessKey, text] });
}

export async function makeCurrent(world: AwsWorld, secret: string, version: string): Promise<void> {
  const from = currentOf(await secretNamed(world, secret));
  if (from === version) return;
  const command = new UpdateSecretVersionStageCommand({
    SecretId: secret,
    VersionStage: 'AWSCURRENT',
    RemoveFromVersionId: from,
    MoveToVersionId: version,
  });
  try {
    await askSecrets(world, command, { about: secret });
  } catch (error) {
    // A second time is refused, also when the first one's answer got lost on the way.
    if (currentOf(await secretNamed(world, secret)) !== version) throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
