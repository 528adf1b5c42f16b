/** How units call EC2: with the step's signal, with errors translated, and with answers read in full or refused. */
import type {
  $Command,
  EC2Client,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-ec2';
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

export interface AskOptions {
  /** What the call is about, for the error. */
  about?: string;
  /** Never repeated by the SDK: a lost answer must not make a second thing. */
  once?: boolean;
  /** Goes on although the step was told to end: stopping here would leave something worse than either state. */
  toTheEnd?: boolean;
}

export async function ask<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  world: AwsWorld,
  command: Ec2Command<I, O>,
  { about, once = false, toTheEnd = false }: AskOptions = {},
): Promise<O> {
  const client = once ? world.ec2Once : world.ec2;
  const signal = toTheEnd ? undefined : world.signal;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.send(command, signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      const said = translated(error, {
        action: actionOf(command),
        secrets: await credentialsOf(client),
        ...(about === undefined ? {} : { about }),
      });
      // Throttled is a clear no: nothing was made, so even a call that must not be repeated may be made again.
      if (!once || said.code !== 'aws.throttled' || attempt === throttledAttempts) throw said;
      await sleep(throttledWaitMs * 2 ** attempt, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** What the call was signed with; the SDK keeps it, so that nothing is asked anew. */
async function credentialsOf({ config }: EC2Client): Promise<string[]> {
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
function actionOf(command: object): string {
  return `ec2:${command.constructor.name.replace(/Command$/, '')}`;
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
