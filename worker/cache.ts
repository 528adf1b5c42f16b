/** What takes minutes to make and is the same for every workspace is made once, and kept outside of all of them. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFile } from './atomic-file.js';

/** `$FIREBREAK_CACHE`, else `firebreak` in `$XDG_CACHE_HOME`, else `~/.cache/firebreak`. */
export function cacheFolder(): string {
  return (
    process.env['FIREBREAK_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'firebreak')
  );
}

/** How often a process looks whether another one has finished. */
const lookEveryMs = 250;

/**
 * The file or folder of that name in the cache; `make` is called when there is none and puts it at the path it is given.
 * Two processes do not make it twice, and one that is killed half-way leaves nothing that looks finished.
 */
export async function madeOnce(name: string, make: (at: string) => Promise<void>): Promise<string> {
  const made = join(cacheFolder(), name);
  if (existsSync(made)) return made;
  mkdirSync(cacheFolder(), { recursive: true });
  const unlock = await lock(`${made}.lock`, () => existsSync(made));
  if (unlock === undefined) return made;
  const half = `${made}.${process.pid}.half`;
  try {
    await make(half);
    // Where two took over the same dead lock, the first result stays.
    if (!existsSync(made)) renameSync(half, made);
    return made;
  } finally {
    rmSync(half, { recursive: true, force: true });
    unlock();
  }
}

/** Waits for the lock; undefined when what it guards was done meanwhile. The lock of a process that died is taken over. */
async function lock(file: string, isDone: () => boolean): Promise<(() => void) | undefined> {
  while (!isDone()) {
    if (makeFile(file, String(process.pid), 0o600)) return () => rmSync(file, { force: true });
    const owner = ownerOf(file);
    if (owner !== undefined && !isAlive(owner)) rmSync(file, { force: true });
    else await sleep(lookEveryMs);
  }
  return undefined;
}

/** Undefined when the lock was let go between two looks. */
function ownerOf(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a process of that id runs, ours or somebody else's. */
export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
