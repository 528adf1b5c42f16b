/**
 * A Slack of our own, for demo, drills and tests: the Web API methods this project calls, `response_url`s, and people who
 * type commands and click buttons. Built from Slack's public documentation (docs.slack.dev), the types of `@slack/types`,
 * `@slack/web-api` and `@slack/bolt`, and facts measured against Bolt (`test/sandbox/slack`). It enforces Slack's limits
 * and keeps every version of every message. It is not Slack: no scopes, no Events API, no Socket Mode, no file uploads.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Block } from './limits.js';
import { refusalOf } from './limits.js';
import { openRateLimits } from './rate.js';
import {
  type Message,
  messageAt,
  responseUsesMax,
  responseValidMs,
  type SandboxState,
  type SandboxUser,
} from './state.js';
import { deliver, type Seen, type SignedRequest, type User, userOf, type Wire } from './user.js';
import { type Args, methods } from './web-api.js';

export interface SandboxSlackOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Where commands and clicks are sent; can be set later. */
  requestUrl?: string;
  users?: SandboxUser[];
  botToken?: string;
  signingSecret?: string;
  now?: () => number;
}

/** What goes wrong, until it is set otherwise. */
export interface Faults {
  /** `cut`: every connection is closed without an answer. `error`: every call is answered with 503. */
  down: 'cut' | 'error' | false;
  /** Before a call is looked at, in milliseconds. */
  delayMs: number;
  /** How many of the next calls of a method take effect without their answer ever arriving. */
  dropAnswers: Record<string, number>;
}

export interface Call {
  method: string;
  atMs: number;
  outcome: string;
}

export interface SandboxSlack {
  url: string;
  /** For `slackApiUrl` of a `WebClient`. */
  apiUrl: string;
  botToken: string;
  signingSecret: string;
  channel: string;
  state: SandboxState;
  faults: Faults;
  /** Every call of the Web API, in order. */
  calls: Call[];
  requestUrl: string;
  /** Messages of a channel, the oldest first, with every version each has had. */
  messages(channel?: string): Message[];
  user(id: string): User;
  /** Sends a request once more, as an eavesdropper would. */
  replay(request: SignedRequest): Promise<Seen>;
  close(): Promise<void>;
}

export const sandboxTeam = 'T0SANDBOX';
const sandboxChannel = 'C0INCIDENT';
export const sandboxBot = { botId: 'B0FIREBREAK', botUserId: 'U0FIREBREAK' };

export const sandboxUsers: SandboxUser[] = ['alice', 'bob', 'carol', 'dave'].map((name) => ({
  id: `U0${name.toUpperCase()}`,
  name,
  team: sandboxTeam,
}));

const bodyMax = 1024 * 1024;

export async function openSandboxSlack(options: SandboxSlackOptions = {}): Promise<SandboxSlack> {
  const now = options.now ?? Date.now;
  const state = emptyState(options.users ?? sandboxUsers);
  const faults: Faults = { down: false, delayMs: 0, dropAnswers: {} };
  const calls: Call[] = [];
  const botToken = options.botToken ?? 'xoxb-sandbox-0000000000';
  const signingSecret = options.signingSecret ?? 'sandbox-signing-secret';
  const waitFor = openRateLimits(now);

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error));
    });
  });
  const port = await listen(server, options.port ?? 0);
  const base = `http://127.0.0.1:${port}`;
  const wire: Wire = { state, signingSecret, requestUrl: () => slack.requestUrl, base: () => base, now };
  const slack: SandboxSlack = {
    url: base,
    apiUrl: `${base}/api/`,
    botToken,
    signingSecret,
    channel: sandboxChannel,
    state,
    faults,
    calls,
    requestUrl: options.requestUrl ?? '',
    messages: (channel = sandboxChannel) => state.messages.filter((message) => message.channel === channel),
    user: (id) => userOf(wire, id),
    replay: (request) => deliver(wire, request, { user: 'U0EAVESDROPPER', channel: sandboxChannel, showsAck: true }),
    close: () => close(server),
  };
  return slack;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', base);
    if (faults.down === 'cut') {
      request.socket.destroy();
      return;
    }
    const body = await readBody(request);
    if (faults.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
    if (faults.down === 'error') {
      response.writeHead(503).end('service unavailable');
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    if (pathname.startsWith('/api/')) callMethod(pathname.slice('/api/'.length), request, body, response);
    else respondTo(pathname, body, response);
  }

  function callMethod(name: string, request: IncomingMessage, body: string, response: ServerResponse): void {
    const args = argsOf(request, body);
    const result = judge(name, request, args);
    calls.push({
      method: name,
      atMs: now(),
      outcome: result.answer['ok'] === true ? 'ok' : String(result.answer['error']),
    });
    const dropped = faults.dropAnswers[name] ?? 0;
    if (result.answer['ok'] === true && dropped > 0) {
      faults.dropAnswers[name] = dropped - 1;
      request.socket.destroy();
      return;
    }
    response.writeHead(result.retryAfterS === undefined ? 200 : 429, {
      'content-type': 'application/json; charset=utf-8',
      ...(result.retryAfterS === undefined ? {} : { 'retry-after': String(result.retryAfterS) }),
    });
    response.end(JSON.stringify(result.answer));
  }

  function judge(
    name: string,
    request: IncomingMessage,
    args: Args,
  ): { answer: Record<string, unknown>; retryAfterS?: number } {
    const method = methods[name];
    if (method === undefined) return { answer: { ok: false, error: 'unknown_method', req_method: name } };
    const token = args['token'] ?? request.headers.authorization?.replace(/^Bearer /, '');
    if (token === undefined || token === '') return { answer: { ok: false, error: 'not_authed' } };
    if (token !== botToken) return { answer: { ok: false, error: 'invalid_auth' } };
    const retryAfterS = waitFor(name, args['channel']);
    if (retryAfterS !== undefined) return { answer: { ok: false, error: 'ratelimited' }, retryAfterS };
    return { answer: method(state, args, now()) };
  }

  function respondTo(path: string, body: string, response: ServerResponse): void {
    const to = state.responseUrls.get(path);
    if (to === undefined) {
      response.writeHead(404).end('no_service');
      return;
    }
    if (to.uses >= responseUsesMax || now() - to.madeAtMs > responseValidMs) {
      response.writeHead(404).end(to.uses >= responseUsesMax ? 'used_url' : 'expired_url');
      return;
    }
    const said = JSON.parse(body) as {
      text?: string;
      blocks?: Block[];
      response_type?: string;
      replace_original?: boolean;
    };
    const refusal = refusalOf(said.text, said.blocks ?? []);
    if (refusal !== undefined) {
      response.writeHead(400).end(refusal.error);
      return;
    }
    to.uses += 1;
    const version = { atMs: now(), text: said.text ?? '', blocks: said.blocks ?? [] };
    const clicked = to.message === undefined ? undefined : messageAt(state, to.channel, to.message);
    if (said.replace_original === true && clicked !== undefined) clicked.versions.push(version);
    else if (said.response_type === 'in_channel')
      state.messages.push({
        channel: to.channel,
        ts: `${Math.floor(now() / 1000)}.${state.messages.length + 1}`,
        versions: [version],
      });
    else state.privates.push({ user: to.user, channel: to.channel, via: 'response_url', ...version });
    response.writeHead(200).end('ok');
  }
}

function emptyState(users: SandboxUser[]): SandboxState {
  return {
    team: { id: sandboxTeam, domain: 'sandbox' },
    app: { id: 'A0FIREBREAK', ...sandboxBot, command: '/firebreak' },
    users: new Map(users.map((user) => [user.id, { ...user }])),
    channels: new Map([[sandboxChannel, { id: sandboxChannel, name: 'incidents' }]]),
    messages: [],
    privates: [],
    responseUrls: new Map(),
    triggers: new Map(),
    views: [],
  };
}

/** A form, as `@slack/web-api` sends it, or JSON, whose values that are no texts then stand as JSON in texts. */
function argsOf(request: IncomingMessage, body: string): Args {
  if (request.headers['content-type']?.startsWith('application/json') !== true)
    return Object.fromEntries(new URLSearchParams(body));
  const fields = Object.entries(JSON.parse(body) as Record<string, unknown>);
  return Object.fromEntries(
    fields.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) throw new RangeError(`A body has at most ${bodyMax} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
