/** `worker`: of several releases at once, each run stays with its own. A release is started beside the old one, and promoted. */
import { loadInstallation } from '../compiler/bundle.js';
import { FirebreakError } from '../core/errors.js';
import { buildId } from '../worker/build-id.js';
import { knownTemporal } from '../worker/connection.js';
import { lookAtVersions, promote, type Where } from '../worker/versions.js';
import { workspaceAt } from '../worker/workspace.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Call } from './perform.js';

/** Ends when it is told to stop; the process writes its own log. */
export async function workerRun(_call: Call): Promise<ExitCode> {
  await import('../worker/main.js');
  return exitCodes.done;
}

export async function workerPromote({ out }: Call, build: string | undefined): Promise<ExitCode> {
  const where = await whereWorkersAre();
  const wanted = build ?? buildId();
  const before = (await lookAtVersions(where)).versions.find(({ state }) => state === 'current');
  await promote(where, wanted);
  const { deployment } = where;
  out.answer({ deployment, current: wanted, before: before?.build ?? null, runs: before?.runs ?? [] }, [
    `Version ${wanted} of ${deployment} is current: new runs begin with it, and containments move to it at their next look.`,
    ...(before === undefined || before.build === wanted
      ? []
      : [
          `${before.runs.length} runs stay with ${before.build}. Keep its workers until \`firebreak doctor\` says that they are safe to stop.`,
          `To go back: firebreak worker promote ${before.build}`,
        ]),
  ]);
  return exitCodes.done;
}

async function whereWorkersAre(): Promise<Where> {
  const workspace = workspaceAt();
  const { temporal, systems } = await loadInstallation(workspace.installation);
  if (temporal?.deployment === undefined) {
    throw new FirebreakError('worker.no-versions', 'firebreak.yaml names no deployment, so workers have no versions.', {
      nextStep: 'to upgrade, stop the worker and start the new release; or see docs/upgrading.md for several at once.',
    });
  }
  const settings = knownTemporal(workspace);
  if (settings === undefined) {
    throw new FirebreakError('temporal.no-address', 'Nothing says where Temporal is.', {
      nextStep: 'set TEMPORAL_ADDRESS, or TEMPORAL_PROFILE.',
    });
  }
  return { settings, deployment: temporal.deployment, systems: Object.keys(systems) };
}
