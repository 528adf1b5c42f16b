/**
 * A launch like one that has not ended: most often the same command typed again, because the first seemed to do nothing.
 * Two runs that change the same targets are no help to anybody, so it is named instead, for Slack and the terminal alike.
 */
import { derived } from '../core/derived.js';
import type { Digest } from '../core/json.js';
import type { RunView } from '../core/run-view.js';
import { digestOf } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { KeptLaunch } from './api.js';
import { keptLaunches } from './kept-launches.js';
import { Refusal } from './refusal.js';
import { hasEnded } from './run-state.js';
import type { Views } from './views.js';

export interface EqualLaunch {
  run: string;
  /** Where it stands, who launched it and when. */
  says: string;
}

/** Runs that do the same with the same inputs and have not ended, and launches of such that still wait to be delivered. */
export async function equalLaunches(
  { store, views }: { store: Store; views: Views },
  runbook: Digest,
  inputs: Digest,
): Promise<EqualLaunch[]> {
  // Kept before open: what begins between the two looks is then found twice, not missed.
  const kept = (await keptLaunches(store, views)).filter(
    ({ verb, about }) => verb === 'launch' && about.runbook === runbook && about.inputs === inputs,
  );
  const open = (await views.runs()).filter(
    (view) =>
      view.verb === 'launch' && !hasEnded(view.state) && view.digest === runbook && digestOfInputs(view) === inputs,
  );
  const isOpen = (run: string) => open.some((view) => view.run === run);
  return [...open.map(openLaunch), ...kept.filter(({ run }) => !isOpen(run)).map(keptLaunch)];
}

/** Worked out once for each run; there may be thousands open, each with thousands of targets. */
function digestOfInputs({ inputs }: RunView): Digest {
  return typeof inputs === 'object' && inputs !== null ? ofObject(inputs) : digestOf(inputs);
}

const ofObject = derived((inputs: object) => digestOf(inputs));

function openLaunch({ run, state, requester, launchedAt }: RunView): EqualLaunch {
  return { run, says: `${state}, by ${requester} at ${launchedAt}` };
}

function keptLaunch({ run, by, receivedAt }: KeptLaunch): EqualLaunch {
  return { run, says: `received from ${by} at ${receivedAt}, being delivered` };
}

/** Its `run` is the one to look at, for a front end that says in its own words how. */
export class EqualLaunchRefusal extends Refusal {
  readonly run: string;

  constructor({ run, says }: EqualLaunch) {
    super(
      'launch.equal-run-open',
      `${run} does the same with the same inputs and has not ended (${says}); nothing was started.`,
      `look at it with \`firebreak status ${run}\`, or start another one all the same with \`--again\`.`,
    );
    this.run = run;
  }
}
