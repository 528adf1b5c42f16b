// Whatever is sent to a hook, over HTTP to the real server and door on a real store, signed or not: an answer or a typed refusal
// within a second, and nothing is launched that nobody signed.
import { rmSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../core/json.js';
import { type Door, openDoor } from '../../gateway/door.js';
import { type HooksApp, openHooks } from '../../gateway/hooks/app.js';
import { serve } from '../../gateway/server.js';
import { signerOf } from '../../journal/signer.js';
import { embedded, openClient } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import type { Listening } from '../../worker/listen.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { readSecret } from '../../worker/secrets.js';
import {
  alert,
  bearer,
  finding,
  gatewayKey,
  hookBundle,
  post,
  signed,
  writeHookSecrets,
} from '../gateway/hooks/support.js';
import { type Ground, openGround, silent } from '../gateway/support.js';
import { fuzz } from './support/fuzz.js';
import { jsonTexts } from './support/json-texts.js';

/** A hook takes 120 authentic requests a minute: the clock of both sides goes on by this from case to case. */
const stepMs = 600;

let ground: Ground;
let client: ReturnType<typeof openClient>;
let door: Door;
let hooks: HooksApp;
let server: Listening;
let aheadMs = 0;

beforeAll(async () => {
  ground = openGround();
  writeHookSecrets(ground.folder);
  const bundle = hookBundle(ground);
  const { store } = ground;
  // Temporal is away: what is accepted is kept.
  client = openClient(embedded(await freePort()), dataConverterOf(noPayloadKeys));
  door = openDoor({ client, store, bundle: () => Promise.resolve(bundle), log: silent, answerMs: 5 });
  hooks = openHooks({
    door,
    signer: signerOf({ id: 'gateway-test', privateKey: gatewayKey.privateKey }),
    secret: (ref) => readSecret(ref, ground.folder),
    log: silent,
    now: () => Date.now() + aheadMs,
  });
  server = await serve(
    {
      door,
      token: 'b'.repeat(64),
      health: () => Promise.resolve({ ok: true, parts: [] }),
      timeline: () => Promise.resolve(''),
      log: silent,
      hooks: hooks.listener,
    },
    { host: '127.0.0.1', port: 0 },
  );
});

afterAll(async () => {
  await server.end();
  await hooks.end();
  await door.end();
  await client.connection.close();
  await ground.store.end();
  rmSync(ground.folder, { recursive: true });
});

/** Header values that HTTP carries at all; of more than 16 KB Node's own server says 431 before any of ours is asked. */
const word = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 200 }),
  fc.constantFrom(
    '',
    'v1,',
    'v1,AAAA',
    'v1a,AAAA',
    'Bearer',
    'Bearer ',
    `Bearer ${'f'.repeat(63)}`,
    '-1',
    '1e9',
    'NaN',
  ),
  fc.nat(3_000).map((count) => 'v1,AA '.repeat(count / 6)),
);
const bodies = jsonTexts(
  [finding('i-0ab1c2d3', 'a'), alert('i-0ab1c2d3', 'b')].map((text) => JSON.parse(text) as Json),
);
const body = fc.oneof({ weight: 9, arbitrary: bodies }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) });
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('alerts', 'guardduty') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '%2e%2e%2falerts', 'alerts%00', 'alerts/x', '') },
);
const auth = fc.oneof(
  { weight: 6, arbitrary: fc.constant('good' as const) },
  { weight: 1, arbitrary: fc.constant('none' as const) },
  {
    weight: 2,
    arbitrary: fc.record(
      { 'webhook-id': word, 'webhook-timestamp': word, 'webhook-signature': word, authorization: word },
      { requiredKeys: [] },
    ),
  },
);

const expected = new Set([200, 202, 400, 401, 403, 404, 409, 413, 422, 429]);

test('a hook', async () => {
  await fuzz({
    name: 'webhooks, over HTTP',
    waits: true,
    of: fc.record({ name, body, auth }),
    reaches: [
      'accepted',
      'not wanted',
      'hook.no-value',
      'hook.not-json',
      'hook.unsigned',
      'hook.unknown',
      'inputs.invalid',
    ],
    run: async (sent) => {
      aheadMs += stepMs;
      const headers =
        sent.auth === 'good'
          ? { ...bearer, ...signed(sent.body, { id: `msg_${aheadMs}`, offS: Math.floor(aheadMs / 1000) }) }
          : sent.auth === 'none'
            ? {}
            : sent.auth;
      const { status, body: answer } = await post(server.url, sent.name, sent.body, clean(headers));
      expect(expected, JSON.stringify(answer)).toContain(status);
      if (status < 300) {
        expect(sent.auth, 'an answer to who has shown no secret').toBe('good');
        return answer.outcome;
      }
      expect(answer.error?.code).toMatch(/^[a-z]+\.[a-z-]+$/);
      expect(answer.error?.nextStep).toMatch(/\S/);
      return answer.error?.code ?? '';
    },
  });
});

function clean(headers: Record<string, string | undefined>): Record<string, string> {
  const given = Object.entries(headers).flatMap(([key, value]) => (value === undefined ? [] : [[key, value.trim()]]));
  return Object.fromEntries(given) as Record<string, string>;
}
