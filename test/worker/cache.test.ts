import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheFolder, madeOnce } from '../../worker/cache.js';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'firebreak-cache-'));
  vi.stubEnv('FIREBREAK_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('the cache is where the environment says, else where the system keeps caches', () => {
  expect(cacheFolder()).toBe(cache);
  vi.stubEnv('FIREBREAK_CACHE', undefined);
  vi.stubEnv('XDG_CACHE_HOME', '/var/caches');
  expect(cacheFolder()).toBe('/var/caches/firebreak');
  vi.stubEnv('XDG_CACHE_HOME', undefined);
  expect(cacheFolder()).toBe(join(homedir(), '.cache', 'firebreak'));
});

test('two that ask at once make it once', async () => {
  const make = vi.fn<(at: string) => Promise<void>>(async (at) => {
    await sleep(50);
    writeFileSync(at, 'made');
  });
  const paths = await Promise.all([madeOnce('thing', make), madeOnce('thing', make)]);
  expect(make).toHaveBeenCalledTimes(1);
  expect(paths).toEqual([join(cache, 'thing'), join(cache, 'thing')]);
  expect(readdirSync(cache)).toEqual(['thing']);
});

test('what failed half-way leaves nothing, and the next one makes it', async () => {
  const half = madeOnce('thing', (at) => {
    writeFileSync(at, 'half');
    throw new Error('out of disk');
  });
  await expect(half).rejects.toThrow('out of disk');
  expect(readdirSync(cache)).toEqual([]);
  const path = await madeOnce('thing', async (at) => writeFileSync(at, 'whole'));
  expect(readFileSync(path, 'utf8')).toBe('whole');
});

test('the lock of a process that was killed is taken over', async () => {
  const gone = spawn('true');
  await once(gone, 'exit');
  writeFileSync(join(cache, 'thing.lock'), String(gone.pid));
  await madeOnce('thing', async (at) => writeFileSync(at, 'made'));
  expect(existsSync(join(cache, 'thing.lock'))).toBe(false);
});
