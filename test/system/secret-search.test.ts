// The search that `secrets.test.ts` relies on: it finds every spelling, or finding nothing would mean nothing.
import { describe, expect, test } from 'vitest';
import { findSecrets, spellingsOf } from '../support/secret-search.js';

/** With characters that each escape changes, and bytes whose digits have both signs of base64. */
const text = 'k3y/with+all=the"quotes\\and&<signs>?';
const secret = { name: 'key', bytes: Buffer.from(text) };
const binary = { name: 'seed', bytes: Buffer.from([...Array(32).keys()].map((index) => (index * 97 + 251) % 256)) };

function found(of: typeof secret, where: string | Uint8Array): string[] {
  return findSecrets([of], [{ where: 'here', bytes: Buffer.from(where) }]).map(({ spelling }) => spelling);
}

const spelt: [string, (bytes: Buffer) => string | Uint8Array][] = [
  ['raw', (bytes) => Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])],
  ['hex', (bytes) => `0x${bytes.toString('hex')};`],
  ['HEX', (bytes) => `0X${bytes.toString('hex').toUpperCase()};`],
  ['base64+0', (bytes) => `data: ${bytes.toString('base64')}`],
  ['base64+1', (bytes) => Buffer.concat([Buffer.from('u:rd'), bytes, Buffer.from('!!')]).toString('base64')],
  ['base64+2', (bytes) => Buffer.concat([Buffer.from('user:'), bytes, Buffer.from('!')]).toString('base64')],
  ['base64url+0', (bytes) => bytes.toString('base64url')],
  ['base64url+1', (bytes) => Buffer.concat([Buffer.from('a'), bytes]).toString('base64url')],
  ['base64url+2', (bytes) => Buffer.concat([Buffer.from('ab'), bytes, Buffer.from('z')]).toString('base64url')],
];
const speltText: [string, (bytes: Buffer) => string | Uint8Array][] = [
  ['URL', (bytes) => `https://example.test/?key=${encodeURIComponent(bytes.toString())}&b=1`],
  ['url', (bytes) => encodeURIComponent(bytes.toString()).replaceAll(/%../g, (escape) => escape.toLowerCase())],
  ['form', (bytes) => new URLSearchParams({ key: bytes.toString() }).toString()],
  ['JSON', (bytes) => JSON.stringify({ key: bytes.toString() })],
  ['JSON in JSON', (bytes) => JSON.stringify({ body: JSON.stringify({ key: bytes.toString() }) })],
  [
    'XML',
    (bytes) =>
      `<key>${bytes.toString().replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')}</key>`,
  ],
  [
    'JSON with slashes in JSON',
    (bytes) => JSON.stringify({ body: JSON.stringify({ key: bytes.toString() }).replaceAll('/', '\\/') }),
  ],
  ['JSON with slashes', (bytes) => JSON.stringify({ key: bytes.toString() }).replaceAll('/', '\\/')],
];

describe.each(spelt)('%s', (spelling, write) => {
  test('is found of a text', () => expect(found(secret, write(secret.bytes))).toContain(spelling));
  test('is found of bytes that are no text', () => expect(found(binary, write(binary.bytes))).toContain(spelling));
});

test.each(speltText)('%s is found of a text', (spelling, write) => {
  expect(found(secret, write(secret.bytes))).toContain(spelling);
});

test('a key that PEM has broken into lines is found, also where the lines are escaped in JSON', () => {
  const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.concat([Buffer.from('head'), binary.bytes])
    .toString('base64')
    .replaceAll(/.{16}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
  expect(found(binary, pem)).toContain('base64+1');
  expect(found(binary, JSON.stringify({ pem }))).toContain('base64+1');
});

test('what holds no secret, half of one, or another one, is not taken for it', () => {
  expect(found(secret, 'nothing to see')).toEqual([]);
  expect(found(secret, text.slice(0, -4))).toEqual([]);
  expect(found(secret, Buffer.from(text).toReversed())).toEqual([]);
});

test('a secret that is too short to search for is refused, for it would be found everywhere or nowhere', () => {
  expect(() => spellingsOf(Buffer.from('abc'))).toThrow('too short');
});
