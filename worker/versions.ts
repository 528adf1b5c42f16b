/**
 * The versions of the workers of a deployment, as Temporal knows them: which one new work goes to, which have workers, and what
 * each still holds. A run goes on only with the version that began it; a containment moves to the current one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { status as grpc } from '@grpc/grpc-js';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { FirebreakError } from '../core/errors.js';
import { controlQueue, executorQueue } from '../core/queues.js';
import { openConnection, type TemporalSettings } from './connection.js';

export interface WorkerVersion {
  build: string;
  /** `current`: new runs begin with it, and containments move to it. `new`: never was. `left`: was, until another was promoted. */
  state: 'current' | 'new' | 'left';
  /** Queues that no worker of this version has asked for work lately; `controlQueue` among them: nobody goes on with its runs. */
  silent: string[];
  /** Ids of open runs that only this version can go on with. */
  runs: string[];
  /** Containments that this version looked after last; the current one takes them over at their next look. */
  containments: number;
  /** Of one that was left: nothing needs its workers any more, nor will. */
  safeToStop: boolean;
}

export interface Versions {
  deployment: string;
  /** Those that have workers, hold something, or are current; the current one first. */
  versions: WorkerVersion[];
  /** Open runs and containments that began before workers had versions: the first that is promoted goes on with them. */
  unversioned: number;
}

export interface Where {
  settings: TemporalSettings;
  deployment: string;
  /** The names under `systems:` in `firebreak.yaml`. */
  systems: string[];
}

/** A worker asks for work at least once a minute, unless all its hands are full. */
const silentAfterMs = 90_000;
/** What began a moment before another version was promoted may not be listed yet. */
const listedAfterMs = 60_000;
/** For all that one look asks, and for one promotion, in milliseconds. */
const lookMs = 5_000;
const promoteMs = 15_000;
/** Temporal counts a queue as the version's some moments after it is first asked for work there. */
const registeredWithinMs = 10_000;
const againMs = 250;

const { TaskQueueType, VersionDrainageStatus } = proto.temporal.api.enums.v1;
const { WORKFLOW_EXECUTION_STATUS_RUNNING: running } = proto.temporal.api.enums.v1.WorkflowExecutionStatus;
type Service = Connection['workflowService'];

export async function lookAtVersions(where: Where): Promise<Versions> {
  return withService(where.settings, lookMs, async (service) => {
    const [known, polled, open] = await Promise.all([
      describe(service, where),
      lastPolls(service, where),
      openOnes(service, where),
    ]);
    const current = known?.routingConfig?.currentDeploymentVersion?.buildId;
    const summaries = new Map((known?.versionSummaries ?? []).map((each) => [each.deploymentVersion?.buildId, each]));
    const now = Date.now();
    const builds = new Set([...summaries.keys(), ...open.keys(), ...polled.keys()].flatMap((build) => build ?? []));
    const versions = [...builds].map((build): WorkerVersion => {
      const { runs = [], containments = 0 } = open.get(build) ?? {};
      const summary = summaries.get(build);
      const leftAt = msOf(summary?.lastDeactivationTime);
      const drained = summary?.drainageStatus === VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED;
      const state = build === current ? 'current' : leftAt === 0 ? 'new' : 'left';
      return {
        build,
        state,
        silent: queuesOf(where)
          .filter(({ key }) => now - (polled.get(build)?.get(key) ?? 0) > silentAfterMs)
          .map(({ name }) => name)
          .filter((name, at, all) => all.indexOf(name) === at),
        runs,
        containments,
        safeToStop: state === 'left' && runs.length === 0 && (drained || now - leftAt > listedAfterMs),
      };
    });
    return {
      deployment: where.deployment,
      versions: versions
        .filter(
          ({ build, runs, containments }) =>
            build === current || runs.length + containments > 0 || (polled.get(build)?.size ?? 0) > 0,
        )
        .toSorted(
          (a, b) => Number(b.state === 'current') - Number(a.state === 'current') || a.build.localeCompare(b.build),
        ),
      unversioned: open.get(undefined)?.all ?? 0,
    };
  });
}

/** Open runs that belong to a version, of any deployment: workers without versions never go on with them. */
export async function pinnedRuns(settings: TemporalSettings): Promise<string[]> {
  return withService(settings, lookMs, async (service) => {
    const open = await openOnes(
      service,
      { settings, deployment: '', systems: [] },
      ' AND TemporalWorkflowVersioningBehavior = "Pinned"',
    );
    return [...open.values()].flatMap(({ runs }) => runs);
  });
}

/**
 * New runs begin with this version from now on, and containments move to it; runs under way stay with theirs. Refused unless its
 * workers ask for all that this installation may give them.
 */
export async function promote(where: Where, build: string): Promise<void> {
  const { settings, deployment } = where;
  const found = (await lookAtVersions(where)).versions.find((each) => each.build === build);
  const silent = found?.silent ?? queuesOf(where).map(({ name }) => name);
  if (silent.length > 0) {
    throw new FirebreakError(
      'worker.not-ready',
      `Version ${build} of ${deployment} cannot be promoted: none of its workers asks for work on ${[...new Set(silent)].join(', ')}.`,
      {
        nextStep: `start them with \`firebreak worker run\` of that release, and promote again once \`firebreak doctor\` shows them.`,
        target: build,
        isTerminal: false,
      },
    );
  }
  await withService(settings, promoteMs, async (service) => {
    const { namespace } = settings;
    for (const untilMs = Date.now() + registeredWithinMs; ; await sleep(againMs)) {
      try {
        await service.setWorkerDeploymentCurrentVersion({ namespace, deploymentName: deployment, buildId: build });
        return;
      } catch (cause) {
        const mayPass = isGrpcServiceError(cause) && notRegistered.has(cause.code);
        if (mayPass && Date.now() < untilMs) continue;
        throw new FirebreakError(
          'worker.not-promoted',
          `Temporal did not promote version ${build} of ${deployment}, and everything stays as it was: ${whyOf(cause)}.`,
          {
            nextStep:
              'see that the release is started with every system that the current one still has work for, and promote again.',
            target: build,
            cause,
          },
        );
      }
    }
  });
}

async function withService<T>(
  settings: TemporalSettings,
  withinMs: number,
  ask: (service: Service) => Promise<T>,
): Promise<T> {
  const connection = openConnection(settings);
  try {
    return await connection.withDeadline(Date.now() + withinMs, () => ask(connection.workflowService));
  } catch (cause) {
    if (!isGrpcServiceError(cause)) throw cause;
    throw new FirebreakError('temporal.unreachable', `What workers there are cannot be asked: ${whyOf(cause)}.`, {
      nextStep: 'see that Temporal runs: `firebreak doctor`.',
      isTerminal: false,
      cause,
    });
  } finally {
    await connection.close();
  }
}

/** Undefined until a worker of any version was there. */
async function describe(
  service: Service,
  { settings: { namespace }, deployment }: Where,
): Promise<proto.temporal.api.deployment.v1.IWorkerDeploymentInfo | undefined> {
  try {
    const { workerDeploymentInfo } = await service.describeWorkerDeployment({ namespace, deploymentName: deployment });
    return workerDeploymentInfo ?? undefined;
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === grpc.NOT_FOUND) return undefined;
    throw error;
  }
}

const notRegistered = new Set([grpc.NOT_FOUND, grpc.FAILED_PRECONDITION]);

interface Queue {
  name: string;
  type: proto.temporal.api.enums.v1.TaskQueueType;
  key: string;
}

/** All that a whole worker asks for. */
function queuesOf({ systems }: Where): Queue[] {
  const queue = (name: string, type: Queue['type']): Queue => ({ name, type, key: `${name} ${type}` });
  return [
    queue(controlQueue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    queue(controlQueue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    ...systems.map((system) => queue(executorQueue(system), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)),
  ];
}

/** When each version last asked, by build and queue, in milliseconds. */
async function lastPolls(service: Service, where: Where): Promise<Map<string, Map<string, number>>> {
  const polls = new Map<string, Map<string, number>>();
  await Promise.all(
    queuesOf(where).map(async ({ name, type, key }) => {
      const { namespace } = where.settings;
      const { pollers } = await service.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType: type });
      for (const { deploymentOptions, lastAccessTime } of pollers) {
        if (deploymentOptions?.deploymentName !== where.deployment || !deploymentOptions.buildId) continue;
        const of = polls.get(deploymentOptions.buildId) ?? new Map<string, number>();
        of.set(key, Math.max(of.get(key) ?? 0, msOf(lastAccessTime)));
        polls.set(deploymentOptions.buildId, of);
      }
    }),
  );
  return polls;
}

interface Held {
  runs: string[];
  containments: number;
  all: number;
}

/** What is open, by the build that it belongs to; undefined for what has no version of this deployment. */
async function openOnes(
  service: Service,
  { settings, deployment }: Where,
  and = '',
): Promise<Map<string | undefined, Held>> {
  const open = new Map<string | undefined, Held>();
  const query = `WorkflowType IN ("run", "containment") AND ExecutionStatus = "Running"${and}`;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await service.listWorkflowExecutions({
      namespace: settings.namespace,
      query,
      pageSize: 1000,
      nextPageToken,
    });
    for (const { execution, type, status, searchAttributes } of page.executions) {
      if (status !== running) continue;
      const version = wordOf(searchAttributes?.indexedFields?.['TemporalWorkerDeploymentVersion']);
      const build = version?.startsWith(`${deployment}:`) ? version.slice(deployment.length + 1) : undefined;
      const held = open.get(build) ?? { runs: [], containments: 0, all: 0 };
      held.all += 1;
      if (type?.name === 'run') held.runs.push(execution?.workflowId ?? '');
      else held.containments += 1;
      open.set(build, held);
    }
    ({ nextPageToken } = page);
  } while (nextPageToken.length > 0);
  return open;
}

/** Search attributes are JSON, never encrypted. */
function wordOf(payload: proto.temporal.api.common.v1.IPayload | undefined): string | undefined {
  if (!payload?.data) return undefined;
  const value: unknown = JSON.parse(Buffer.from(payload.data).toString('utf8'));
  return typeof value === 'string' ? value : undefined;
}

function msOf(time: proto.google.protobuf.ITimestamp | null | undefined): number {
  return time?.seconds ? Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6 : 0;
}

function whyOf(cause: unknown): string {
  if (isGrpcServiceError(cause)) return cause.details;
  return cause instanceof Error ? cause.message : String(cause);
}
