/**
 * A proxy in front of moto that puts its known wrong answers right (`corrections.ts`, `gaps.ts`) and plays faults on purpose
 * (`faults.ts`). Built from measurements of moto 5.2.5 with the AWS SDK for JavaScript v3 against what the EC2 and IAM API
 * references and the SDK's own documentation say. It speaks for EC2, IAM, STS and Secrets Manager; other requests pass through
 * unchanged.
 *
 * Besides AWS it answers `POST /_shim/faults` (add one, see `faultSchema`), `GET` and `DELETE /_shim/faults`, and
 * `GET` and `DELETE /_shim/calls`. `/moto-api/*` goes to moto; its reset also makes the shim forget.
 */
import { createServer, type IncomingMessage, request as forwardRequest, type ServerResponse, Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { corrections } from './corrections.js';
import { type Fault, type Faults, faultSchema, openFaults } from './faults.js';
import { type Answer, errorAnswer, type Query, readQuery, xmlAnswer } from './query.js';
import { note, nothingSeen, type Seen } from './seen.js';

/** A call as it went by; refused and dropped ones too. */
export interface Call {
  service: string;
  action: string;
  params: Record<string, string>;
  /** As answered; 0 when the connection was dropped. */
  status: number;
  fault?: Fault['kind'];
}

export interface Shim {
  url: string;
  faults: Faults;
  calls: {
    list(): Call[];
    /** How often each action was called, refused and dropped ones included. */
    counts(): Record<string, number>;
    clear(): void;
  };
  stop(): Promise<void>;
}

interface State {
  upstream: URL;
  agent: Agent;
  faults: Faults;
  calls: Call[];
  seen: Seen;
}

/** Starts the proxy in front of `upstream`, on a free port of loopback or the one given. */
export async function startShim({ upstream, port = 0 }: { upstream: string; port?: number }): Promise<Shim> {
  const agent = new Agent({ keepAlive: true });
  const state: State = { upstream: new URL(upstream), agent, faults: openFaults(), calls: [], seen: nothingSeen() };
  const server = createServer((request, response) => {
    handle(request, response, state).catch((error: unknown) => {
      // moto is gone or went away in the middle: to a caller that is AWS hanging up.
      if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain' });
      response.end(error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: state.faults,
    calls: {
      list: () => [...state.calls],
      counts: () => countsOf(state.calls),
      clear: () => {
        state.calls = [];
      },
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const body = await bytesOf(request);
  const url = request.url ?? '/';
  if (url.startsWith('/_shim/')) return control(request, response, body, state);
  if (url.startsWith('/moto-api/reset') && !url.startsWith('/moto-api/reset-auth')) state.seen = nothingSeen();
  const query = readQuery(request, body.toString('utf8'));
  const forward = () => pass(request, body, state);
  if (query.action === '') return send(response, await forward());
  return meetFaults(query, response, state, () => correct(query, state, forward));
}

/** Plays the faults that this call meets around its true answer. */
async function meetFaults(
  query: Query,
  response: ServerResponse,
  state: State,
  answer: () => Promise<Answer>,
): Promise<void> {
  const { service, action, params } = query;
  const met = state.faults.meet(action);
  const record = (status: number, fault?: Fault['kind']) => {
    state.calls.push({
      service,
      action,
      params: withoutValues(params),
      status,
      ...(fault === undefined ? {} : { fault }),
    });
  };
  for (const fault of met) {
    if (fault.kind === 'latency') await sleep(fault.ms);
    if (fault.kind === 'drop-before') {
      record(0, fault.kind);
      response.socket?.destroy();
      return;
    }
    const instead = insteadOf(query, fault);
    if (instead !== undefined) {
      record(instead.status, fault.kind);
      return send(response, instead);
    }
  }
  let answered = await answer();
  if (met.some((fault) => fault.kind === 'drop-after')) {
    record(0, 'drop-after');
    response.socket?.destroy();
    return;
  }
  for (const fault of met) {
    if (fault.kind !== 'rewrite') continue;
    answered = {
      ...answered,
      body: fault.replace.reduce((text, [from, to]) => text.replaceAll(from, to), answered.body),
    };
  }
  record(answered.status, met.at(-1)?.kind);
  return send(response, answered);
}

/** What went by is shown to whoever asks; values of secrets are not. */
function withoutValues(params: Record<string, string>): Record<string, string> {
  const hidden = ['SecretString', 'SecretBinary'].filter((name) => name in params);
  return { ...params, ...Object.fromEntries(hidden.map((name) => [name, '[redacted]'])) };
}

function insteadOf(query: Query, fault: Fault): Answer | undefined {
  if (fault.kind === 'throttle')
    return query.service === 'secretsmanager'
      ? errorAnswer(query, 400, 'ThrottlingException', 'Rate exceeded')
      : errorAnswer(query, 503, 'RequestLimitExceeded', 'Request limit exceeded.');
  if (fault.kind === 'error') return errorAnswer(query, fault.status, fault.code, fault.message);
  if (fault.kind === 'answer') return { status: fault.status, body: fault.body, contentType: fault.contentType };
  return undefined;
}

async function correct(query: Query, state: State, forward: () => Promise<Answer>): Promise<Answer> {
  const { seen } = state;
  for (const { before } of corrections) {
    const instead = before?.(query, seen);
    if (instead !== undefined) return instead;
  }
  const answer = await oncePerToken(query, seen, forward);
  note(seen, query, answer);
  return corrections.reduce((mended, { after }) => after?.(query, mended, seen) ?? mended, answer);
}

/** The gap `client-token-ignored`: the same token gets the first answer, also while that is still under way. */
async function oncePerToken(query: Query, seen: Seen, forward: () => Promise<Answer>): Promise<Answer> {
  const { ClientToken: token, ...rest } = query.params;
  if (query.action !== 'RunInstances' || token === undefined) return forward();
  const request = JSON.stringify(Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const key = `${query.region}/${token}`;
  const known = seen.tokens.get(key);
  if (known !== undefined) {
    if (known.request === request) return known.answer;
    return errorAnswer(
      query,
      400,
      'IdempotentParameterMismatch',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
    );
  }
  const answer = forward();
  seen.tokens.set(key, { request, answer });
  // Only what took effect is remembered: a refused call may be made again under its token.
  const settled = await answer.catch((error: unknown) => {
    seen.tokens.delete(key);
    throw error;
  });
  if (settled.status !== 200) seen.tokens.delete(key);
  return settled;
}

function pass(request: IncomingMessage, body: Buffer, { upstream, agent }: State): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: upstream.hostname,
      port: upstream.port,
      path: request.url,
      method: request.method,
      headers: request.headers,
      agent,
    };
    const onward = forwardRequest(options, (answer) => {
      bytesOf(answer)
        .then((bytes) =>
          resolve({
            status: answer.statusCode ?? 502,
            body: bytes.toString('utf8'),
            contentType: answer.headers['content-type'] ?? 'text/xml',
          }),
        )
        .catch(reject);
    });
    onward.once('error', reject);
    onward.end(body);
  });
}

function control(request: IncomingMessage, response: ServerResponse, body: Buffer, state: State): void {
  const route = `${request.method ?? ''} ${request.url ?? ''}`;
  switch (route) {
    case 'POST /_shim/faults': {
      const parsed = faultSchema.safeParse(parseJson(body));
      if (!parsed.success) return json(response, 400, { error: parsed.error.issues });
      state.faults.add(parsed.data);
      return json(response, 201, parsed.data);
    }
    case 'GET /_shim/faults':
      return json(response, 200, state.faults.list());
    case 'DELETE /_shim/faults':
      state.faults.clear();
      return json(response, 200, []);
    case 'GET /_shim/calls':
      return json(response, 200, { counts: countsOf(state.calls), calls: state.calls });
    case 'DELETE /_shim/calls':
      state.calls = [];
      return json(response, 200, { counts: {}, calls: [] });
    default:
      return json(response, 404, { error: `There is no ${route}.` });
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Not JSON is no fault description; the schema says so to the caller.
    return undefined;
  }
}

function countsOf(calls: Call[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { action } of calls) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
}

async function bytesOf(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, body, contentType }: Answer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  send(response, { ...xmlAnswer(status, JSON.stringify(body)), contentType: 'application/json' });
}
