/** What `doctor` says of the workers' versions: which one is current, what an old one still holds, and when it may be stopped. */
import type { Installation } from '../core/installation.js';
import { controlQueue } from '../core/queues.js';
import type { RunView } from '../core/run-view.js';
import type { TemporalSettings } from '../worker/connection.js';
import { lookAtVersions, pinnedRuns, type Versions, type WorkerVersion } from '../worker/versions.js';
import type { Finding } from './doctor-checks.js';

/** More are in the document of `--json`. */
const namedMax = 5;

export async function workers(
  { temporal, systems }: Installation,
  settings: TemporalSettings,
  runs: () => Promise<RunView[]>,
): Promise<Finding> {
  const deployment = temporal?.deployment;
  if (deployment === undefined) return withoutVersions(await pinnedRuns(settings));
  const found = await lookAtVersions({ settings, deployment, systems: Object.keys(systems) });
  // What a run waits for is the gateway's to say; without it there is still what each version holds.
  const views = new Map((await runs().catch(() => [])).map((view) => [view.run, view]));
  return findingOf(found, views);
}

function withoutVersions(stranded: string[]): Finding {
  if (stranded.length === 0)
    return { ok: true, says: 'without versions: whichever worker runs goes on with every run' };
  return {
    ok: false,
    says: `${named(stranded)} belong to versions of workers, but firebreak.yaml names no deployment: nobody goes on with them`,
    nextStep: 'put `deployment` under `temporal` back into firebreak.yaml, until these runs have ended.',
    data: { stranded },
  };
}

export function findingOf(found: Versions, views: Map<string, RunView>): Finding {
  const { deployment, versions, unversioned } = found;
  const data = {
    deployment,
    unversioned,
    versions: versions.map((version) => ({
      ...version,
      runs: version.runs.map((run) => ({ run, waitsFor: waitsOf(views.get(run)) ?? null })),
    })),
  };
  const says = [
    ...versions.map((version) => saysOf(version, views)),
    ...(unversioned === 0
      ? []
      : [`${unversioned} open without a version, which the next that is promoted goes on with`]),
  ].join('; ');
  const wrong = whatIsWrong(found);
  if (wrong !== undefined)
    return { ok: false, says: `${wrong.why}${says === '' ? '' : `; ${says}`}`, nextStep: wrong.next, data };
  return { ok: true, says, data };
}

/** `0.2.0-1a2b is current and holds 3 runs`, `0.1.0-3c4d was left and holds run-1 (gate containment)`. */
function saysOf({ build, state, runs, containments, safeToStop }: WorkerVersion, views: Map<string, RunView>): string {
  const held = [
    ...(runs.length === 0 ? [] : [namedRuns(runs, views)]),
    ...(containments === 0 ? [] : [count(containments, 'containment')]),
  ].join(' and ');
  if (state === 'current') return `${build} is current and holds ${held === '' ? 'nothing' : held}`;
  if (state === 'new') return `${build} is new and waits to be promoted`;
  if (runs.length > 0) return `${build} was left and is needed by ${held}`;
  return `${build} was left and ${safeToStop ? 'is safe to stop' : 'holds nothing; whether it is safe to stop shows in a minute'}`;
}

function namedRuns(runs: string[], views: Map<string, RunView>): string {
  const each = runs.map((run) => {
    const waits = waitsOf(views.get(run));
    return waits === undefined ? run : `${run} (waits for ${waits})`;
  });
  return `${count(runs.length, 'run')}: ${cut(each)}`;
}

/** `gate containment, step call-owner`; undefined of a run that goes on by itself, or of which the gateway says nothing. */
function waitsOf(view: RunView | undefined): string | undefined {
  const gates = (view?.asks ?? []).filter(({ state }) => state === 'asking').map(({ about }) => `gate ${about.gate}`);
  const steps = (view?.tasks ?? []).map(({ step }) => `step ${step}`);
  const person = view?.state === 'needs a person' ? ['a person'] : [];
  const all = [...gates, ...steps, ...person];
  return all.length === 0 ? undefined : all.join(', ');
}

function named(runs: string[]): string {
  return `${count(runs.length, 'run')} (${cut(runs)})`;
}

function count(of: number, what: string): string {
  return `${of} ${what}${of === 1 ? '' : 's'}`;
}

function cut(list: string[]): string {
  const more = list.length - namedMax;
  return [...list.slice(0, namedMax), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function whatIsWrong({ deployment, versions }: Versions): { why: string; next: string } | undefined {
  const stranded = versions.find(({ runs, silent }) => runs.length > 0 && silent.includes(controlQueue));
  if (stranded !== undefined) {
    const { build, runs } = stranded;
    return {
      why: `${named(runs)} belong to version ${build}, which has no worker: nobody goes on with them, nor answers what is said to them`,
      next: `start that release again (\`firebreak worker run\`) until they have ended. If it is lost for good, end each with \`temporal workflow terminate -w RUN\`: what is in force stays in force and is watched, the gateway puts the end on record, and a new run can release it.`,
    };
  }
  const current = versions.find(({ state }) => state === 'current');
  if (current === undefined) {
    const [ready] = versions.filter(({ silent }) => silent.length === 0);
    return {
      why: `no version of ${deployment} is current: what is launched does not begin`,
      next:
        ready === undefined
          ? 'start a worker with `firebreak worker run`, then promote it.'
          : `firebreak worker promote ${ready.build}`,
    };
  }
  if (current.silent.length > 0) {
    return {
      why: `nobody of the current version ${current.build} asks for work on ${current.silent.join(', ')}`,
      next: 'start its workers with `firebreak worker run`, or promote a version that has some.',
    };
  }
  return undefined;
}
