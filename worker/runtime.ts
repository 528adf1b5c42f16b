/** Temporal's SDK core, once in a process: quiet, through our log, and without signal handlers of its own. */
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

const say = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** An executor is meant to have no workflows; the SDK warns of it at every start. */
const expected = 'No workflows registered, not polling for workflow tasks';

/** To be called before the first connection. Processes stop in their own order, so the SDK listens to no signals. */
export function installRuntime(log: Logger): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (message !== expected) log[say[level]]({ temporal: meta }, message);
  });
  Runtime.install({
    logger,
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    shutdownSignals: [],
  });
}
