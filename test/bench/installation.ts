/** An installation for the benches: the real workers as processes of their own, with the simulated system beside AWS. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { workerArguments, workersWanted } from '../../worker/worker-processes.js';
import { peakOf, type Peak } from './memory-of.js';
import { registerSimulated } from './simulated.js';

export interface BenchInstallation extends TestInstallation {
  /** How many processes share the work. */
  workers: number;
  /** Of the largest of the workers, in MB. */
  memory: Peak;
}

export interface BenchOptions {
  runbooks: Record<string, string>;
  /** Default: as many as `up` starts. */
  workers?: number;
  /** Runs that a worker keeps in memory; its own default otherwise. */
  cachedRuns?: number;
  /** Of another EC2 than moto. */
  awsEndpoint?: string;
}

export async function startBench({
  runbooks,
  workers = workersWanted(),
  cachedRuns,
  awsEndpoint,
}: BenchOptions): Promise<BenchInstallation> {
  registerSimulated(); // also here, where the door compiles runbooks
  const installation = (text: string): string => withSimulated(withEndpoint(text, awsEndpoint));
  const at = await startInstallation({ watchEvery: '1h', workers: false, runbooks, installation });
  const processes = await Promise.all(Array.from({ length: workers }, () => startWorker(at, workers, cachedRuns)));
  const memory = peakOf(processes.map(({ pid }) => pid as number));
  return {
    ...at,
    workers,
    memory,
    stop: async () => {
      memory.stop();
      await Promise.all(processes.map(stopWorker));
      await at.stop();
    },
  };
}

async function startWorker(
  { root, temporal }: TestInstallation,
  workers: number,
  cachedRuns: number | undefined,
): Promise<ChildProcess> {
  const [limit = '', file = ''] = workerArguments();
  const worker = fork(file, {
    // For a profile of it: FIREBREAK_BENCH_ARGS='--cpu-prof --cpu-prof-dir=...'.
    execArgv: [limit, '--import', new URL('children/with-simulated.js', import.meta.url).href, ...extraArgs()],
    env: {
      ...process.env,
      FIREBREAK_WORKSPACE: root,
      FIREBREAK_WORKERS: String(workers),
      TEMPORAL_ADDRESS: temporal.connectionOptions.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      ...(cachedRuns === undefined ? {} : { FIREBREAK_CACHED_RUNS: String(cachedRuns) }),
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(worker, 'message');
  return worker;
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  await ended;
}

/** Its settings are those of an AWS system, which is the kind there is; nobody is asked at its address. */
function withSimulated(text: string): string {
  const system = '  simulated: { kind: aws, region: eu-west-1, endpoint: "http://127.0.0.1:9", shown_on: emulator }\n';
  return text.replace(/^systems:\n/m, `systems:\n${system}`);
}

function withEndpoint(text: string, endpoint: string | undefined): string {
  return endpoint === undefined ? text : text.replace(/^( +endpoint: ).*$/m, `$1${endpoint}`);
}

function extraArgs(): string[] {
  return (process.env['FIREBREAK_BENCH_ARGS'] ?? '').split(' ').filter((word) => word !== '');
}
