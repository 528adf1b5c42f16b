// The real server and the real door on a real store, with Temporal away: what is let in, what is kept, what is on record.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installationChain } from '../../../core/event.js';
import type { Bundle } from '../../../core/installation.js';
import type { JsonObject } from '../../../core/json.js';
import type { Service } from '../../../core/people.js';
import type { Statement } from '../../../core/statement.js';
import { type Door, openDoor } from '../../../gateway/door.js';
import { type HooksApp, openHooks } from '../../../gateway/hooks/app.js';
import { serve } from '../../../gateway/server.js';
import { signerOf } from '../../../journal/signer.js';
import { embedded, openClient } from '../../../worker/connection.js';
import { dataConverterOf } from '../../../worker/data-converter.js';
import type { Listening } from '../../../worker/listen.js';
import { noPayloadKeys } from '../../../worker/payload-keys.js';
import { freePort } from '../../../worker/ports.js';
import { readSecret } from '../../../worker/secrets.js';
import { type Ground, openGround, silent } from '../support.js';
import {
  alert,
  bearer,
  finding,
  gatewayKey,
  hookBundle,
  key,
  post,
  signed,
  type Signing,
  token,
  writeHookSecrets,
} from './support.js';

const instance = 'i-0ab1c2d3e4f5a6b7c';

let ground: Ground;
let bundle: Bundle;
let door: Door;
let hooks: HooksApp;
let server: Listening;
let clockMs: number;
let client: ReturnType<typeof openClient>;

beforeEach(async () => {
  clockMs = 0;
  ground = openGround();
  writeHookSecrets(ground.folder);
  bundle = hookBundle(ground);
  client = openClient(embedded(await freePort()), dataConverterOf(noPayloadKeys));
  await start();
});

afterEach(async () => {
  await stop();
  await client.connection.close();
  await ground.store.end();
});

async function start(): Promise<void> {
  const { store } = ground;
  door = openDoor({ client, store, bundle: () => Promise.resolve(bundle), log: silent, answerMs: 100 });
  hooks = openHooks({
    door,
    signer: signerOf({ id: 'gateway-test', privateKey: gatewayKey.privateKey }),
    secret: (ref) => readSecret(ref, ground.folder),
    log: silent,
    now: () => Date.now() + clockMs,
    refusedEveryMs: 60_000,
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
}

async function stop(): Promise<void> {
  await server.end();
  await hooks.end();
  await door.end();
}

const send = (hook: string, body: string | Uint8Array, headers: Record<string, string>) =>
  post(server.url, hook, body, headers);

const kept = async () => (await ground.store.waiting()).map(({ message }) => message as unknown as Statement);

async function refusals(): Promise<JsonObject[]> {
  const events = await ground.store.events({ chain: installationChain, actions: ['statement.refused'] });
  return events.map(({ data = {} }) => data);
}

test('a signed alert is kept while Temporal is away; however often and at once it is sent, it is one launch', async () => {
  const body = alert(instance, 'alert-1');
  const answers = await Promise.all(
    [1, 2, 3, 4, 5].map((each) => send('alerts', body, signed(body, { id: `msg_${each}` }))),
  );
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '200', '200', '200', '202']);
  expect(new Set(answers.map(({ body: { run } }) => run)).size).toBe(1);
  await stop();
  await start();
  expect(await send('alerts', body, signed(body))).toMatchObject({ status: 200, body: { outcome: 'launched before' } });
  const launches = await kept();
  expect(launches).toMatchObject([{ verb: 'launch', by: 'alertmanager', about: { run: answers[0]?.body.run } }]);
  expect(launches[0]?.proof).toMatchObject({ kind: 'hook', request: { hook: 'alerts', scheme: 'standard-webhooks' } });
  expect(await refusals()).toEqual([]);
});

test('what is kept holds neither token nor key, and says by which scheme it came', async () => {
  await send('guardduty', finding(instance), bearer);
  const [statement] = await kept();
  expect(statement?.proof).toMatchObject({ request: { hook: 'guardduty', scheme: 'bearer' } });
  expect(JSON.stringify(statement)).not.toContain(token);
});

const flipped = (body: string) => body.replace('"firing"', '"firinG"');

test.each<[string, number, string, (body: string) => { body: string | Uint8Array; headers: Record<string, string> }]>([
  ['nothing signed', 401, 'hook.unsigned', (body) => ({ body, headers: {} })],
  ['one byte altered', 401, 'hook.bad-signature', (body) => ({ body: flipped(body), headers: signed(body) })],
  [
    'sent again under another id',
    401,
    'hook.bad-signature',
    (body) => ({ body, headers: { ...signed(body), 'webhook-id': 'msg_2' } }),
  ],
  [
    'sent again at another time',
    401,
    'hook.bad-signature',
    (body) => ({ body, headers: { ...signed(body), 'webhook-timestamp': `${Math.floor(Date.now() / 1000) + 7}` } }),
  ],
  [
    'no number as time',
    401,
    'hook.bad-timestamp',
    (body) => ({ body, headers: { ...signed(body), 'webhook-timestamp': 'now' } }),
  ],
  ['signed 301 s ago', 401, 'hook.wrong-time', (body) => ({ body, headers: signed(body, { offS: -302 }) })],
  ['signed 301 s ahead', 401, 'hook.wrong-time', (body) => ({ body, headers: signed(body, { offS: 303 }) })],
  [
    'the key of nobody',
    401,
    'hook.bad-signature',
    (body) => ({ body, headers: signed(body, { secret: `whsec_${'A'.repeat(44)}` }) }),
  ],
  ['the token of the other hook', 401, 'hook.unsigned', (body) => ({ body, headers: bearer })],
  [
    'the token of the API',
    401,
    'hook.unsigned',
    (body) => ({ body, headers: { authorization: `Bearer ${'b'.repeat(64)}` } }),
  ],
  ['not JSON', 422, 'hook.not-json', () => ({ body: 'status=firing', headers: signed('status=firing') })],
  [
    'not UTF-8',
    422,
    'hook.not-json',
    () => ({ body: Buffer.from([0x22, 0xff, 0x22]), headers: signed(Buffer.from([0x22, 0xff, 0x22])) }),
  ],
  ['an empty body', 422, 'hook.not-json', () => ({ body: '', headers: signed('') })],
  ['a field that is missing', 422, 'hook.no-value', () => without('commonLabels')],
  ['no instance', 422, 'inputs.invalid', () => whole(alert('web-1'))],
  [
    'a secret in an input',
    422,
    'hook.holds-a-secret',
    () => whole(alert(instance).replaceAll('Regular small', 'password=hunter2hunter2')),
  ],
])(
  '%s: %i %s, nothing is kept, and it is on record once however often it is sent',
  async (_what, status, code, make) => {
    const { body, headers } = make(alert(instance));
    for (let time = 0; time < 3; time += 1)
      expect(await send('alerts', body, headers)).toMatchObject({ status, body: { error: { code } } });
    await hooks.end();
    expect(await kept()).toEqual([]);
    const onRecord = await refusals();
    expect(new Set(onRecord.map((data) => data['code']))).toEqual(new Set([code]));
    // What nobody signed is counted, and told of at once and then once a minute.
    const isSigned = status === 422 || code === 'hook.wrong-time';
    expect(onRecord.map((data) => data['count'])).toEqual(isSigned ? [undefined] : [1, 2]);
  },
);

function whole(body: string) {
  return { body, headers: signed(body) };
}

function without(field: string) {
  const body = JSON.parse(alert(instance)) as Record<string, unknown>;
  delete body[field];
  return whole(JSON.stringify(body));
}

test('a flood of what nobody signed makes one event now and one at the end, with the count', async () => {
  const body = finding(instance);
  for (let time = 0; time < 40; time += 1) await send('guardduty', body, { authorization: 'Bearer guessed' });
  await hooks.end();
  const told = await refusals();
  expect(told).toMatchObject([
    { code: 'hook.bad-token', count: 1 },
    { code: 'hook.bad-token', count: 39 },
  ]);
});

test('what somebody recorded and sends again and again does not keep the sender itself from being heard', async () => {
  // A minute that has just begun, so that all of it is within one.
  clockMs = 61_000 - (Date.now() % 60_000);
  const late = { offS: -3_600 };
  const same = await Promise.all(Array.from({ length: 130 }, () => sendOne(1, { ...late, id: 'msg_recorded' })));
  expect(same.filter(({ status }) => status === 401).length).toBe(10);
  const many = await Promise.all(Array.from({ length: 130 }, (_, each) => sendOne(each, late)));
  expect(many.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
  expect((await sendOne(1)).status).toBe(202);
});

test('two megabytes are refused unread, and so is a hook that is not there, which tells nothing of those that are', async () => {
  const large = JSON.stringify({ ...(JSON.parse(alert(instance)) as object), filler: 'x'.repeat(2_000_000) });
  expect(await send('alerts', large, signed(large))).toMatchObject({
    status: 413,
    body: { error: { code: 'hook.body-too-large' } },
  });
  const unknown = await send('guardduti', finding(instance), bearer);
  expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'hook.unknown' } } });
  expect(JSON.stringify(unknown.body)).not.toContain('guardduty');
  expect(await kept()).toEqual([]);
});

test('what `when` does not want launches nothing and is no refusal; of the error for a missing field the field is named', async () => {
  const low = finding(instance, 'f', 'Recon:EC2/PortProbeUnprotectedPort');
  expect(await send('guardduty', low, bearer)).toEqual({ status: 200, body: { outcome: 'not wanted' } });
  const bucket = finding(instance).replace('"instanceDetails"', '"s3BucketDetails"');
  const { body } = await send('guardduty', bucket, bearer);
  expect(body.error).toMatchObject({
    code: 'hook.no-value',
    message: expect.stringContaining('"instances"') as string,
  });
  expect(await kept()).toEqual([]);
});

function sendOne(each: number, options: Signing = {}) {
  const body = alert(`i-0${each}`, `alert-${each}`);
  return send('alerts', body, signed(body, { id: `msg_${each}`, ...options }));
}

test.each(['nobody', '__proto__', 'constructor', 'toString'])('there is no hook "%s": 404', async (name) => {
  expect(await send(name, '{}', bearer)).toMatchObject({ status: 404, body: { error: { code: 'hook.unknown' } } });
});

test('a body nested deeper than anybody writes is refused', async () => {
  const body = `{"detail":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  expect(await send('guardduty', body, bearer)).toMatchObject({
    status: 422,
    body: { error: { code: 'hook.not-json' } },
  });
});

test('a storm ends at the bound of the hook, and goes on an hour later', async () => {
  for (let each = 0; each < 10; each += 1) expect((await sendOne(each)).status).toBe(202);
  expect(await sendOne(10)).toMatchObject({ status: 429, body: { error: { code: 'hook.too-many' } } });
  expect((await sendOne(3)).body.outcome).toBe('launched before');
  clockMs = 61 * 60_000;
  expect((await sendOne(10, { offS: 61 * 60 })).status).toBe(202);
});

test('while a secret takes the place of another both are good; one that cannot be read does not shut the hook', async () => {
  const hook = bundle.installation.hooks?.['alerts'];
  if (hook === undefined) throw new Error('there is no hook');
  const next = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  hook.auth.secrets.push({ file: '.firebreak/alerts-key-next' });
  expect((await sendOne(1, { secret: key })).status).toBe(202);
  expect((await sendOne(2, { secret: next })).status).toBe(401);
  writeFileSync(join(ground.folder, '.firebreak', 'alerts-key-next'), next, { mode: 0o600 });
  expect((await sendOne(2, { secret: next })).status).toBe(202);
  rmSync(join(ground.folder, '.firebreak', 'alerts-key'));
  expect((await sendOne(3, { secret: key })).status).toBe(401);
  expect((await sendOne(3, { secret: next })).status).toBe(202);
  rmSync(join(ground.folder, '.firebreak', 'alerts-key-next'));
  const shut = await sendOne(4, { secret: next });
  expect(shut).toMatchObject({ status: 503, body: { error: { code: 'hook.no-secret' } } });
});

test.each([
  ['taken out of people.yaml', 'hook.nobody', () => delete bundle.people.principals['guardduty']],
  ['revoked', 'person.revoked', () => (serviceOf('guardduty').revokedAt = '2031-01-01T00:00:00.000Z')],
  [
    'allowed another runbook',
    'service.other-runbook',
    () => ((serviceOf('guardduty').service as Service).launches = ['x']),
  ],
])('a service that was %s launches nothing: 403 %s', async (_what, code, change) => {
  change();
  expect(await send('guardduty', finding(instance), bearer)).toMatchObject({ status: 403, body: { error: { code } } });
  expect(await kept()).toEqual([]);
  expect(await refusals()).toMatchObject([{ code, hook: 'guardduty', verb: 'launch' }]);
});

function serviceOf(id: string) {
  const principal = bundle.people.principals[id];
  if (principal === undefined) throw new Error(`there is no ${id}`);
  return principal;
}
