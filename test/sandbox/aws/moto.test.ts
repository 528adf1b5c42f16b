// The emulator as a process: made once, ended with its parent. The Python environment itself is real; only its failures are played.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startMoto } from '../../../sandbox/aws/moto.js';
import { pythonEnvironment } from '../../../sandbox/aws/python-environment.js';
import { isAlive } from '../../../worker/cache.js';
import { projectRoot } from '../../../worker/project.js';
import { startTimeoutMs } from '../../support/aws.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-moto-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A cache of the test's own, in which nothing is made yet. */
function ownCache(): string {
  const cache = join(folder, 'cache');
  vi.stubEnv('FIREBREAK_CACHE', cache);
  return cache;
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
    cwd: projectRoot,
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
  const cache = ownCache();
  const requirements = await requirementsWith('# nothing to install\n');
  const lines: string[] = [];
  const options = { requirements, progress: (line: string) => void lines.push(line) };
  const both = await Promise.all([pythonEnvironment(options), pythonEnvironment(options)]);
  expect(both[0]).toBe(both[1]);
  expect(lines.filter((line) => line.startsWith('Preparing'))).toHaveLength(1);
  await pythonEnvironment(options);
  expect(lines).toHaveLength(2);
  expect(await readdir(cache)).toEqual([expect.stringMatching(/^python-[0-9a-f]{16}$/)]);
});

test('the environment works from where it ends up, not only from where it was made', {
  timeout: 120_000,
}, async () => {
  const cache = ownCache();
  const requirements = await requirementsWith('# nothing to install either\n');
  const program = await pythonEnvironment({ requirements, progress: () => undefined });
  const { stdout } = await promisify(execFile)(program, ['-c', 'import sys, pip; print(sys.prefix, pip.__file__)']);
  const [prefix, pip] = stdout.trim().split(' ');
  expect(join(prefix ?? '', 'bin', 'python')).toBe(program);
  expect(pip).toContain(cache);
});

test('other requirements get an environment of their own', { timeout: 120_000 }, async () => {
  ownCache();
  const first = await pythonEnvironment({
    requirements: await requirementsWith('# one\n'),
    progress: () => undefined,
  });
  const second = await pythonEnvironment({
    requirements: await requirementsWith('# two\n'),
    progress: () => undefined,
  });
  expect(second).not.toBe(first);
});

test('a missing Python is an error that says what to install', async () => {
  ownCache();
  const making = pythonEnvironment({
    requirements: await requirementsWith('#\n'),
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
  ownCache();
  const making = () => pythonEnvironment({ requirements, progress: () => undefined });
  await expect(making()).rejects.toMatchObject({
    code: 'sandbox.python',
    message: expect.stringContaining('no-such-package'),
  });
  await expect(making()).rejects.toMatchObject({ code: 'sandbox.python' });
});
