// The real HTTP server on loopback before a door that only remembers what it was asked: status, shape and limits of the API.
import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FirebreakError } from '../../core/errors.js';
import { beingDelivered, type Health } from '../../gateway/api.js';
import type { Door } from '../../gateway/door.js';
import { Refusal } from '../../gateway/refusal.js';
import { serve, type ServerDeps } from '../../gateway/server.js';
import type { Listening } from '../../worker/listen.js';
import { silent } from './support.js';

const token = 'a'.repeat(64);
let server: Listening;
let asked: unknown[];
let door: Record<string, (...args: never[]) => unknown>;
let health: Health;

beforeEach(async () => {
  asked = [];
  health = { ok: true, parts: [] };
  const remember =
    (answer: unknown) =>
    (...args: unknown[]) => {
      asked.push(args);
      return Promise.resolve(answer);
    };
  door = {
    prepare: remember({ nonce: 'n' }),
    say: remember({ run: 'run-1', incident: 'inc-1', outcome: 'launched' }),
    view: remember(undefined),
    runs: remember([]),
    events: remember({ events: [], next: 7 }),
    plan: remember({ plan: undefined, steps: [] }),
    holds: remember([]),
  };
  server = await start();
});

afterEach(() => server.end());

function start(more: Partial<ServerDeps> = {}): Promise<Listening> {
  const deps: ServerDeps = {
    door: door as unknown as Door,
    token,
    health: () => Promise.resolve(health),
    timeline: (incident, format) => Promise.resolve(`${incident} as ${format}`),
    log: silent,
    ...more,
  };
  return serve(deps, { host: '127.0.0.1', port: 0 });
}

async function call(path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) {
  const response = await fetch(`${server.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
}

const post = (path: string, body: unknown) =>
  call(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

const statement = {
  version: 1,
  verb: 'note',
  about: { kind: 'run', run: 'run-0000000001', launch: `sha256:${'0'.repeat(64)}` },
  by: 'alice',
  at: '2026-01-01T00:00:00.000Z',
  validUntil: '2026-01-01T01:00:00.000Z',
  nonce: 'nonce-of-alice',
  reason: 'noted',
  proof: { kind: 'ssh', key: 'SHA256:x', signature: 'x' },
};

test('without the token of this gateway nothing is answered, and the door hears nothing', async () => {
  for (const authorization of ['', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`]) {
    const { status, body } = await call('/v1/runs', { headers: { authorization } });
    expect({ status, code: body.error.code }).toEqual({ status: 403, code: 'token.refused' });
  }
  expect(asked).toEqual([]);
});

test('every refusal and fault is one JSON document with code, message and what to do next', async () => {
  const faults: [Error, number, string][] = [
    [new Refusal('gate.not-eligible', 'No.'), 403, 'gate.not-eligible'],
    [new FirebreakError('run.unknown', 'No run.', { nextStep: 'look.' }), 404, 'run.unknown'],
    [new FirebreakError('inputs.invalid', 'Bad.', { nextStep: 'mend.' }), 400, 'inputs.invalid'],
    [
      new FirebreakError('temporal.unreachable', 'Away.', { nextStep: 'firebreak up', isTerminal: false }),
      503,
      'temporal.unreachable',
    ],
  ];
  for (const [fault, status, code] of faults) {
    door['runs'] = () => Promise.reject(fault);
    const answer = await call('/v1/runs');
    expect(answer).toEqual({
      status,
      body: { error: { code, message: fault.message, nextStep: expect.stringMatching(/./) } },
    });
  }
});

test('what an unexpected fault says stays in the log, for it may hold anything', async () => {
  door['runs'] = () => Promise.reject(new Error('secret-in-a-message'));
  const { status, body } = await call('/v1/runs');
  expect({ status, code: body.error.code }).toEqual({ status: 500, code: 'gateway.fault' });
  expect(JSON.stringify(body)).not.toContain('secret-in-a-message');
});

test('a body that is too large, no JSON, or misspelt is refused before the door hears of it', async () => {
  expect(await post('/v1/say', JSON.stringify({ statement: 'x'.repeat(2_000_000) }))).toMatchObject({
    status: 400,
    body: { error: { code: 'request.too-large' } },
  });
  expect(await post('/v1/say', '{')).toMatchObject({ status: 400, body: { error: { code: 'request.not-json' } } });
  expect(await post('/v1/say', { statement: { ...statement, verb: 'approve' } })).toMatchObject({
    status: 400,
    body: { error: { code: 'statement.malformed' } },
  });
  const ask = { verb: 'approve', run: 'run-0000000001', gates: 'containment' };
  expect(await post('/v1/prepare', { ask, by: 'bob' })).toMatchObject({
    status: 400,
    body: { error: { code: 'request.malformed', message: expect.stringContaining('gates') as string } },
  });
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const launch = `{"ask":{"verb":"launch","runbook":"x","inputs":{"instances":${deep}}},"by":"bob"}`;
  expect(await post('/v1/prepare', launch)).toMatchObject({
    status: 400,
    body: { error: { code: 'request.malformed', message: expect.stringContaining('nests') as string } },
  });
  expect(asked).toEqual([]);
});

test('what was asked reaches the door as it was asked', async () => {
  const ask = { verb: 'launch', runbook: 'r', inputs: { instances: ['i-1'] }, reason: 'because' };
  expect(await post('/v1/prepare', { ask, by: 'alice' })).toEqual({ status: 200, body: { nonce: 'n' } });
  expect(await post('/v1/say', { statement })).toMatchObject({ status: 200 });
  await call('/v1/holds?of=inc-1');
  await call('/v1/runs/run-1/plan?ask=containment-1');
  await call('/v1/runs/run-1/events?after=7&wait=99999');
  expect(asked).toEqual([[ask, 'alice'], [statement], ['inc-1'], ['run-1', 'containment-1'], ['run-1', 7, 25_000]]);
});

test('what was only received is told apart from what counted', async () => {
  door['say'] = () => Promise.resolve({ run: 'run-1', incident: 'inc-1', outcome: beingDelivered });
  expect((await post('/v1/say', { statement })).status).toBe(202);
});

test('an unknown run, route, position or format is refused as such', async () => {
  expect(await call('/v1/runs/run-1')).toMatchObject({ status: 404, body: { error: { code: 'run.unknown' } } });
  expect(await call('/v2/runs')).toMatchObject({ status: 404, body: { error: { code: 'route.unknown' } } });
  expect(await call('/v1/runs/run-1/events?after=soon')).toMatchObject({
    status: 400,
    body: { error: { code: 'request.malformed' } },
  });
  expect(await call('/v1/timeline/inc-1?format=pdf')).toMatchObject({
    status: 400,
    body: { error: { code: 'request.malformed' } },
  });
  expect(await call('/v1/timeline/inc-1?format=md')).toEqual({ status: 200, body: 'inc-1 as md' });
});

test('health says what cannot be reached, with 503', async () => {
  expect(await call('/v1/health')).toMatchObject({ status: 200 });
  health = { ok: false, parts: [{ name: 'temporal', ok: false, says: 'away' }] };
  expect(await call('/v1/health')).toEqual({ status: 503, body: health });
});

test('requests of Slack go to its own listener with their body untouched, and need no token', async () => {
  await server.end();
  const heard: string[] = [];
  server = await start({
    slack: (incoming, response) => {
      incoming.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
      incoming.on('end', () => response.writeHead(200).end('heard'));
    },
  });
  const response = await fetch(`${server.url}/slack/events?x=1`, { method: 'POST', body: 'payload=1' });
  expect([response.status, await response.text(), heard]).toEqual([200, 'heard', ['payload=1']]);
});

test('without Slack its path is like any other', async () => {
  expect(await call('/slack/events')).toMatchObject({ status: 404 });
});

test('an address outside of this machine, or one that is taken, is refused with what to do', async () => {
  const deps: ServerDeps = {
    door: door as unknown as Door,
    token,
    health: () => Promise.resolve(health),
    timeline: () => Promise.resolve(''),
    log: silent,
  };
  await expect(serve(deps, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({ code: 'gateway.not-loopback' });
  const port = Number(new URL(server.url).port);
  await expect(serve(deps, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'gateway.cannot-listen',
    isTerminal: false,
  });
});

test('ending does not wait for somebody who watches', async () => {
  door['events'] = () => new Promise(() => undefined);
  const watching = request(`${server.url}/v1/runs/run-1/events?wait=20`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const broken = new Promise((resolve) => watching.on('error', resolve));
  watching.end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.end();
  expect(await broken).toMatchObject({ code: 'ECONNRESET' });
});
