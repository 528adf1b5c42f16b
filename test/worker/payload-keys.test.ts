import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { FirebreakError } from '../../core/errors.js';
import type { PayloadEncryption } from '../../core/installation.js';
import { noPayloadKeys, readPayloadKeys } from '../../worker/payload-keys.js';
import { readSecret } from '../../worker/secrets.js';
import { findSecrets } from '../support/secret-search.js';

const root = mkdtempSync(join(tmpdir(), 'firebreak-payload-keys-'));

function write(file: string, text = `${randomBytes(32).toString('base64')}\n`, mode = 0o600): string {
  writeFileSync(join(root, file), text, { mode });
  return text.trim();
}

function read(encryption: PayloadEncryption) {
  const unreadable: FirebreakError[] = [];
  const keys = readPayloadKeys(
    { temporal: { encryption } },
    (ref) => readSecret(ref, root),
    (error) => unreadable.push(error),
  );
  return { keys, unreadable };
}

test('the active key encrypts, and all that are listed can decrypt', () => {
  const text = write('new');
  write('old');
  const { keys, unreadable } = read({
    active: '2026-11',
    keys: { '2026-05': { file: 'old' }, '2026-11': { file: 'new' } },
  });
  expect(keys.active?.id).toBe('2026-11');
  expect(keys.active?.key.export().toString('base64')).toBe(text);
  expect([...keys.all.keys()]).toEqual(['2026-05', '2026-11']);
  expect(unreadable).toEqual([]);
});

test('an installation that names no keys has none', () => {
  expect(
    readPayloadKeys(
      {},
      () => '',
      () => undefined,
    ),
  ).toBe(noPayloadKeys);
});

test('keys that are printed, in a log or by a slip, show nothing', () => {
  const text = write('printed');
  const { keys } = read({ active: 'a', keys: { a: { file: 'printed' } } });
  const printed = `${inspect(keys, { depth: 9, showHidden: true })} ${JSON.stringify(keys)} ${JSON.stringify([...keys.all])}`;
  const secret = { name: 'key', bytes: Buffer.from(text, 'base64') };
  expect(findSecrets([secret], [{ where: 'printed', bytes: Buffer.from(printed) }])).toEqual([]);
});

test.each([
  ['is not there', 'gone', undefined, 'does not exist'],
  ['can be read by others', 'open', () => chmodSync(join(root, 'open'), 0o644), 'can be read by others'],
  ['is too short', 'short', () => write('short', randomBytes(16).toString('base64')), 'not 32 bytes in base64'],
  ['is too long', 'long', () => write('long', randomBytes(33).toString('base64')), 'not 32 bytes in base64'],
  ['is in hex', 'hex', () => write('hex', randomBytes(32).toString('hex')), 'not 32 bytes in base64'],
  ['is two keys', 'two', () => write('two', `${write('x')}\n${write('y')}\n`), 'not 32 bytes in base64'],
  ['cannot be read', '.', undefined, 'EISDIR'],
])('a key that %s stops a process that would encrypt with it, and no other', (_, file, make, why) => {
  write('good');
  if (file === 'open') write('open');
  make?.();
  const keys = { bad: { file }, good: { file: 'good' } };
  const error = expect.objectContaining({
    code: 'payload.bad-key',
    message: expect.stringMatching(new RegExp(`^The payload key "bad" cannot be read\\. .*${why}`)) as string,
    nextStep: expect.stringMatching(/./) as string,
  }) as FirebreakError;
  expect(() => read({ active: 'bad', keys })).toThrow(error);
  const { keys: left, unreadable } = read({ active: 'good', keys });
  expect([...left.all.keys()]).toEqual(['good']);
  expect(unreadable).toEqual([error]);
});

test('what is wrong with a key is said without the key', () => {
  const text = write('almost', randomBytes(31).toString('base64'));
  const { unreadable } = read({ active: 'good', keys: { almost: { file: 'almost' }, good: { file: 'good' } } });
  expect(unreadable).toHaveLength(1);
  expect(inspect(unreadable, { depth: 9 })).not.toContain(text.slice(0, 12));
});
