/** The workers of a process: one for control, without credentials, and an executor for each system of the inventory. */
import { existsSync } from 'node:fs';
import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { controlActivities } from '../activities/control.js';
import type { EngineDeps } from '../activities/deps.js';
import { executorActivities } from '../activities/executor.js';
import { FirebreakError } from '../core/errors.js';
import { controlQueue, executorQueue } from '../core/queues.js';
import { keepingDocuments } from '../journal/kept-documents.js';
import { built } from './project.js';
import { limitWorkflowStacks } from './workflow-stacks.js';

/**
 * Runs and containments kept in memory between their tasks, some 350 KB each: 175 MB at the most. The SDK's own default
 * grows with the heap and has ended processes. A run that is not kept is replayed, at about 2 ms a step.
 */
const cachedWorkflowsMax = 500;

/** After a worker died, the server offers its runs to another one that soon; 10 s is the SDK's default. */
const stickyTimeout = '2 s';

/** Below the 10 s after which `up` kills: what is under way at a stop may end, and is retried where it does not. */
const graceTime = '5 s';

/** Facts, journal and gates: short and waited for by people. */
const controlActivitiesMax = 50;

/** Batches of 25 targets each, of all workers together: they call an API that limits its callers. */
const executorActivitiesMax = 8;

export interface WorkersOptions {
  connection: NativeConnection;
  namespace: string;
  dataConverter: DataConverter;
  deps: EngineDeps;
  /** The names under `systems:` in `firebreak.yaml`. */
  systems: string[];
  /** Which version of which deployment these are. Absent: they have none, and take every run. */
  version?: WorkerDeploymentVersion | undefined;
  /** How many processes like this one share the work. Default: this is the only one. */
  sharedBy?: number;
  /** 0 in tests that want every task replayed. Default: `cachedWorkflowsMax`. */
  maxCachedWorkflows?: number;
}

export interface Workers {
  /** Settles once all have stopped. When one fails, the others are stopped, and it fails. */
  run: () => Promise<void>;
  /** Takes no more work; what is under way has `graceTime` to end. */
  shutdown: () => void;
}

export async function createWorkers({
  connection,
  namespace,
  dataConverter,
  deps,
  systems,
  version,
  sharedBy = 1,
  maxCachedWorkflows = cachedWorkflowsMax,
}: WorkersOptions): Promise<Workers> {
  const shared = {
    connection,
    namespace,
    dataConverter,
    shutdownGraceTime: graceTime,
    ...versioned(version),
  } satisfies Partial<WorkerOptions>;
  const engine = { ...deps, store: keepingDocuments(deps.store) };
  limitWorkflowStacks();
  const control = Worker.create({
    ...shared,
    taskQueue: controlQueue,
    workflowBundle: { codePath: bundlePath(version) },
    activities: controlActivities(engine),
    maxCachedWorkflows,
    stickyQueueScheduleToStartTimeout: stickyTimeout,
    maxConcurrentActivityTaskExecutions: controlActivitiesMax,
  });
  const executors = systems.map((system) =>
    Worker.create({
      ...shared,
      taskQueue: executorQueue(system),
      activities: executorActivities({ ...engine, system }),
      maxConcurrentActivityTaskExecutions: Math.max(1, Math.floor(executorActivitiesMax / sharedBy)),
    }),
  );
  const workers = await Promise.all([control, ...executors]);
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  return { run: () => runAll(workers, shutdown), shutdown };
}

async function runAll(workers: Worker[], shutdown: () => void): Promise<void> {
  const runs = workers.map((worker) => worker.run());
  try {
    await Promise.all(runs);
  } catch (error) {
    shutdown();
    await Promise.allSettled(runs);
    throw error;
  }
}

/** Control and executors alike: what a run asks for is carried out by the release that the run belongs to. */
function versioned(version: WorkerDeploymentVersion | undefined): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (version === undefined) return {};
  return { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } };
}

function bundlePath(version: WorkerDeploymentVersion | undefined): string {
  const path = built(version === undefined ? 'workflow-bundle.js' : 'versioned-workflow-bundle.js');
  if (!existsSync(path)) {
    throw new FirebreakError('build.missing', `${path} does not exist.`, {
      nextStep: 'run `npm run build`.',
      target: path,
    });
  }
  return path;
}
