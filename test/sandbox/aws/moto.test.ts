// The emulator as a process: made once, ended with its parent. The Python environment itself is real; only its failures are played.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startMoto } from '../../../sandbox/aws/moto.js';
import { cacheFolder, packageFile, pythonEnvironment } from '../../../sandbox/aws/python-environment.js';
import { startTimeoutMs } from '../../support/aws.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-moto-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function requirementsWith(text: string): Promise<string> {
  const path = join(folder, 'requirements.txt');
  await writeFile(path, text);
  return path;
}

test('moto answers on a port of loopback and is gone after stop', { timeout: startTimeoutMs }, async () => {
  const moto = await startMoto();
  expect(moto.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${moto.url}/moto-api/`)).status).toBe(200);
  await moto.stop();
  expect(isAlive(moto.pid)).toBe(false);
  await moto.stop();
});

test('moto ends when its parent is killed and can say nothing', { timeout: startTimeoutMs }, async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', parentProgram], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: packageFile('.'),
  });
  const pid = await new Promise<number>((resolve, reject) => {
    parent.once('exit', (code) => reject(new Error(`the parent ended early with ${code}`)));
    parent.stdout.once('data', (chunk: Buffer) => resolve(Number(String(chunk))));
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
});

// As startMoto starts it: a Python whose standard input is a pipe from its parent.
const parentProgram = `
import { createServer } from 'vite';
const server = await createServer({ configFile: false, server: { middlewareMode: true }, appType: 'custom', logLevel: 'error' });
const { startMoto } = await server.ssrLoadModule('/sandbox/aws/moto.ts');
const moto = await startMoto();
process.stdout.write(String(moto.pid));
`;

test('the environment is made once: of two who ask at the same time one makes it and the other waits', {
  timeout: 120_000,
}, async () => {
  const requirements = await requirementsWith('# nothing to install\n');
  const lines: string[] = [];
  const options = { requirements, cache: join(folder, 'cache'), progress: (line: string) => void lines.push(line) };
  const both = await Promise.all([pythonEnvironment(options), pythonEnvironment(options)]);
  expect(both[0]).toBe(both[1]);
  expect(lines.filter((line) => line.startsWith('Preparing'))).toHaveLength(1);
  await pythonEnvironment(options);
  expect(lines).toHaveLength(2);
  expect((await readdir(options.cache)).filter((name) => name.includes('lock'))).toEqual([]);
});

test('a lock whose process is gone, and a folder that was left half made, do not stand in the way', {
  timeout: 120_000,
}, async () => {
  const requirements = await requirementsWith('# nothing to install either\n');
  const cache = join(folder, 'cache');
  const program = await pythonEnvironment({ requirements, cache, progress: () => undefined });
  const made = join(program, '..', '..');
  await rm(join(made, 'complete'));
  await writeFile(`${made}.lock`, String(await deadProcess()));
  await expect(pythonEnvironment({ requirements, cache, progress: () => undefined })).resolves.toBe(program);
});

test('other requirements get an environment of their own', { timeout: 120_000 }, async () => {
  const cache = join(folder, 'cache');
  const first = await pythonEnvironment({
    requirements: await requirementsWith('# one\n'),
    cache,
    progress: () => undefined,
  });
  const second = await pythonEnvironment({
    requirements: await requirementsWith('# two\n'),
    cache,
    progress: () => undefined,
  });
  expect(second).not.toBe(first);
});

test('a missing Python is an error that says what to install', async () => {
  const making = pythonEnvironment({
    requirements: await requirementsWith('#\n'),
    cache: folder,
    python: join(folder, 'no-python'),
    progress: () => undefined,
  });
  await expect(making).rejects.toMatchObject({
    code: 'sandbox.python',
    nextStep: expect.stringContaining('python3-venv'),
  });
});

test('an install that fails says what pip said, and the next start tries again', { timeout: 120_000 }, async () => {
  await mkdir(join(folder, 'empty'));
  const requirements = await requirementsWith(
    `--no-index\n--find-links ${join(folder, 'empty')}\nno-such-package==1.0\n`,
  );
  const making = () => pythonEnvironment({ requirements, cache: join(folder, 'cache'), progress: () => undefined });
  await expect(making()).rejects.toMatchObject({
    code: 'sandbox.python',
    message: expect.stringContaining('no-such-package'),
  });
  await expect(making()).rejects.toMatchObject({ code: 'sandbox.python' });
});

test('the cache lies where the environment says, else where caches lie', () => {
  expect(cacheFolder({ FIREBREAK_CACHE: '/a' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/firebreak');
  expect(cacheFolder({})).toMatch(/\.cache\/firebreak$/);
});

/** The id of a process that has ended. */
function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  return new Promise((resolve) => child.once('exit', () => resolve(child.pid ?? 0)));
}
