// Real ways, each closed off in turn: nothing is mocked but the PATH and the network's silence.
import { chmodSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findTemporal, temporalVersion } from '../../worker/temporal-executable.js';

let bin: string;
let cache: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'firebreak-bin-'));
  cache = mkdtempSync(join(tmpdir(), 'firebreak-cache-'));
  symlinkSync(process.execPath, join(bin, 'node'));
  symlinkSync('/bin/sh', join(bin, 'sh'));
  vi.stubEnv('PATH', bin);
  vi.stubEnv('FIREBREAK_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function program(name: string, script: string): string {
  const file = join(bin, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** A proxy that takes every connection and never says a word, as a firewall does. */
async function withSilentNetwork<T>(work: () => Promise<T>): Promise<T> {
  const silence = createServer(() => undefined).listen(0, '127.0.0.1');
  await vi.waitFor(() => expect(silence.listening).toBe(true));
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(silence.address() as AddressInfo).port}`);
  try {
    return await work();
  } finally {
    silence.close();
  }
}

test('the program on the PATH is used, and one of another version is named', async () => {
  const installed = program('temporal', 'echo "temporal version 1.9.0 (Server 1.33.0)"');
  const told: string[] = [];
  expect(await findTemporal((line) => told.push(line))).toBe(installed);
  expect(told).toEqual([
    `Using ${installed}: temporal version 1.9.0 (Server 1.33.0); Firebreak is tested with ${temporalVersion}.`,
  ]);
});

test('the tested version is used without a word', async () => {
  program('temporal', `echo "temporal version ${temporalVersion} (Server 1.29.1)"`);
  const tell = vi.fn<(line: string) => void>();
  await findTemporal(tell);
  expect(tell).not.toHaveBeenCalled();
});

test('a program too old to serve is passed over for what is in the cache', async () => {
  program('temporal', '[ "$1" = --version ] && exit 0; echo "unknown command server" >&2; exit 1');
  const cached = join(cache, `temporal-v${temporalVersion}`);
  writeFileSync(cached, '');
  const told: string[] = [];
  expect(await findTemporal((line) => told.push(line))).toBe(cached);
  expect(told.join()).toContain('unknown command server');
});

test('a silent network costs a few seconds, then Go compiles it, and only the first time', async () => {
  program('go', 'echo called >> "$FIREBREAK_CACHE/calls"; echo "$@" > "$GOBIN/temporal"');
  const startedMs = Date.now();
  const [one, two] = await withSilentNetwork(() =>
    Promise.all([findTemporal(() => undefined), findTemporal(() => undefined)]),
  );
  expect(Date.now() - startedMs).toBeLessThan(8_000);
  expect(one).toBe(join(cache, `temporal-v${temporalVersion}`));
  expect(two).toBe(one);
  expect(readdirSync(cache).toSorted()).toEqual(['calls', `temporal-v${temporalVersion}`]);
});

test('where no way leads to a server, the refusal names all four', async () => {
  const refusal = withSilentNetwork(() => findTemporal(() => undefined));
  await expect(refusal).rejects.toMatchObject({
    code: 'temporal.unavailable',
    nextStep: expect.stringMatching(/TEMPORAL_ADDRESS.*PATH.*download.*Go/),
  });
  expect(readdirSync(cache)).toEqual([]);
});
