// Real HTTP, in the words of Temporal's UI and command line.
import { createSecretKey, randomBytes } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { afterEach, expect, test } from 'vitest';
import { type CodecServerOptions, serveCodec } from '../../worker/codec-server.js';
import type { Listening } from '../../worker/listen.js';
import { payloadCodec } from '../../worker/payload-codec.js';

const origin = 'http://localhost:8233';
const token = 'f'.repeat(64);
const key = createSecretKey(randomBytes(32));
const codec = payloadCodec({ active: { id: '2026-11', key }, all: new Map([['2026-11', key]]) });
const other = payloadCodec({ active: { id: '2026-05', key }, all: new Map([['2026-05', key]]) });

const plain = { metadata: { encoding: base64('json/plain') }, data: base64('{"reason":"beacon to a known bad host"}') };

let server: Listening | undefined;
let faults: unknown[] = [];

afterEach(async () => {
  await server?.end();
  server = undefined;
  faults = [];
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function start(options: Partial<CodecServerOptions> = {}): Promise<void> {
  server = await serveCodec(
    { codec, encodes: false, origin, onFault: (error) => faults.push(error), ...options },
    { host: '127.0.0.1', port: 0 },
  );
}

async function ask(path: string, body?: unknown, { method = 'POST', ...headers }: Record<string, string> = {}) {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const init = { method, headers: { 'content-type': 'application/json', 'x-namespace': 'default', ...headers } };
  const response = await fetch(`${server?.url}${path}`, body === undefined ? init : { ...init, body: sent });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}

/** As Temporal has it. */
async function encrypted(by: PayloadCodec = codec) {
  const bytes = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(plain.data, 'base64') };
  const [payload] = await by.encode([bytes]);
  const metadata = Object.entries(payload?.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return {
    metadata: Object.fromEntries(metadata) as Record<string, string>,
    data: Buffer.from(payload?.data ?? []).toString('base64'),
  };
}

test('the UI gets what encrypted payloads say, in their order, and others as they are', async () => {
  await start();
  const sent = [await encrypted(), plain, await encrypted()];
  const { status, headers, body } = await ask('/decode', { payloads: sent }, { origin });
  expect({ status, body }).toEqual({ status: 200, body: { payloads: [plain, plain, plain] } });
  expect(headers.get('access-control-allow-origin')).toBe(origin);
});

test('a payload without metadata or data, as protobuf writes what is empty, is taken', async () => {
  await start();
  const { body } = await ask('/decode', { payloads: [{}, { metadata: null, data: null }, { ...plain, data: '' }] });
  const empty = { metadata: {}, data: '' };
  expect(body).toEqual({ payloads: [empty, empty, { ...plain, data: '' }] });
});

test('what the command line sends needs no origin', async () => {
  await start({ origin: undefined });
  expect(await ask('/decode', { payloads: [await encrypted()] })).toMatchObject({ body: { payloads: [plain] } });
});

test('it encodes only where it was told to, and then what it encodes can be decoded', async () => {
  await start();
  expect(await ask('/encode', { payloads: [plain] })).toMatchObject({
    status: 403,
    body: { error: { code: 'codec.decodes-only' } },
  });
  await server?.end();
  await start({ encodes: true });
  const { body } = await ask('/encode', { payloads: [plain] });
  expect(JSON.stringify(body)).not.toContain(plain.data);
  expect(await ask('/decode', body)).toMatchObject({ status: 200, body: { payloads: [plain] } });
});

test('a browser may ask from the pages of the one UI, with the headers that it sends', async () => {
  await start({ token });
  const preflight = {
    method: 'OPTIONS',
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-namespace',
  };
  const { status, headers } = await ask('/decode', undefined, preflight);
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-origin')).toBe(origin);
  expect(headers.get('access-control-allow-methods')).toBe('POST');
  expect(headers.get('access-control-allow-headers')).toContain('authorization');
});

test.each([
  ['another page', 'http://evil.example'],
  ['a page of another port', 'http://localhost:8234'],
  ['a page without a name', 'null'],
])('%s is refused before anything is decoded, and its browser is given no leave', async (_, page) => {
  await start();
  const answer = await ask('/decode', { payloads: [await encrypted()] }, { origin: page });
  expect(answer).toMatchObject({ status: 403, body: { error: { code: 'codec.origin-refused' } } });
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  expect((await ask('/decode', undefined, { method: 'OPTIONS', origin: page })).status).toBe(403);
});

test('no page at all may ask where no UI was named', async () => {
  await start({ origin: undefined });
  expect(await ask('/decode', { payloads: [] }, { origin })).toMatchObject({ status: 403 });
});

test('with a token nobody is answered who does not carry it', async () => {
  await start({ token });
  const sent = { payloads: [await encrypted()] };
  for (const authorization of ['', `Bearer ${token.slice(1)}`, `Bearer ${token}f`, token]) {
    const { status, body } = await ask('/decode', sent, { authorization });
    expect({ status, body }).toMatchObject({ status: 403, body: { error: { code: 'token.refused' } } });
  }
  expect(await ask('/decode', sent, { authorization: `Bearer ${token}` })).toMatchObject({
    body: { payloads: [plain] },
  });
});

test('the UI can read why it was refused', async () => {
  await start({ token });
  const { status, headers } = await ask('/decode', { payloads: [] }, { origin });
  expect([status, headers.get('access-control-allow-origin')]).toEqual([403, origin]);
});

test.each(['0.0.0.0', '192.0.2.1', 'temporal.example', '::'])(
  'without a token it does not listen on %s',
  async (host) => {
    await expect(
      serveCodec({ codec, encodes: false, onFault: () => undefined }, { host, port: 0 }),
    ).rejects.toMatchObject({
      code: 'codec.not-loopback',
      nextStep: expect.stringContaining('--token-file') as string,
    });
  },
);

test('with a token it listens where others can ask, but not with one that they could guess', async () => {
  const everywhere = { host: '0.0.0.0', port: 0 };
  const options = { codec, encodes: false, onFault: () => undefined };
  await expect(serveCodec({ ...options, token: 'hunter2' }, everywhere)).rejects.toMatchObject({
    code: 'codec.weak-token',
  });
  server = await serveCodec({ ...options, token }, everywhere);
  expect((await fetch(`http://127.0.0.1:${new URL(server.url).port}/decode`, { method: 'POST' })).status).toBe(403);
});

test('a place that is taken is refused with what to do', async () => {
  await start();
  const port = Number(new URL(server?.url ?? '').port);
  await expect(
    serveCodec({ codec, encodes: false, onFault: () => undefined }, { host: '127.0.0.1', port }),
  ).rejects.toMatchObject({ code: 'codec.cannot-listen', isTerminal: false });
});

test('a payload of another key, or a damaged one, is refused with what the codec says of it', async () => {
  await start();
  expect(await ask('/decode', { payloads: [await encrypted(other)] })).toMatchObject({
    status: 400,
    body: { error: { code: 'payload.unknown-key', message: expect.stringContaining('"2026-05"') as string } },
  });
  const damaged = { ...(await encrypted()), data: base64('x'.repeat(100)) };
  expect(await ask('/decode', { payloads: [damaged] })).toMatchObject({
    body: { error: { code: 'payload.unreadable' } },
  });
});

test.each([
  ['no JSON', '{', 400, 'request.not-json'],
  ['no payloads', { payload: [] }, 400, 'request.malformed'],
  ['bytes that are not in base64', { payloads: [{ data: '{}' }] }, 400, 'request.malformed'],
  ['more than Temporal ever sends', { payloads: [{ data: 'A'.repeat(9_000_000) }] }, 413, 'request.too-large'],
])('%s is refused as such', async (_, body, status, code) => {
  await start();
  expect(await ask('/decode', body)).toMatchObject({ status, body: { error: { code } } });
  expect(faults).toEqual([]);
});

test('another path is refused with the one that there is', async () => {
  await start();
  expect(await ask('/', {})).toMatchObject({ status: 404, body: { error: { code: 'route.unknown' } } });
  expect(await ask('/decode', undefined, { method: 'GET' })).toMatchObject({ status: 404 });
});

test('what a fault says is told to whoever runs it and to nobody who asks', async () => {
  const fault = new Error('secret-in-a-message');
  await start({ codec: { ...codec, decode: () => Promise.reject(fault) } });
  const { status, body } = await ask('/decode', { payloads: [] });
  expect({ status, body }).toMatchObject({ status: 500, body: { error: { code: 'codec.fault' } } });
  expect(JSON.stringify(body)).not.toContain('secret-in-a-message');
  expect(faults).toEqual([fault]);
});
