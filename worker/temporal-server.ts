/** The embedded Temporal: a real server on loopback with a database in the workspace. A kill loses nothing that it acknowledged. */
import { spawn, type ChildProcess } from 'node:child_process';
import { msToTs } from '@temporalio/common/lib/time.js';
import { openConnection, serves, type TemporalSettings } from './connection.js';

/**
 * By default each queue of this one-shard server is polled 20 times a second, so that every hop of a quiet run waits
 * for a 50 ms tick: 100 ms a step. Raised, a step takes about 12 ms, and the idle server costs no more.
 */
const pollsPerSecond = 2_000;

const dynamicConfig: Record<string, number | boolean> = {
  'history.transferProcessorMaxPollRPS': pollsPerSecond,
  'history.timerProcessorMaxPollRPS': pollsPerSecond,
};

export interface ServerPlace {
  port: number;
  /** The SQLite file; made when it does not exist. */
  database: string;
}

export function serverArguments({ port, database }: ServerPlace): string[] {
  const settings = {
    ip: '127.0.0.1',
    port,
    'db-filename': database,
    'log-level': 'error',
  };
  const pragmas = [
    // Readers do not wait for the writer.
    'journal_mode=WAL',
    // What was acknowledged is there after a loss of power too, like the journal; a step takes no longer.
    'synchronous=FULL',
  ];
  return [
    ['server', 'start-dev', '--headless'],
    Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    pragmas.map((pragma) => `--sqlite-pragma=${pragma}`),
    Object.entries(dynamicConfig).map(([key, value]) => `--dynamic-config-value=${key}=${value}`),
  ].flat();
}

/**
 * How long the history of an ended run can be looked at, instead of a day. As long, starting its id again is refused.
 * What must remain is in the journal.
 */
const retention = '30 days';

/** Settles once the server serves, after every start. */
export async function serverReady(settings: TemporalSettings): Promise<void> {
  await serves(settings);
  const connection = openConnection(settings);
  try {
    const config = { workflowExecutionRetentionTtl: msToTs(retention) };
    await connection.workflowService.updateNamespace({ namespace: settings.namespace, config });
  } finally {
    await connection.close();
  }
}

/** For tests and benches; `up` supervises it instead. Ready when `serverReady` says so. */
export function startServer(executable: string, place: ServerPlace): ChildProcess {
  return spawn(executable, serverArguments(place), { stdio: 'ignore' });
}
