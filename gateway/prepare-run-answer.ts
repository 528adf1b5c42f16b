/** Retry, cancel, extend, note: about a run as it goes. Notes and extensions may come after its end. */
import { FirebreakError } from '../core/errors.js';
import { formatDuration } from '../core/duration.js';
import type { RunView } from '../core/run-view.js';
import type { RunAbout } from '../core/statement.js';
import type { Prepared } from './api.js';
import type { Preparing, RunAsk } from './prepare.js';
import { Refusal } from './refusal.js';
import { knownRun, refuseUnknownStep } from './views.js';
import { hasEnded } from './run-state.js';

export async function prepareRunAnswer({ views, nonce }: Preparing, ask: RunAsk): Promise<Prepared> {
  const view = await knownRun(views, ask.run);
  refuseIncomplete(ask);
  if (hasEnded(view.state) && (ask.verb === 'retry' || ask.verb === 'cancel')) throw runEnded(view, ask.verb);
  if (ask.step !== undefined) refuseUnknownStep(view, ask.step);
  const about: RunAbout = {
    kind: 'run',
    run: view.run,
    launch: view.launch,
    ...(ask.step === undefined ? {} : { step: ask.step }),
    ...(ask.verb === 'extend' && ask.byMs !== undefined ? { byMs: ask.byMs } : {}),
  };
  return { about, nonce, run: view.run, incident: view.incident, shows: [line(view, ask)] };
}

/** A run that is over: what still can be said, and how to go on. */
export function runEnded({ run, state, endedAt }: RunView, verb: string): Refusal {
  const since = endedAt === undefined ? '' : ` at ${endedAt}`;
  return new Refusal(
    'run.ended',
    `${run} ended ${state}${since}; there is nothing left to ${verb}.`,
    `launch it anew with \`firebreak run\`; what it holds is lifted with \`firebreak release ${run}\`.`,
  );
}

function refuseIncomplete({ verb, byMs, reason }: RunAsk): void {
  if (verb === 'extend' && byMs === undefined) {
    throw new FirebreakError('extend.no-duration', 'An extension needs to say by how much.', {
      nextStep: 'give a duration such as 2h.',
    });
  }
  if (verb === 'note' && (reason === undefined || reason.trim() === '')) {
    throw new FirebreakError('note.empty', 'A note needs a text.', { nextStep: 'write what the record should say.' });
  }
}

function line({ run, runbook, state }: RunView, { verb, step, byMs, reason }: RunAsk): string {
  const at = step === undefined ? '' : `, step ${step}`;
  const by = byMs === undefined ? '' : ` by ${formatDuration(byMs)}`;
  return `${verb} ${run}${at}${by} (${runbook}, ${state})${reason === undefined ? '' : `: ${reason}`}`;
}
