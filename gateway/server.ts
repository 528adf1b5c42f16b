/**
 * The gateway's API (`api.ts`) over HTTP on loopback. The token lets in; what a person says is a signed statement and is
 * ruled by the engine. Requests to `/slack/events` go to the Slack app's own listener, which verifies Slack's signature, and
 * those to `/v1/hooks/` to the one that verifies their senders'.
 */
import { Readable } from 'node:stream';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Context } from 'hono';
import { FirebreakError } from '../core/errors.js';
import { carriesToken } from '../worker/bearer.js';
import { isLoopback, listen, type Listening, type Place } from '../worker/listen.js';
import { beingDelivered, type Health } from './api.js';
import type { Door } from './door.js';
import { hooksPath } from './hooks/app.js';
import { bodyOf, statusOf } from './http-errors.js';
import type { Log } from './log.js';
import type { TimelineFormat } from './timeline.js';
import { readPrepareRequest } from './prepare-shape.js';
import { readSayRequest } from './read-statement.js';
import { unknownName } from './unknown.js';

export interface ServerDeps {
  door: Door;
  token: string;
  health: () => Promise<Health>;
  /** The export of an incident as text, in parts where it may be long. */
  timeline: (incident: string, format: TimelineFormat) => Promise<string | AsyncIterable<string>>;
  log: Log;
  /** Takes `/slack/events`; undefined where no Slack is configured. */
  slack?: RequestListener;
  /** Takes `/v1/hooks/NAME`, whose senders authenticate by a secret of the hook. */
  hooks?: RequestListener;
}

/** A launch with 10,000 targets has some 250 KB; more is no request of ours. */
const bodyBytesMax = 1_000_000;
/** Below the idle limits of proxies and of `fetch`. */
const waitSecondsMax = 25;

/** Listens on `host`, which must be a loopback address; port 0 takes any that is free. */
export async function serve(deps: ServerDeps, place: Place): Promise<Listening> {
  if (!isLoopback(place.host)) throw notLoopback(place.host);
  const api = getRequestListener(routes(deps).fetch);
  const server = createServer((request, response) => handle(deps, api, request, response));
  return await listen(server, place, (why, cause) => cannotListen(place, why, cause));
}

function handle(
  { slack, hooks, log }: ServerDeps,
  api: ReturnType<typeof getRequestListener>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = request.url?.split('?')[0];
  if (slack !== undefined && path === '/slack/events') slack(request, response);
  else if (hooks !== undefined && path?.startsWith(hooksPath) === true) hooks(request, response);
  else api(request, response).catch((error: unknown) => log.error({ path, error }, 'a request could not be answered'));
}

function routes({ door, token, health, timeline, log }: ServerDeps): Hono {
  const app = new Hono();
  app.onError((error, context) => answerError(context, error, log));
  app.notFound((context) => answerError(context, unknownRoute(context), log));
  app.use('*', async (context, next) => {
    refuseOtherTokens(context.req.header('authorization'), token);
    await next();
  });
  app.use(
    '*',
    bodyLimit({
      maxSize: bodyBytesMax,
      onError: (context) => {
        // The rest of the body is not read, so nothing more can be asked on this connection.
        context.header('connection', 'close');
        return answerError(context, tooLarge(), log);
      },
    }),
  );

  app.post('/v1/prepare', async (context) => {
    const { ask, by } = readPrepareRequest(await readJson(context));
    return context.json(await door.prepare(ask, by));
  });
  app.post('/v1/say', async (context) => {
    const said = await door.say(readSayRequest(await readJson(context)).statement);
    return context.json(said, said.outcome === beingDelivered ? 202 : 200);
  });
  app.get('/v1/runs', async (context) => context.json(await door.runs()));
  app.get('/v1/waiting', async (context) => context.json(await door.waiting()));
  app.get('/v1/runs/:run', async (context) => {
    const run = context.req.param('run');
    const answer = await door.view(run);
    if (answer === undefined) throw await unknownRun(door, run);
    return context.json(answer);
  });
  app.get('/v1/runs/:run/events', async (context) => {
    const after = wholeNumber(context, 'after', Number.MAX_SAFE_INTEGER);
    const waitMs = wholeNumber(context, 'wait', waitSecondsMax) * 1000;
    return context.json(await door.events(context.req.param('run'), after, waitMs));
  });
  app.get('/v1/runs/:run/plan', async (context) =>
    context.json(await door.plan(context.req.param('run'), context.req.query('ask'))),
  );
  app.get('/v1/holds', async (context) => context.json(await door.holds(context.req.query('of'))));
  app.get('/v1/timeline/:incident', async (context) => {
    const format = readFormat(context.req.query('format') ?? 'jsonl');
    const text = await timeline(context.req.param('incident'), format);
    if (typeof text === 'string') return context.text(text);
    context.header('content-type', 'text/plain; charset=UTF-8');
    return context.body(Readable.toWeb(Readable.from(text)) as ReadableStream);
  });
  app.get('/v1/health', async (context) => {
    const answer = await health();
    return context.json(answer, answer.ok ? 200 : 503);
  });
  return app;
}

function answerError(context: Context, error: unknown, log: Log): Response {
  const status = statusOf(error);
  if (status === 500) log.error({ path: context.req.path, error }, 'a request failed');
  return context.json(bodyOf(error), status);
}

async function readJson(context: Context): Promise<unknown> {
  const text = await context.req.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FirebreakError('request.not-json', `The body of ${context.req.path} is no JSON.`, {
      nextStep: 'send one JSON document.',
      cause,
    });
  }
}

function refuseOtherTokens(header: string | undefined, token: string): void {
  if (carriesToken(header, token)) return;
  throw new FirebreakError('token.refused', 'The request does not carry the token of this gateway.', {
    nextStep: 'use the token in `.firebreak/gateway.json` of the workspace that the gateway serves.',
  });
}

function wholeNumber(context: Context, name: string, max: number): number {
  const text = context.req.query(name) ?? '0';
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text), max);
  throw new FirebreakError('request.malformed', `"${name}" is a whole number, not "${text}".`, {
    nextStep: `leave "${name}" out, or give a number.`,
  });
}

function readFormat(text: string): TimelineFormat {
  if (text === 'jsonl' || text === 'md') return text;
  throw new FirebreakError('request.malformed', `A timeline has no format "${text}".`, {
    nextStep: 'ask for jsonl or md.',
  });
}

async function unknownRun(door: Door, run: string): Promise<FirebreakError> {
  const known = (await door.runs()).map((view) => view.run);
  return unknownName(
    'run.unknown',
    `The journal has no run ${run}`,
    run,
    known,
    'List the runs with `firebreak status`.',
  );
}

function unknownRoute(context: Context): FirebreakError {
  return new FirebreakError('route.unknown', `The gateway has no ${context.req.method} ${context.req.path}.`, {
    nextStep: 'use the firebreak command of the same version as this gateway.',
  });
}

function tooLarge(): FirebreakError {
  return new FirebreakError('request.too-large', `A request has at most ${bodyBytesMax} bytes.`, {
    nextStep: 'name fewer targets in one run.',
  });
}

/** Tokens travel in the clear here; whoever needs the gateway elsewhere puts TLS and its own identity check in front. */
function notLoopback(host: string): FirebreakError {
  return new FirebreakError('gateway.not-loopback', `The gateway would listen on ${host}, outside of this machine.`, {
    nextStep: 'set `gateway.host` in firebreak.yaml to 127.0.0.1, and put a proxy in front for Slack.',
  });
}

function cannotListen({ host, port }: Place, why: string, cause: unknown): FirebreakError {
  return new FirebreakError('gateway.cannot-listen', `The gateway cannot listen on ${host}:${port}: ${why}.`, {
    nextStep: 'end what listens there, or set another `gateway.port` in firebreak.yaml.',
    isTerminal: false,
    cause,
  });
}
