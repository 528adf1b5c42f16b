/** Keeps the processes of a workspace running; all of them end with us, and stopping goes in order. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../core/errors.js';
import { replaceFile } from './atomic-file.js';
import { isAlive } from './cache.js';
import { keepProcess, type KeptProcess, type OnState, type Part } from './kept-process.js';

/** A part that does not serve by then is broken, not slow. */
const readyTimeoutMs = 60_000;

export interface Supervisor {
  /** Starts the parts and waits until all of them serve. They are kept running from then on. */
  start: (parts: Part[]) => Promise<void>;
  /** Stops all parts, the last started first. */
  stop: () => Promise<void>;
}

/**
 * The only supervisor of a state folder. It keeps `pids.json` there, by name, `supervisor` being this process, and the
 * output of the parts under `logs/`.
 */
export function openSupervisor(state: string, onState: OnState): Supervisor {
  const pids = join(state, 'pids.json');
  const logs = join(state, 'logs');
  refuseSecond(pids);
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const kept: KeptProcess[] = [];

  const record = (): void => {
    const running = kept.flatMap(({ name, pid }) => (pid() === undefined ? [] : [[name, pid()]]));
    replaceFile(pids, `${JSON.stringify({ supervisor: process.pid, ...Object.fromEntries(running) })}\n`, 0o600);
  };
  const noted: OnState = (part, partState, detail) => {
    record();
    onState(part, partState, detail);
  };
  record();

  return {
    start: async (parts) => {
      const started = parts.map((part) => keepProcess(part, join(logs, `${part.name}.log`), noted));
      kept.push(...started);
      record();
      await Promise.all(started.map((each) => servesInTime(each, logs)));
    },
    stop: async () => {
      for (const each of kept.toReversed()) await each.stop();
      rmSync(pids, { force: true });
    },
  };
}

async function servesInTime({ name, ready }: KeptProcess, logs: string): Promise<void> {
  const overdue = new AbortController();
  const late = async (): Promise<void> => {
    await sleep(readyTimeoutMs, undefined, { signal: overdue.signal });
    throw new FirebreakError('up.not-ready', `${name} did not start within ${readyTimeoutMs / 1000} s.`, {
      nextStep: `read the end of ${join(logs, `${name}.log`)}.`,
    });
  };
  await Promise.race([ready, late()]);
  overdue.abort();
}

function refuseSecond(pids: string): void {
  const other = existsSync(pids)
    ? (JSON.parse(readFileSync(pids, 'utf8')) as { supervisor: number }).supervisor
    : undefined;
  if (!isAlive(other)) return;
  throw new FirebreakError('up.already-running', `Firebreak already runs on this workspace, as process ${other}.`, {
    nextStep: `use it, or stop it with \`kill ${other}\`; if ${other} is something else, remove ${pids}.`,
    target: pids,
  });
}
