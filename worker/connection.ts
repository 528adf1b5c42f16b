/**
 * Where Temporal is, and connections to it: an address that somebody gave, else the embedded server of the workspace.
 * Everything that reaches Temporal comes through here, so that all agree on address, namespace and data converter.
 */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../core/errors.js';
import { dataConverter } from './data-converter.js';
import { keptPort } from './ports.js';
import type { Workspace } from './workspace.js';

export interface TemporalSettings {
  connectionOptions: NativeConnectionOptions & { address: string };
  namespace: string;
}

const namespaceDefault = 'default';

/** How often a server that does not answer yet is asked again. */
const connectEveryMs = 100;
/** Longer than an embedded server takes to come back after it was killed. */
const connectTimeoutMs = 30_000;

/** A server that was killed is back within a second; gRPC alone would wait that long before it looks, and then ever longer. */
const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 };

/**
 * The settings that somebody gave: `TEMPORAL_ADDRESS`, or a profile by `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE`,
 * with all variables that go with them. A `temporal.toml` that merely lies in the home folder gives nothing: a demo
 * must not find its way to a company's server by itself.
 */
export function givenTemporal(env: NodeJS.ProcessEnv = process.env): TemporalSettings | undefined {
  const named = env['TEMPORAL_PROFILE'] ?? env['TEMPORAL_CONFIG_FILE'];
  if (named === undefined && env['TEMPORAL_ADDRESS'] === undefined) return undefined;
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { connectionOptions, namespace } = loadClientConnectConfig({
    disableFile: named === undefined,
    overrideEnvVars,
  });
  const { address } = connectionOptions;
  if (address === undefined || address === '') {
    throw new FirebreakError(
      'temporal.no-address',
      `The profile ${env['TEMPORAL_PROFILE'] ?? 'default'} of temporal.toml has no address.`,
      {
        nextStep: 'write the address of a Temporal server into the profile, or set TEMPORAL_ADDRESS.',
      },
    );
  }
  return { connectionOptions: { ...connectionOptions, address }, namespace: namespace ?? namespaceDefault };
}

/** What was given, else the embedded server of this workspace, whether it runs yet or not. */
export async function temporalOf(workspace: Workspace): Promise<TemporalSettings> {
  return givenTemporal() ?? embedded(await keptPort(workspace, 'temporal'));
}

export function embedded(port: number): TemporalSettings {
  return { connectionOptions: { address: `127.0.0.1:${port}` }, namespace: namespaceDefault };
}

/** For workers. Waits for a server that is still starting: a worker refuses a namespace that is not there yet. */
export async function connectWorker(settings: TemporalSettings): Promise<NativeConnection> {
  const connection = await patiently(settings, () => NativeConnection.connect(settings.connectionOptions));
  const { namespace } = settings;
  await patiently(settings, () => connection.workflowService.describeNamespace({ namespace }));
  return connection;
}

/** For whoever starts runs and says things to them. Connects at the first call, so that it works before Temporal does. */
export function openClient({
  connectionOptions: { address, tls, apiKey, metadata },
  namespace,
}: TemporalSettings): Client {
  const given = Object.entries({ tls, apiKey, metadata }).filter(([, value]) => value !== undefined);
  const connection = Connection.lazy({ address, channelArgs, ...Object.fromEntries(given) });
  return new Client({ connection, namespace, dataConverter });
}

/** Waits until the server serves its namespace, which it does some time after its port is open. */
export async function serves(settings: TemporalSettings): Promise<void> {
  const { connection, workflow } = openClient(settings);
  try {
    await patiently(settings, () =>
      connection.workflowService.describeNamespace({ namespace: workflow.options.namespace }),
    );
  } finally {
    await connection.close();
  }
}

async function patiently<T>({ connectionOptions: { address } }: TemporalSettings, reach: () => Promise<T>): Promise<T> {
  const untilMs = Date.now() + connectTimeoutMs;
  for (;;) {
    try {
      return await reach();
    } catch (cause) {
      if (Date.now() >= untilMs) {
        throw new FirebreakError('temporal.unreachable', `Temporal does not answer at ${address}.`, {
          nextStep: 'run `firebreak up`, or set TEMPORAL_ADDRESS to a server that runs.',
          isTerminal: false,
          cause,
        });
      }
      await sleep(connectEveryMs);
    }
  }
}
