import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readSecret } from '../../worker/secrets.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

const root = mkdtempSync(join(tmpdir(), 'firebreak-secrets-'));

test('a secret comes from a file of the workspace, without the newline that editors leave', () => {
  writeFileSync(join(root, 'token'), 'hush\n', { mode: 0o600 });
  expect(readSecret({ file: 'token' }, root)).toBe('hush');
});

test('a secret comes from the environment of the process', () => {
  vi.stubEnv('SIGNING', 'hush');
  expect(readSecret({ env: 'SIGNING' }, root)).toBe('hush');
});

test('a secret that others on the machine can read is refused by name', () => {
  const file = join(root, 'open');
  writeFileSync(file, 'hush', { mode: 0o644 });
  expect(() => readSecret({ file }, root)).toThrow(expect.objectContaining({ code: 'secret.too-open', target: file }));
});

test.each([
  [{ file: 'nowhere' }, 'nowhere does not exist'],
  [{ file: 'empty' }, 'empty is empty'],
  [{ env: 'NOT_SET' }, 'NOT_SET is not set'],
  [{ env: 'EMPTY' }, 'EMPTY is empty'],
])('a secret that is not there is refused with what to do: %o', (ref, reason) => {
  writeFileSync(join(root, 'empty'), '\n', { mode: 0o600 });
  vi.stubEnv('EMPTY', '');
  expect(() => readSecret(ref, root)).toThrow(
    expect.objectContaining({
      code: 'secret.missing',
      message: expect.stringContaining(reason),
      nextStep: expect.stringMatching(/^(set|write)/),
    }),
  );
});
