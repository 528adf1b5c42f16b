/**
 * Where Temporal is, and connections to it: an address that somebody gave, else the embedded server of the workspace.
 * Everything that reaches Temporal comes through here, so that all agree on address and namespace. Whoever sends or reads
 * payloads needs a data converter for it; whoever only looks whether the server is there takes a bare connection.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { type ClientConnectConfig, loadClientConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { FirebreakError } from '../core/errors.js';
import { endWithChannel } from './closed-channel.js';
import { keptPort, portIfKept } from './ports.js';
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
  const { connectionOptions, namespace } = readConfig(env, named === undefined);
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

/** A profile that is not there, a file that is no TOML, a certificate that cannot be read: all of it is a person's to mend. */
function readConfig(env: NodeJS.ProcessEnv, disableFile: boolean): ClientConnectConfig {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    return loadClientConnectConfig({ disableFile, overrideEnvVars });
  } catch (cause) {
    const file = env['TEMPORAL_CONFIG_FILE'] ?? 'temporal.toml in the configuration folder of this account';
    const from = disableFile ? 'the TEMPORAL_ variables of the environment' : file;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FirebreakError('temporal.bad-config', `Where Temporal is cannot be read from ${from}: ${why}.`, {
      nextStep: disableFile
        ? 'correct them, or set TEMPORAL_ADDRESS alone.'
        : `${profilesIn(overrideEnvVars)} Correct TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE, or set TEMPORAL_ADDRESS alone.`,
      cause,
    });
  }
}

function profilesIn(overrideEnvVars: Record<string, string>): string {
  try {
    const names = Object.keys(loadClientConfig({ overrideEnvVars }).profiles);
    return names.length === 0 ? 'No profile was found there.' : `Profiles there: ${names.join(', ')}.`;
  } catch {
    // The file itself is what is wrong, and the message says how.
    return 'No profile could be read.';
  }
}

/** What was given, else the embedded server of this workspace, whether it runs yet or not. */
export async function temporalOf(workspace: Workspace): Promise<TemporalSettings> {
  return givenTemporal() ?? embedded(await keptPort(workspace, 'temporal'));
}

/** The same for who only looks: undefined where nothing was given and no embedded server has run here yet. */
export function knownTemporal(workspace: Workspace): TemporalSettings | undefined {
  const port = portIfKept(workspace, 'temporal');
  return givenTemporal() ?? (port === undefined ? undefined : embedded(port));
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

/** Connects at the first call, so that it works before Temporal does. */
export function openConnection({
  connectionOptions: { address, tls, apiKey, metadata },
}: TemporalSettings): Connection {
  const given = Object.entries({ tls, apiKey, metadata }).filter(([, value]) => value !== undefined);
  const interceptors = [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), endWithChannel];
  return Connection.lazy({ address, channelArgs, interceptors, ...Object.fromEntries(given) });
}

/** For whoever starts runs and says things to them. */
export function openClient(settings: TemporalSettings, dataConverter: DataConverter): Client {
  return new Client({ connection: openConnection(settings), namespace: settings.namespace, dataConverter });
}

/** Waits until the server serves its namespace, which it does some time after its port is open. */
export async function serves(settings: TemporalSettings): Promise<void> {
  const connection = openConnection(settings);
  const { namespace } = settings;
  try {
    await patiently(settings, () => connection.workflowService.describeNamespace({ namespace }));
  } finally {
    await connection.close();
  }
}

/** For one look at a server that should be running already, in milliseconds. */
const lookMs = 5_000;

/** Throws unless the server answers now and has the namespace. For a server of somebody else: nothing here starts it. */
export async function refuseUnreachable(settings: TemporalSettings): Promise<void> {
  const { connectionOptions, namespace } = settings;
  const { address } = connectionOptions;
  const connection = openConnection(settings);
  try {
    await connection.withDeadline(Date.now() + lookMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
  } catch (cause) {
    const code: number | undefined = isGrpcServiceError(cause) ? cause.code : undefined;
    if (code === grpcNotFound) {
      throw new FirebreakError('temporal.no-namespace', `Temporal at ${address} has no namespace ${namespace}.`, {
        nextStep: 'set TEMPORAL_NAMESPACE to one that is there, or have this one made.',
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FirebreakError('temporal.unreachable', `Temporal does not answer at ${address}: ${why}.`, {
      nextStep: `start it, or unset TEMPORAL_ADDRESS and TEMPORAL_PROFILE: \`firebreak up\` then runs a Temporal of its own.`,
      isTerminal: false,
      cause,
    });
  } finally {
    await connection.close();
  }
}

/** gRPC's NOT_FOUND. */
const grpcNotFound = 5;

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
