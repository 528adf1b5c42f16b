/**
 * Finds the program that the embedded Temporal runs from: `temporal` on the PATH, else the build that Temporal's SDK
 * downloads, else one compiled with Go. What took time to get is kept in the cache.
 */
import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { FirebreakError } from '../core/errors.js';
import { madeOnce } from './cache.js';
import { built } from './project.js';

const run = promisify(execFile);

/** Of Temporal's command line, which holds the server. Later tags cannot be compiled by `go install`. */
export const temporalVersion = '1.5.1';

const goModule = `github.com/temporalio/cli/cmd/temporal@v${temporalVersion}`;
/** Smaller by a third without symbols; and the program says what it is, instead of `0.0.0-DEV`. */
const goLinkerFlags = `-s -w -X github.com/temporalio/cli/temporalcli.Version=${temporalVersion}`;

/** A program that does not say its version or its help by then is not the one we look for. */
const askTimeoutMs = 10_000;
/** Until the download's first byte: without a network to its host, the next way must not wait for it. */
const downloadStartsWithinMs = 4_000;
/** For some 100 MB over a slow line. */
const downloadTimeoutMs = 5 * 60_000;
/** Four minutes on two cores; a small machine takes longer. */
const compileTimeoutMs = 30 * 60_000;
const progressEveryMs = 10_000;
/** Of what a failing child said; the end of it says why. */
const saidMax = 4_000;

/** Tells a waiting person what goes on; a line at a time. */
export type Tell = (line: string) => void;

/** The path of an executable that has `server start-dev`. Getting it the first time can take minutes. */
export async function findTemporal(tell: Tell = toStderr): Promise<string> {
  const installed = await onThePath(tell);
  if (installed !== undefined) return installed;
  return await madeOnce(`temporal-v${temporalVersion}`, (at) => obtain(at, tell));
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function obtain(at: string, tell: Tell): Promise<void> {
  const failures: string[] = [];
  for (const way of [download, compile]) {
    try {
      await way(at, tell);
      return;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new FirebreakError('temporal.unavailable', `There is no Temporal to run on. ${failures.join(' ')}`, {
    nextStep:
      'do one of four things: set TEMPORAL_ADDRESS or TEMPORAL_PROFILE to a server that runs; put the program `temporal` on the PATH; ' +
      'let this machine reach Temporal’s download (temporal.download); or install Go and let it reach the Go modules.',
  });
}

/** Any version that can serve: whoever put it there decided on it. */
async function onThePath(tell: Tell): Promise<string | undefined> {
  const program = onPath('temporal');
  if (program === undefined) return undefined;
  try {
    const ask = { timeout: askTimeoutMs };
    const [version] = await Promise.all([
      run(program, ['--version'], ask),
      run(program, ['server', 'start-dev', '--help'], ask),
    ]);
    if (!version.stdout.includes(` ${temporalVersion} `)) {
      tell(`Using ${program}: ${version.stdout.trim()}; Firebreak is tested with ${temporalVersion}.`);
    }
    return program;
  } catch (error) {
    tell(
      `Passing over ${program}, which has no \`server start-dev\`: ${lastLine(String((error as { stderr?: string }).stderr))}`,
    );
    return undefined;
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * By the SDK, in a process of its own: its download can be neither timed nor stopped, and without a way to the host it
 * may wait for minutes. It is given up when nothing has come after `downloadStartsWithinMs`.
 */
async function download(at: string, tell: Tell): Promise<void> {
  await inFolder(`${at}.download`, async (folder) => {
    const child = spawn(
      process.execPath,
      [built('worker', 'download-temporal.js'), folder, temporalVersion],
      asQuietChild,
    );
    const silent = setTimeout(() => readdirSync(folder).length === 0 && child.kill('SIGKILL'), downloadStartsWithinMs);
    await ended(child, 'Downloading Temporal', downloadTimeoutMs, tell).finally(() => clearTimeout(silent));
    const file = readdirSync(folder).find((name) => !name.endsWith('.downloading'));
    if (file === undefined) throw new Error('Downloading Temporal left no file.');
    renameSync(join(folder, file), at);
  });
}

async function compile(at: string, tell: Tell): Promise<void> {
  const go = onPath('go');
  if (go === undefined) throw new Error('Compiling it needs Go, which is not on the PATH.');
  await inFolder(`${at}.go`, async (folder) => {
    tell('Compiling Temporal with Go, this once; it takes some minutes.');
    const env = { ...process.env, GOBIN: folder };
    const child = spawn(go, ['install', '-ldflags', goLinkerFlags, goModule], { ...asQuietChild, env });
    await ended(child, 'Compiling Temporal', compileTimeoutMs, tell);
    renameSync(join(folder, 'temporal'), at);
  });
}

const asQuietChild = { stdio: ['ignore', 'ignore', 'pipe'] } satisfies SpawnOptions;

async function inFolder(folder: string, work: (folder: string) => Promise<void>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits for a child that works, telling from time to time for how long it has; throws what it said last when it fails. */
async function ended(child: ChildProcess, what: string, timeoutMs: number, tell: Tell): Promise<void> {
  const startedMs = Date.now();
  const progress = setInterval(
    () => tell(`${what}: ${Math.round((Date.now() - startedMs) / 1000)} s.`),
    progressEveryMs,
  );
  const overdue = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let said = '';
  child.stderr?.on('data', (part: Buffer) => (said = (said + part.toString()).slice(-saidMax)));
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (code !== 0) throw new Error(`${what} failed: ${lastLine(said) || signal || `exit ${code}`}.`);
  } finally {
    clearInterval(progress);
    clearTimeout(overdue);
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
