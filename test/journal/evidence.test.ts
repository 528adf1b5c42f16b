import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { open, seal } from '../../journal/evidence.js';

const key = randomBytes(32);

test('sealed evidence opens to the same bytes, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), (bytes) => {
      expect(Buffer.compare(open(key, seal(key, bytes)), Buffer.from(bytes))).toBe(0);
    }),
  );
});

test('equal evidence is sealed differently each time, so that the store does not show that two items are equal', () => {
  expect(seal(key, Buffer.from('same')).equals(seal(key, Buffer.from('same')))).toBe(false);
});

test('evidence with any byte changed, or cut anywhere, does not open', () => {
  const sealed = seal(key, Buffer.from('console output of i-0ab1'));
  const codes = { code: expect.stringMatching(/^evidence\.(unreadable|other-key|altered)$/) as string };
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => open(key, changed), `byte ${at}`).toThrow(expect.objectContaining(codes));
    expect(() => open(key, sealed.subarray(0, at)), `cut at ${at}`).toThrow(expect.objectContaining(codes));
  }
});

test('evidence sealed with another key says so, so that the right key is looked for', () => {
  const sealed = seal(key, Buffer.from('memory'));
  expect(() => open(randomBytes(32), sealed)).toThrow(expect.objectContaining({ code: 'evidence.other-key' }));
});

test('a key of the wrong length is refused before anything is sealed with it', () => {
  expect(() => seal(randomBytes(16), Buffer.from('x'))).toThrow(
    expect.objectContaining({ code: 'evidence.key-malformed' }),
  );
});
