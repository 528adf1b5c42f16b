/** A process: a worker of a workspace, all queues over one connection. Ends, to be started again, when the systems or the deployment change. */
import { FirebreakError, sentence } from '../core/errors.js';
import type { SecretRef } from '../core/installation.js';
import { signerOf } from '../journal/signer.js';
import { buildId } from './build-id.js';
import { bundleSource } from './bundle-source.js';
import { connectWorker, temporalOf } from './connection.js';
import { dataConverterOf } from './data-converter.js';
import { openKeys } from './keys.js';
import { openLog } from './log.js';
import { openStore } from './open-store.js';
import { readPayloadKeys } from './payload-keys.js';
import { createWorkers } from './run-worker.js';
import { installRuntime } from './runtime.js';
import { readSecret } from './secrets.js';
import { workersWanted } from './worker-processes.js';
import { openWorkspace, workspaceAt } from './workspace.js';

/** How often the configuration is looked at when no activity asks for it; an invalid edit is then soon in the log. */
const lookEveryMs = 5_000;

const known = new Set<string>();
const log = openLog({ process: 'worker', known });

try {
  await main();
} catch (error) {
  log.error({ error }, error instanceof FirebreakError ? sentence(error) : 'the worker failed');
  // What was opened so far, and the channel to the supervisor, would keep the process.
  process.exit(1);
}

/** `FIREBREAK_CACHED_RUNS`: how many runs are kept in memory between their tasks, for a machine with less of it, or with more. */
function cachedRuns(): { maxCachedWorkflows?: number } {
  const text = process.env['FIREBREAK_CACHED_RUNS'];
  if (text === undefined || text === '') return {};
  if (/^\d{1,6}$/.test(text)) return { maxCachedWorkflows: Number(text) };
  throw new FirebreakError('worker.cached-runs', `FIREBREAK_CACHED_RUNS is "${text}", which is no number of runs.`, {
    nextStep: 'set it to a whole number such as 200, or leave it out.',
  });
}

/** What this process holds and nobody may find written down. */
function secrets(): string[] {
  return [...known];
}

async function main(): Promise<void> {
  const workspace = openWorkspace(workspaceAt());
  const keys = openKeys(workspace);
  const bundle = bundleSource(workspace, log);
  const { installation } = await bundle();
  const systems = Object.keys(installation.systems);
  const deployment = installation.temporal?.deployment;
  const version = deployment === undefined ? undefined : { deploymentName: deployment, buildId: buildId() };
  const signer = signerOf(keys.journal);
  const secret = (ref: SecretRef): string => {
    const value = readSecret(ref, workspace.root);
    known.add(value);
    return value;
  };
  const payloadKeys = readPayloadKeys(installation, secret, (error) =>
    log.warn({ error }, 'a payload key cannot be read, what is encrypted with it waits'),
  );
  const store = await openStore({ workspace, installation, signer, known });

  installRuntime(log);
  const settings = await temporalOf(workspace);
  const connection = await connectWorker(settings);
  const workers = await createWorkers({
    connection,
    namespace: settings.namespace,
    dataConverter: dataConverterOf(payloadKeys),
    deps: {
      store,
      bundle,
      evidenceKey: keys.evidence,
      log,
      secrets,
      readSecret: secret,
    },
    systems,
    version,
    sharedBy: workersWanted(),
    ...cachedRuns(),
  });

  // `disconnect`: the supervisor is gone, and nobody would start or stop us any more.
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, workers.shutdown);
  const look = setInterval(() => void endWhenChanged().catch(lookFailed), lookEveryMs);
  const running = workers.run();
  const { address } = settings.connectionOptions;
  log.info({ systems, address, version: version?.buildId ?? 'none' }, 'the worker takes work');
  process.send?.('ready');
  await running.finally(() => clearInterval(look));

  await connection.close();
  await store.end();
  // The channel to the supervisor would keep the process.
  if (process.connected) process.disconnect();

  async function endWhenChanged(): Promise<void> {
    const { installation: changed } = await bundle();
    const now = Object.keys(changed.systems);
    const sameSystems = now.toSorted().join() === systems.toSorted().join();
    if (sameSystems && changed.temporal?.deployment === deployment) return;
    log.info({ systems: now }, 'systems or deployment have changed, the worker ends to be started again');
    workers.shutdown();
  }
}

/** The next look may succeed, and no work depends on this one. */
function lookFailed(error: unknown): void {
  log.error({ error }, 'the configuration could not be looked at');
}
