/** `firebreak up`: the embedded Temporal, the workers and the gateway of a workspace, kept running until told to stop. */
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { catalogOf } from '../compiler/catalog.js';
import { FirebreakError } from '../core/errors.js';
import type { Installation } from '../core/installation.js';
import { embedded, givenTemporal, refuseUnreachable, type TemporalSettings } from './connection.js';
import type { OnState, Part } from './kept-process.js';
import { openKeys, pinKeys } from './keys.js';
import { readPayloadKeys } from './payload-keys.js';
import { keptPort } from './ports.js';
import { built } from './project.js';
import { readSecret } from './secrets.js';
import { openSupervisor } from './supervisor.js';
import { findTemporal, type Tell } from './temporal-executable.js';
import { serverArguments, serverReady } from './temporal-server.js';
import { workerArguments, workersWanted } from './worker-processes.js';
import { openWorkspace, type Workspace } from './workspace.js';

export interface UpOptions {
  /** More processes, started before the others and stopped after them: the demo's local copy of the world. */
  extras?: Part[];
  /** Worker processes. Default: `workersWanted`. */
  workers?: number;
  /** What happens to the parts, for the terminal. */
  onState?: OnState;
  /** What a person who waits should know, such as that Temporal is being compiled. Default: stderr. */
  tell?: Tell;
}

export interface Up {
  temporal: TemporalSettings;
  /** Stops everything in order. */
  stop: () => Promise<void>;
}

/**
 * Settles once everything serves. When the start fails, or `stop` is called, nothing is left running; with a configuration
 * that is invalid nothing is started.
 */
export async function up(
  workspace: Workspace,
  { extras = [], workers = workersWanted(), onState = () => undefined, tell }: UpOptions = {},
): Promise<Up> {
  openWorkspace(workspace);
  // Before anything is started or written: processes that die of it again and again would only be said to be not ready.
  const { installation } = await loadBundle(workspace, catalogOf(units));
  readPayloadKeys(
    installation,
    (ref) => readSecret(ref, workspace.root),
    () => undefined, // Nobody dies of a key that only decrypts; each process says it in its log, `doctor` to whoever asks.
  );
  const given = givenTemporal();
  if (given === undefined) refuseVersions(installation);
  // A worker would wait for it for a minute, and then only be said to be not ready.
  if (given !== undefined) await refuseUnreachable(given);
  pinKeys(workspace, openKeys(workspace));
  const supervisor = openSupervisor(workspace.state, onState);
  try {
    const [temporal, server] = given === undefined ? await embeddedServer(workspace, tell) : [given, []];
    await supervisor.start(extras);
    // At once: the worker waits for Temporal, and the gateway needs none to start. Stopping goes the other way, one by one.
    await supervisor.start([
      ...server,
      ...ours(workspace, workers, given === undefined ? environmentFor(temporal) : process.env),
    ]);
    return { temporal, stop: supervisor.stop };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

/** With workers of one release, which the next one replaces, a run that belongs to a release would have nobody. */
function refuseVersions({ temporal }: Installation): void {
  if (temporal?.deployment === undefined) return;
  throw new FirebreakError(
    'up.versions-embedded',
    `firebreak.yaml names the deployment "${temporal.deployment}", and the embedded Temporal has workers of one release, without versions.`,
    {
      nextStep: 'set TEMPORAL_ADDRESS to the server that workers of several releases share, or remove `deployment`.',
    },
  );
}

async function embeddedServer(workspace: Workspace, tell: Tell | undefined): Promise<[TemporalSettings, Part[]]> {
  const command = await findTemporal(tell);
  const port = await keptPort(workspace, 'temporal');
  const temporal = embedded(port);
  const args = serverArguments({ port, database: workspace.temporal });
  return [temporal, [{ name: 'temporal', command, args, ready: () => serverReady(temporal) }]];
}

function ours(workspace: Workspace, workers: number, environment: NodeJS.ProcessEnv): Part[] {
  const env = { ...environment, FIREBREAK_WORKSPACE: workspace.root, FIREBREAK_WORKERS: String(workers) };
  const part = (name: string, args: string[]): Part => ({ name, command: process.execPath, args, env });
  const names = Array.from({ length: workers }, (_, nth) => (nth === 0 ? 'worker' : `worker-${nth + 1}`));
  return [...names.map((name) => part(name, workerArguments())), part('gateway', [built('gateway', 'main.js')])];
}

/** Nothing of a Temporal that is meant for something else may mix into the embedded server's address. */
function environmentFor({ connectionOptions: { address }, namespace }: TemporalSettings): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(others), TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
}
