/** A process that is kept running: started again whenever it dies, at once at first and then ever more slowly. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tether } from './tether.js';

/** What is to be kept running. */
export interface Part {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  /** Settles once it serves; asked after every start. A part without it says `ready` to its parent itself. */
  ready?: () => Promise<void>;
}

export type PartState = 'starting' | 'ready' | 'died' | 'stopped';
export type OnState = (part: string, state: PartState, detail?: string) => void;

export interface KeptProcess {
  name: string;
  /** Undefined while there is none. */
  pid: () => number | undefined;
  /** Settles when it serves for the first time, be it after some deaths. */
  ready: Promise<void>;
  stop: () => Promise<void>;
}

/** One that lived this long and died was sound, and is started at once. */
const soundAfterMs = 5_000;
const firstWaitMs = 250;
const waitMaxMs = 5_000;
/** For a process to stop in order; then it is killed. */
const stopTimeoutMs = 10_000;
/** A log that has grown beyond this is set aside at the next start, in place of the one before it. */
const logBytesMax = 16 * 1024 * 1024;

/** Starts the part. Its output goes to `log`. */
export function keepProcess(part: Part, log: string, onState: OnState): KeptProcess {
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let served = false;
  const serving = new AbortController();
  const ready = once(serving.signal, 'abort').then(() => undefined);
  const ended = live();
  return { name: part.name, pid: () => child?.pid, ready, stop };

  async function live(): Promise<void> {
    for (let quickDeaths = 0; !stopping.signal.aborted; ) {
      const startedMs = Date.now();
      served = false;
      const end = await lifeOf(launch(part, log));
      if (stopping.signal.aborted) break;
      onState(part.name, 'died', `${end}; see ${log}`);
      // One that served was sound, however soon it was killed: whoever waits for it waits for seconds.
      quickDeaths = served || Date.now() - startedMs >= soundAfterMs ? 0 : quickDeaths + 1;
      await interruptible(waitAfter(quickDeaths), stopping.signal);
    }
    onState(part.name, 'stopped');
  }

  /** How it ended. */
  async function lifeOf(running: ChildProcess): Promise<string> {
    child = running;
    const untie = tether(running);
    onState(part.name, 'starting');
    void sayWhenReady(running);
    const end = await endOf(running);
    child = undefined;
    untie();
    return end;
  }

  async function sayWhenReady(running: ChildProcess): Promise<void> {
    await isReady(part, running);
    if (child !== running) return;
    served = true;
    onState(part.name, 'ready');
    serving.abort();
  }

  async function stop(): Promise<void> {
    stopping.abort();
    child?.kill('SIGTERM');
    const overdue = setTimeout(() => child?.kill('SIGKILL'), stopTimeoutMs);
    await ended.finally(() => clearTimeout(overdue));
  }
}

function launch({ command, args, env = process.env, ready }: Part, log: string): ChildProcess {
  if (existsSync(log) && statSync(log).size > logBytesMax) renameSync(log, `${log}.1`);
  const to = openSync(log, 'a', 0o600);
  try {
    // A group of its own: Ctrl-C reaches us alone, and we stop the parts in order.
    const stdio = ['ignore', to, to, ...(ready === undefined ? (['ipc'] as const) : [])] as const;
    return spawn(command, args, { env, detached: true, stdio: [...stdio] });
  } finally {
    closeSync(to);
  }
}

/** Never settles for one that dies before; fails for none. */
async function isReady(part: Part, child: ChildProcess): Promise<void> {
  if (part.ready === undefined) {
    await new Promise<void>((resolve) => child.on('message', (said) => said === 'ready' && resolve()));
    return;
  }
  while (child.exitCode === null && child.signalCode === null) {
    try {
      return await part.ready();
    } catch {
      // Not yet: whoever waits for it has a time limit, and its log says why.
      await sleep(firstWaitMs);
    }
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal ?? `exit ${code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The first death is answered at once: most often somebody killed it. */
function waitAfter(quickDeaths: number): number {
  return quickDeaths <= 1 ? 0 : Math.min(waitMaxMs, firstWaitMs * 2 ** (quickDeaths - 2));
}

async function interruptible(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
