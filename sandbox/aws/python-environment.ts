/**
 * A Python environment of the sandbox's own, made once for each list of requirements and shared by all later starts.
 * Nothing is installed into the system's Python, and no network is used once it exists.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FirebreakError } from '../../core/errors.js';

const run = promisify(execFile);

/** One install may take this long before it is given up: a slow mirror, not a hung one. */
const installTimeoutMs = 10 * 60_000;
const lockPollMs = 250;
/** Output of pip that is kept for an error message. */
const outputMaxBytes = 16 * 1024 * 1024;

/** Where things are kept that can be made again: `$FIREBREAK_CACHE`, else the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['FIREBREAK_CACHE']) return env['FIREBREAK_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'firebreak');
}

/**
 * The path of the Python program of an environment that holds the requirements, making it if there is none.
 * Two processes may ask at once: one makes it, the other waits.
 */
export async function pythonEnvironment(options: {
  requirements: string;
  cache?: string;
  /** The Python that makes the environment. */
  python?: string;
  progress?: (line: string) => void;
}): Promise<string> {
  const { requirements, cache = cacheFolder(), python = 'python3' } = options;
  const progress = options.progress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const key = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, `python-${key}`);
  const program = join(folder, 'bin', 'python');
  // The mark is written last, so a folder that was left half made is never taken for a whole one.
  const mark = join(folder, 'complete');
  if (existsSync(mark)) return program;
  await mkdir(cache, { recursive: true });
  return underLock(`${folder}.lock`, async () => {
    if (existsSync(mark)) return program;
    progress(`Preparing the AWS emulator (once, about a minute) in ${folder}`);
    await rm(folder, { recursive: true, force: true });
    await make(python, ['-m', 'venv', folder], 'make a Python environment', {
      nextStep: `install Python 3.10 or later with its venv module (Debian: apt-get install python3-venv), then start again.`,
    });
    await make(program, ['-m', 'pip', 'install', '--quiet', '--no-input', '-r', requirements], 'install the emulator', {
      nextStep: 'see what pip says above: a package index must be reachable this once; then start again.',
    });
    await writeFile(mark, new Date().toISOString());
    progress('The AWS emulator is ready.');
    return program;
  });
}

async function make(program: string, args: string[], what: string, { nextStep }: { nextStep: string }): Promise<void> {
  try {
    await run(program, args, { timeout: installTimeoutMs, maxBuffer: outputMaxBytes });
  } catch (error) {
    const { stderr, stdout, message, code } = error as Error & { stderr?: string; stdout?: string; code?: unknown };
    const says = [stderr, stdout, message].find((each) => each !== undefined && each.trim() !== '') ?? '';
    const why = code === 'ENOENT' ? `there is no program "${program}"` : says.trim().split('\n').slice(-5).join('\n');
    throw new FirebreakError('sandbox.python', `Could not ${what}: ${why}.`, { nextStep, cause: error });
  }
}

/** Runs the work while a lock file names this process; a lock whose process is gone is taken over. */
async function underLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const until = Date.now() + installTimeoutMs;
  while (!(await lock(path))) {
    if (Date.now() > until) {
      throw new FirebreakError('sandbox.locked', `Another process has been holding ${path} for too long.`, {
        nextStep: `see whether that process still works; if not, remove ${path}.`,
      });
    }
    await sleep(lockPollMs);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function lock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await takeAwayIfOrphaned(path);
    return false;
  }
}

async function takeAwayIfOrphaned(path: string): Promise<void> {
  try {
    const pid = Number(await readFile(path, 'utf8'));
    // Just created and not yet written: leave it a moment.
    if (pid === 0 && Date.now() - (await stat(path)).mtimeMs < 5_000) return;
    if (pid !== 0 && isAlive(pid)) return;
    // Renamed first, so that of two waiters only one takes it away, and none takes away the other's new lock.
    const away = `${path}.${process.pid}`;
    await rename(path, away);
    await rm(away, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A file of the package, found from the sources and from `dist/` alike. */
export function packageFile(path: string): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error(`No package.json above ${import.meta.dirname} (this is a bug).`);
    folder = dirname(folder);
  }
  return join(folder, path);
}
