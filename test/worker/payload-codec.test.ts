import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sentence, type FirebreakError } from '../../core/errors.js';
import { payloadCodec } from '../../worker/payload-codec.js';
import { noPayloadKeys, type PayloadKeys } from '../../worker/payload-keys.js';
import { findSecrets } from '../support/secret-search.js';

const wire = proto.temporal.api.common.v1.Payload;
type KeyId = 'old' | 'new' | 'other';
const bytesOf = { old: randomBytes(32), new: randomBytes(32), other: randomBytes(32) };

/** The first is the active one. */
function keys(first: KeyId, ...more: KeyId[]): PayloadKeys {
  const all = new Map([first, ...more].map((id) => [id, createSecretKey(bytesOf[id])]));
  return { active: { id: first, key: createSecretKey(bytesOf[first]) }, all };
}

async function encrypt(payload: Payload, held = keys('old')): Promise<Payload> {
  const [encrypted = {}] = await payloadCodec(held).encode([payload]);
  return encrypted;
}

async function decrypt(payload: Payload, held = keys('old')): Promise<Payload> {
  const [decrypted = {}] = await payloadCodec(held).decode([payload]);
  return decrypted;
}

function onWire(payload: Payload): string {
  return Buffer.from(wire.encode(payload).finish()).toString('hex');
}

function json(value: unknown): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}

const payloads: fc.Arbitrary<Payload> = fc.record({
  metadata: fc.dictionary(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 40 }), { maxKeys: 4 }),
  data: fc.uint8Array({ maxLength: 300 }),
});

/** Whatever carries none of the names by which an encrypted payload is known. */
const plain = payloads.filter(({ metadata }) => !['encoding', 'encryption-key-id'].some((name) => metadata?.[name]));

test('whatever is encrypted comes back as it was, its metadata included', async () => {
  await fc.assert(
    fc.asyncProperty(payloads, async (payload) => {
      expect(onWire(await decrypt(await encrypt(payload)))).toBe(onWire(payload));
    }),
  );
});

test('an encrypted payload says only that it is encrypted, how, and with which key', async () => {
  const { metadata = {}, data } = await encrypt(json('beacon to a known bad host'));
  expect(Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, String(value)]))).toEqual({
    encoding: 'binary/encrypted',
    'encryption-cipher': 'AES-256-GCM',
    'encryption-key-id': 'old',
  });
  const planted = { name: 'content', bytes: Buffer.from('beacon to a known bad host') };
  expect(findSecrets([planted], [{ where: 'data', bytes: Buffer.from(data ?? []) }])).toEqual([]);
});

test('equal payloads look different, so that nobody sees that they are equal', async () => {
  const all = await Promise.all(Array.from({ length: 100 }, () => encrypt(json('yes'))));
  expect(new Set(all.map(({ data }) => Buffer.from(data ?? []).toString('hex'))).size).toBe(100);
});

test('a payload of today can be read by every later version', async () => {
  const key = createSecretKey(Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex'));
  const kept = {
    metadata: {
      encoding: Buffer.from('binary/encrypted'),
      'encryption-cipher': Buffer.from('AES-256-GCM'),
      'encryption-key-id': Buffer.from('2026-11'),
    },
    data: Buffer.from(
      'AQIDBAUGBwgJCgsMcGQPqI15xi6OkdWmfuV1YRzwjIdbkI8tPrWPjT5SRDsqsGGG4x3Z8mLYXrRUcwhbVh7A9nKSXuI69/dHdaBm0V1uOxKD1Lhjxi/orp3i2gW9',
      'base64',
    ),
  };
  const held = { active: undefined, all: new Map([['2026-11', key]]) };
  expect(onWire(await decrypt(kept, held))).toBe(onWire(json({ reason: 'beacon to a known bad host' })));
});

test('each single byte that is changed, of the data or of what stands beside it, is refused', async () => {
  const encrypted = await encrypt(json({ instances: ['i-1'], reason: 'beacon seen' }));
  const parts = [...Object.keys(encrypted.metadata ?? {}), 'data'];
  const places = parts.flatMap((part) => Array.from(partOf(encrypted, part), (_, at) => ({ part, at })));
  expect(places.length).toBeGreaterThan(100);
  for (const place of places)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 255 }), async (mask) => {
        const changed = copyOf(encrypted);
        const bytes = partOf(changed, place.part);
        bytes[place.at] = (bytes[place.at] ?? 0) ^ mask;
        const code = place.part === 'encryption-key-id' ? 'payload.unknown-key' : 'payload.unreadable';
        await expect(decrypt(changed)).rejects.toMatchObject({ code });
      }),
      { numRuns: 3 },
    );
});

test('a payload that lost a part of its metadata is refused, and not taken for one that was never encrypted', async () => {
  const encrypted = await encrypt(json('beacon seen'));
  for (const name of Object.keys(encrypted.metadata ?? {})) {
    const { [name]: _lost, ...metadata } = encrypted.metadata ?? {};
    await expect(decrypt({ ...encrypted, metadata })).rejects.toMatchObject({ code: 'payload.unreadable' });
  }
});

test('a payload that is cut short anywhere is refused', async () => {
  const encrypted = await encrypt(json('beacon seen'));
  const data = Buffer.from(encrypted.data ?? []);
  for (let length = 0; length < data.length; length += 1)
    await expect(decrypt({ ...encrypted, data: data.subarray(0, length) })).rejects.toMatchObject({
      code: 'payload.unreadable',
      // Nonce and tag alone have 28 bytes; from there on it could have been changed as well.
      message: expect.stringContaining(length < 28 ? 'it is cut short' : 'it was changed') as string,
    });
  await expect(decrypt({ metadata: encrypted.metadata ?? {} })).rejects.toMatchObject({ code: 'payload.unreadable' });
});

test('the ciphertext of one key is not that of another, under whatever id it is given', async () => {
  const encrypted = await encrypt(json('beacon seen'));
  const metadata = { ...encrypted.metadata, 'encryption-key-id': Buffer.from('new') };
  const both = { active: undefined, all: new Map(['old', 'new'].map((id) => [id, createSecretKey(bytesOf.old)])) };
  await expect(decrypt({ ...encrypted, metadata }, both)).rejects.toMatchObject({ code: 'payload.unreadable' });
  const replaced = { active: undefined, all: new Map([['old', createSecretKey(bytesOf.other)]]) };
  await expect(decrypt(encrypted, replaced)).rejects.toMatchObject({ code: 'payload.unreadable' });
});

test('while keys rotate the active one encrypts, and what either of them encrypted is read', async () => {
  const rotating = keys('new', 'old');
  await fc.assert(
    fc.asyncProperty(payloads, fc.boolean(), async (payload, before) => {
      const encrypted = await encrypt(payload, before ? keys('old') : rotating);
      expect(String(encrypted.metadata?.['encryption-key-id'])).toBe(before ? 'old' : 'new');
      expect(onWire(await decrypt(encrypted, rotating))).toBe(onWire(payload));
    }),
  );
});

test('what was never encrypted is read as it is, for runs from before there were keys, and never written so', async () => {
  await fc.assert(
    fc.asyncProperty(plain, async (payload) => {
      expect(await decrypt(payload)).toBe(payload);
      expect(String((await encrypt(payload)).metadata?.['encoding'])).toBe('binary/encrypted');
    }),
  );
});

test('without keys payloads stay as they are, and one that is encrypted is refused by the name of its key', async () => {
  const payload = json('beacon seen');
  expect(await encrypt(payload, noPayloadKeys)).toBe(payload);
  expect(await decrypt(payload, noPayloadKeys)).toBe(payload);
  await expect(decrypt(await encrypt(payload), noPayloadKeys)).rejects.toMatchObject({
    code: 'payload.unknown-key',
    isTerminal: true,
    message: expect.stringContaining('the key "old"'),
    nextStep: expect.stringContaining('`temporal.encryption.keys` in firebreak.yaml') as string,
  });
});

test('a refusal names the key and what to do, and holds neither the key nor what was encrypted', async () => {
  const encrypted = await encrypt(json('beacon to a known bad host'));
  const damaged = copyOf(encrypted);
  damaged.data?.fill(0, 20, 21);
  const secrets = [
    { name: 'key', bytes: bytesOf.old },
    { name: 'another key', bytes: bytesOf.new },
    { name: 'content', bytes: Buffer.from('beacon to a known bad host') },
  ];
  for (const [payload, held] of [
    [encrypted, keys('new')],
    [damaged, keys('old', 'new')],
    [{ ...encrypted, data: Buffer.from(encrypted.data ?? []).subarray(0, 9) }, keys('old')],
  ] as const) {
    const error = await decrypt(payload, held).catch((refusal: unknown) => refusal as FirebreakError);
    const said = `${sentence(error as FirebreakError)} ${inspect(error, { depth: 9 })}`;
    expect(said).toContain('"old"');
    expect(findSecrets(secrets, [{ where: 'refusal', bytes: Buffer.from(said) }])).toEqual([]);
  }
});

test('a key id that somebody made up is shown cut short and as text', async () => {
  const encrypted = await encrypt(json('beacon seen'));
  const metadata = { ...encrypted.metadata, 'encryption-key-id': Buffer.from(`\u001b[2J\n${'x'.repeat(10_000)}`) };
  const error = (await decrypt({ ...encrypted, metadata }).catch((refusal: unknown) => refusal)) as FirebreakError;
  expect(error.code).toBe('payload.unknown-key');
  expect(error.message.length).toBeLessThan(200);
  expect(error.message).toContain('\\u001b[2J\\nxxx');
});

test('one payload that cannot be read fails the call, so that nobody works on a part', async () => {
  const good = await encrypt(json('one'));
  const bad = await encrypt(json('two'), keys('other'));
  await expect(payloadCodec(keys('old')).decode([good, bad])).rejects.toMatchObject({ code: 'payload.unknown-key' });
});

function partOf({ metadata, data }: Payload, part: string): Uint8Array {
  const bytes = part === 'data' ? data : metadata?.[part];
  if (bytes == null) throw new Error(`The payload has no ${part}.`);
  return bytes;
}

function copyOf({ metadata, data }: Payload): Payload {
  const copied = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value)] as const);
  return { metadata: Object.fromEntries(copied), data: Buffer.from(data ?? []) };
}
