/** How units call AWS: with the step's signal, with errors translated, and with answers read in full or refused. */
import type { $Command, EC2ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-ec2';
import type {
  $Command as $IamCommand,
  IAMClientResolvedConfig,
  ServiceInputTypes as IamInputTypes,
  ServiceOutputTypes as IamOutputTypes,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerUnreadable, translated } from './errors.js';
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

export interface AskOptions {
  /** What the call is about, for the error. */
  about?: string;
  /** Never repeated by the SDK: a lost answer must not make a second thing. */
  once?: boolean;
  /** Goes on although the step was told to end: stopping here would leave something worse than either state. */
  toTheEnd?: boolean;
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

/** A call to IAM. Every one that units make sets something to a value or reads it, so the SDK may repeat it. */
export function askIam<I extends IamInputTypes, O extends IamOutputTypes>(
  world: AwsWorld,
  command: IamCommand<I, O>,
  options: Pick<AskOptions, 'about'> = {},
): Promise<O> {
  const send: Send<O> = (with_) => world.iam.send(command, with_);
  return answered(world, world.iam, actionOf('iam', command), send, options);
}

/** Whom AWS takes us for, as an ARN; it asks for no permission. */
export async function askWhoWeAre(world: AwsWorld): Promise<string> {
  const command = new GetCallerIdentityCommand({});
  const action = actionOf('sts', command);
  const { Arn } = await answered(world, world.sts, action, (with_) => world.sts.send(command, with_), {});
  return sent(Arn, action, 'ARN');
}

type Send<O> = (with_: { abortSignal?: AbortSignal }) => Promise<O>;

async function answered<O>(
  world: AwsWorld,
  client: Signing,
  action: string,
  send: Send<O>,
  { about, once = false, toTheEnd = false }: AskOptions,
): Promise<O> {
  const signal = toTheEnd ? undefined : world.signal;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      const said = translated(error, {
        action,
        secrets: await credentialsOf(client),
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
function actionOf(service: 'ec2' | 'iam' | 'sts', command: object): string {
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
