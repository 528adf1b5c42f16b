/** How units call AWS: with the step's signal, with errors translated, and with answers read in full or refused. */
import type { $Command, EC2ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-ec2';
import type {
  $Command as $IamCommand,
  IAMClientResolvedConfig,
  ServiceInputTypes as IamInputTypes,
  ServiceOutputTypes as IamOutputTypes,
} from '@aws-sdk/client-iam';
import type {
  $Command as $SecretsCommand,
  SecretsManagerClientResolvedConfig,
  ServiceInputTypes as SecretsInputTypes,
  ServiceOutputTypes as SecretsOutputTypes,
} from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerUnreadable, awsCode, translated } from './errors.js';
import type { AwsWorld } from './world.js';

type Ec2Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

type IamCommand<I extends IamInputTypes, O extends IamOutputTypes> = $IamCommand<
  I,
  O,
  IAMClientResolvedConfig,
  IamInputTypes,
  IamOutputTypes
>;

type SecretsCommand<I extends SecretsInputTypes, O extends SecretsOutputTypes> = $SecretsCommand<
  I,
  O,
  SecretsManagerClientResolvedConfig,
  SecretsInputTypes,
  SecretsOutputTypes
>;

export interface AskOptions {
  /** What the call is about, for the error. */
  about?: string;
  /** Never repeated by the SDK: a lost answer must not make a second thing. */
  once?: boolean;
  /** Goes on although the step was told to end: stopping here would leave something worse than either state. */
  toTheEnd?: boolean;
  /** Values in the request that no error may repeat. */
  secrets?: string[];
}

export function ask<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  world: AwsWorld,
  command: Ec2Command<I, O>,
  options: AskOptions = {},
): Promise<O> {
  const client = options.once === true ? world.ec2Once : world.ec2;
  const send: Send<O> = (with_) => client.send(command, with_);
  return answered(world, client, actionOf('ec2', command), send, options);
}

/** A call to IAM. The SDK may repeat those that set something to a value or read it; what creates says `once`. */
export function askIam<I extends IamInputTypes, O extends IamOutputTypes>(
  world: AwsWorld,
  command: IamCommand<I, O>,
  options: Pick<AskOptions, 'about' | 'once'> = {},
): Promise<O> {
  const client = options.once === true ? world.iamOnce : world.iam;
  const send: Send<O> = (with_) => client.send(command, with_);
  return answered(world, client, actionOf('iam', command), send, options);
}

/** A call to Secrets Manager; what stores a value carries a token, so that the SDK may repeat every one. */
export function askSecrets<I extends SecretsInputTypes, O extends SecretsOutputTypes>(
  world: AwsWorld,
  command: SecretsCommand<I, O>,
  options: Pick<AskOptions, 'about' | 'secrets'> = {},
): Promise<O> {
  const send: Send<O> = (with_) => world.secrets.send(command, with_);
  return answered(world, world.secrets, actionOf('secretsmanager', command), send, options);
}

/** Whom AWS takes us for, as an ARN; it asks for no permission. */
export function askWhoWeAre(world: AwsWorld): Promise<string> {
  return askIdentity(world, world.sts);
}

/** Whose these credentials are, as an ARN; undefined when AWS refuses them. */
export async function askWhoseTheyAre(
  world: AwsWorld,
  credentials: { accessKeyId: string; secretAccessKey: string },
): Promise<string | undefined> {
  const { endpoint, requestHandler, maxAttempts } = world.sts.config;
  const attempts = await maxAttempts();
  const settings = { region: world.region, requestHandler, maxAttempts: attempts, credentials };
  const sts = new STSClient(endpoint === undefined ? settings : { ...settings, endpoint });
  try {
    return await askIdentity(world, sts);
  } catch (error) {
    if (['InvalidClientTokenId', 'SignatureDoesNotMatch'].includes(awsCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function askIdentity(world: AwsWorld, sts: STSClient): Promise<string> {
  const command = new GetCallerIdentityCommand({});
  const action = actionOf('sts', command);
  const { Arn } = await answered(world, sts, action, (with_) => sts.send(command, with_), {});
  return sent(Arn, action, 'ARN');
}

type Send<O> = (with_: { abortSignal?: AbortSignal }) => Promise<O>;

async function answered<O>(
  world: AwsWorld,
  client: Signing,
  action: string,
  send: Send<O>,
  { about, once = false, toTheEnd = false, secrets = [] }: AskOptions,
): Promise<O> {
  const signal = toTheEnd ? undefined : world.signal;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      const said = translated(error, {
        action,
        secrets: [...(await credentialsOf(client)), ...secrets],
        ...(about === undefined ? {} : { about }),
      });
      // Throttled is a clear no: nothing was made, so even a call that must not be repeated may be made again.
      if (!once || said.code !== 'aws.throttled' || attempt === throttledAttempts) throw said;
      await sleep(throttledWaitMs * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
    }
  }
}

interface Signing {
  config: { credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }> };
}

/** What the call was signed with; the SDK keeps it, so that nothing is asked anew. */
async function credentialsOf({ config }: Signing): Promise<string[]> {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await config.credentials();
    return [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])];
  } catch {
    // There are none, which is what the call itself failed with.
    return [];
  }
}

/** For calls that the SDK does not repeat, the first attempt included. */
const throttledAttempts = 4;
/** Doubles with each attempt; about four seconds in all, as the SDK waits for other calls. */
const throttledWaitMs = 250;

/** `ec2:DescribeInstances`: the call's name as permissions and evidence spell it. */
function actionOf(service: 'ec2' | 'iam' | 'secretsmanager' | 'sts', command: object): string {
  return `${service}:${command.constructor.name.replace(/Command$/, '')}`;
}

/** A field that AWS always sends. Its absence is an unreadable answer, never an empty list or a `false`. */
export function sent<T>(value: T | undefined, action: string, what: string): T {
  if (value === undefined) throw answerUnreadable(action, `it has no ${what}`);
  return value;
}

/** All items of a listing, however many pages it takes. A page without its list, or a token that repeats, is unreadable. */
export async function everyPage<T>(
  action: string,
  page: (next: string | undefined) => Promise<{ items: T[] | undefined; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const { items, next } = await page(token);
    all.push(...sent(items, action, 'list'));
    token = next === '' ? undefined : next;
    if (token !== undefined && seen.has(token)) throw answerUnreadable(action, 'its pages do not end');
    if (token !== undefined) seen.add(token);
  } while (token !== undefined);
  return all;
}

/** Items of one page; the most that the EC2 calls used here allow. */
export const pageSize = 1_000;
