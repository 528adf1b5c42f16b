/**
 * `POST /v1/hooks/NAME`: what services send, such as the finding of a detector. The gateway's token is not asked for: the sender
 * authenticates by the hook's own secret. Answers 202 once the launch is kept, 200 when there is nothing (more) to launch, and
 * typed errors otherwise. What was refused is on record, bounded.
 */
import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import pLimit, { type LimitFunction } from 'p-limit';
import { FirebreakError } from '../../core/errors.js';
import { installationChain } from '../../core/event.js';
import type { Hook } from '../../core/hook.js';
import type { SecretRef } from '../../core/installation.js';
import type { Json } from '../../core/json.js';
import { nestsTooDeep } from '../../core/nesting.js';
import { digestOf } from '../../journal/digest.js';
import { openCountedRefusals } from '../counted-refusals.js';
import { bodyOf, statusOf } from '../http-errors.js';
import {
  authenticate,
  type AuthenticRequest,
  checkSecret,
  isWrongTime,
  refuseWrongTime,
} from '../../worker/authenticate-hook.js';
import { type HookAnswer, launchByHook, type Launching } from './launch.js';

export const hooksPath = '/v1/hooks/';

export interface HooksDeps extends Launching {
  /** Reads a secret of `firebreak.yaml` at the moment it is needed. */
  secret: (ref: SecretRef) => string;
  /** Between two events about requests that nobody signed, in milliseconds; for tests. */
  refusedEveryMs?: number;
}

export interface HooksApp {
  listener: RequestListener;
  end(): Promise<void>;
}

/** What EventBridge delivers at most; an alert is a few kilobytes. */
const hookBytesMax = 1_000_000;
/** Authentic requests of one hook; a sender that means well sends far fewer. */
const requestsPerMinuteMax = 120;
/** Of one message, which is delivered again where an answer was lost. */
const deliveriesPerMinuteMax = 10;
/** Requests of one hook that wait for the one before them. */
const queueMax = 50;

export function openHooks(deps: HooksDeps): HooksApp {
  const { log, now, refusedEveryMs } = deps;
  const { store } = deps.door;
  const unsigned = openCountedRefusals({
    store,
    log,
    now,
    name: 'hook',
    what: { one: 'request to a hook that nobody signed', many: 'requests to hooks that nobody signed' },
    ...(refusedEveryMs === undefined ? {} : { everyMs: refusedEveryMs }),
  });
  // One after the other, so that of two equal alerts the second finds the first.
  const queues = new Map<string, LimitFunction>();
  let counted = { minute: 0, of: new Map<string, number>() };

  async function receive(
    name: string,
    header: (name: string) => string | undefined,
    body: Uint8Array,
  ): Promise<HookAnswer> {
    const { hooks: known = {} } = (await deps.door.bundle()).installation;
    const hook = Object.hasOwn(known, name) ? known[name] : undefined;
    let request: AuthenticRequest;
    try {
      if (hook === undefined) throw unknownHook(name);
      request = authenticate(hook.auth.scheme, header, body, secretsOf(deps, name, hook), now());
    } catch (error) {
      if (error instanceof FirebreakError) unsigned.count(error);
      throw error;
    }
    refuseSentAgain(name, request);
    try {
      refuseWrongTime(request, now());
      refuseFlood(name, name);
      const queue = queues.get(name) ?? pLimit(1);
      queues.set(name, queue);
      if (queue.pendingCount >= queueMax) throw tooMany(name, `${queueMax} requests wait already`);
      const json = readJson(body);
      return await queue(() => launchByHook(deps, { name, hook, request, body: json }));
    } catch (error) {
      if (error instanceof FirebreakError) await record(name, request, error);
      throw error;
    }
  }

  /**
   * Whoever saw a delivery can send it again for ever, and it stays authentic. What is too old, and one message many times, is
   * bounded by itself: it must not use up what the sender may send, for then an attacker could silence the detector.
   */
  function refuseSentAgain(name: string, request: AuthenticRequest): void {
    const { message } = request;
    if (message === undefined) return;
    if (countOf(JSON.stringify([name, message])) > deliveriesPerMinuteMax)
      throw tooMany(name, `one message is taken ${deliveriesPerMinuteMax} times a minute`);
    if (isWrongTime(request, now())) refuseFlood(name, JSON.stringify([name]));
  }

  function refuseFlood(name: string, bucket: string): void {
    if (countOf(bucket) > requestsPerMinuteMax)
      throw tooMany(name, `${requestsPerMinuteMax} requests a minute are allowed`);
  }

  /** How often within this minute; what the minutes before held is forgotten. */
  function countOf(bucket: string): number {
    const minute = Math.floor(now() / 60_000);
    if (counted.minute !== minute) counted = { minute, of: new Map() };
    const count = (counted.of.get(bucket) ?? 0) + 1;
    counted.of.set(bucket, count);
    return count;
  }

  /** Once for each message and reason, however often it is sent. */
  async function record(name: string, { message, body }: AuthenticRequest, { code, message: reason }: FirebreakError) {
    const id = `hook-refused-${digestOf([name, message ?? body, code]).slice('sha256:'.length)}`;
    const event = {
      chain: installationChain,
      id,
      occurredAt: new Date(now()).toISOString(),
      actor: 'gateway',
      action: 'statement.refused' as const,
      data: { verb: 'launch', code, reason, statement: body, hook: name },
    };
    // It stays refused, whether or not it can be written down.
    await store.append([event]).catch((error: unknown) => log.error({ error }, 'a refusal could not be put on record'));
  }

  const app = new Hono();
  app.onError((error, context) => answerError(context, error, deps));
  app.notFound((context) => answerError(context, unknownHook(context.req.path), deps));
  const limit = bodyLimit({
    maxSize: hookBytesMax,
    onError: (context) => {
      // The rest of the body is not read, so nothing more can be asked on this connection.
      context.header('connection', 'close');
      const error = tooLarge();
      unsigned.count(error);
      return answerError(context, error, deps);
    },
  });
  app.post(`${hooksPath}:name`, limit, async (context) => {
    const body = new Uint8Array(await context.req.arrayBuffer());
    const answer = await receive(context.req.param('name'), (name) => context.req.header(name), body);
    log.info({ hook: context.req.param('name'), ...answer }, 'a hook was called');
    return context.json(answer, answer.outcome === 'accepted' ? 202 : 200);
  });
  const listener = getRequestListener(app.fetch);
  return {
    listener: (request, response) => {
      listener(request, response).catch((error: unknown) => log.error({ error }, 'a request could not be answered'));
    },
    end: () => unsigned.end(),
  };
}

/** Those that can be read: while one takes the place of another, the one that is there must be enough. */
function secretsOf({ secret, log }: HooksDeps, name: string, { auth }: Hook): string[] {
  const bad: unknown[] = [];
  const good = auth.secrets.flatMap((ref) => {
    try {
      const text = secret(ref);
      checkSecret(auth.scheme, text);
      return [text];
    } catch (error) {
      log.warn({ hook: name, error }, 'a secret of a hook cannot be used');
      bad.push(error);
      return [];
    }
  });
  if (good.length > 0) return good;
  throw new FirebreakError('hook.no-secret', 'The gateway cannot read a secret of this hook.', {
    nextStep: 'ask those who run the gateway: `firebreak doctor` says what is missing.',
    isTerminal: false,
    cause: bad[0],
  });
}

function readJson(body: Uint8Array): Json {
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Json;
  } catch (cause) {
    throw notJson('The body is no JSON.', cause);
  }
  if (nestsTooDeep(value)) throw notJson('The body nests too deep.');
  return value;
}

function notJson(what: string, cause?: unknown): FirebreakError {
  return new FirebreakError('hook.not-json', what, { nextStep: 'send one plain JSON document in UTF-8.', cause });
}

/** By code, where the API's own rule says something else: senders look at the status before they send again. */
const statuses: Record<string, 401 | 404 | 413 | 422 | 429> = {
  'hook.unsigned': 401,
  'hook.bad-timestamp': 401,
  'hook.bad-signature': 401,
  'hook.bad-token': 401,
  'hook.wrong-time': 401,
  'hook.unknown': 404,
  'hook.body-too-large': 413,
  'hook.not-json': 422,
  'hook.no-value': 422,
  'hook.holds-a-secret': 422,
  'inputs.invalid': 422,
  'statement.holds-a-secret': 422,
  'hook.too-many': 429,
};

function answerError(context: Context, error: unknown, { log }: HooksDeps): Response {
  const status = (error instanceof FirebreakError ? statuses[error.code] : undefined) ?? statusOf(error);
  if (status === 500) log.error({ path: context.req.path, error }, 'a request failed');
  if (status === 429) context.header('retry-after', '60');
  return context.json(bodyOf(error), status);
}

/** Which there are is told to nobody who has not shown a secret. */
function unknownHook(name: string): FirebreakError {
  return new FirebreakError('hook.unknown', `The gateway has no hook "${name}".`, {
    nextStep: 'send a POST to /v1/hooks/NAME, with a name under `hooks` of firebreak.yaml.',
  });
}

function tooLarge(): FirebreakError {
  return new FirebreakError('hook.body-too-large', `A request to a hook has at most ${hookBytesMax} bytes.`, {
    nextStep: 'send only what the hook needs.',
  });
}

function tooMany(name: string, why: string): FirebreakError {
  return new FirebreakError('hook.too-many', `Too much was sent to the hook "${name}": ${why}.`, {
    nextStep: 'send it again in a minute.',
    isTerminal: false,
  });
}
