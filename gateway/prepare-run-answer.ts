/** Retry, pause, resume, skip, cancel, extend, note: about a run as it goes. Notes and extensions may come after its end. */
import { FirebreakError } from '../core/errors.js';
import { formatDuration } from '../core/duration.js';
import type { RunView } from '../core/run-view.js';
import type { RunAbout } from '../core/statement.js';
import type { Verb } from '../core/verbs.js';
import type { Prepared } from './api.js';
import type { Preparing, RunAsk } from './prepare.js';
import { Refusal } from './refusal.js';
import { knownRun, refuseUnknownStep } from './views.js';
import { hasEnded } from './run-state.js';

export async function prepareRunAnswer({ views, nonce }: Preparing, ask: RunAsk): Promise<Prepared> {
  const view = await knownRun(views, ask.run);
  refuseIncomplete(ask);
  refuseStep(ask);
  if (hasEnded(view.state) && ask.verb !== 'note' && ask.verb !== 'extend') throw runEnded(view, ask.verb);
  if (ask.step !== undefined) refuseUnknownStep(view, ask.step);
  const about: RunAbout = {
    kind: 'run',
    run: view.run,
    launch: view.launch,
    ...(ask.step === undefined ? {} : { step: ask.step }),
    ...((ask.verb === 'extend' || ask.verb === 'pause') && ask.byMs !== undefined ? { byMs: ask.byMs } : {}),
  };
  return { about, nonce, run: view.run, incident: view.incident, shows: [line(view, ask)] };
}

/** A run that is over: what still can be said, and how to go on. */
export function runEnded({ run, state, endedAt, says }: RunView, verb: string): Refusal {
  const since = endedAt === undefined ? '' : ` at ${endedAt}`;
  return new Refusal(
    'run.ended',
    `${run} ended ${state}${since}${says === undefined ? '' : ` (${says})`}; there is nothing left to ${verb}.`,
    `launch it anew with \`firebreak run\`; what it holds is lifted with \`firebreak release ${run}\`.`,
  );
}

function refuseIncomplete({ verb, run, step, byMs, reason }: RunAsk): void {
  if (verb === 'pause' && byMs === undefined)
    throw new FirebreakError('pause.no-duration', 'A pause needs to say for how long.', {
      nextStep: 'give a duration such as 10m; up to 15m needs nobody else.',
    });
  if (verb === 'skip' && step === undefined)
    throw new FirebreakError('skip.no-step', 'What is skipped is one step.', { nextStep: 'name the step.' });
  if (verb === 'skip' && (reason === undefined || reason.trim() === ''))
    throw new FirebreakError('skip.no-reason', 'To leave a step out needs a reason.', {
      nextStep: `say why: \`firebreak skip ${run} ${step} --reason "..."\`.`,
    });
  if (verb === 'extend' && byMs === undefined) {
    throw new FirebreakError('extend.no-duration', 'An extension needs to say by how much.', {
      nextStep: 'give a duration such as 2h.',
    });
  }
  if (verb === 'note' && (reason === undefined || reason.trim() === '')) {
    throw new FirebreakError('note.empty', 'A note needs a text.', { nextStep: 'write what the record should say.' });
  }
}

const wholeRun: Verb[] = ['cancel', 'extend', 'pause', 'resume'];

/** What moves or ends a whole run must not be signed as if it were about one step. */
function refuseStep({ verb, step }: RunAsk): void {
  if (step === undefined || !wholeRun.includes(verb)) return;
  throw new FirebreakError('about.whole-run', `"${verb}" is about a whole run; it cannot be said of one step.`, {
    nextStep: `say it without \`--step ${step}\`; \`deny\` stops what one gate asks about.`,
  });
}

function line({ run, runbook, state }: RunView, { verb, step, byMs, reason }: RunAsk): string {
  const at = step === undefined ? '' : `, step ${step}`;
  const by = byMs === undefined ? '' : ` by ${formatDuration(byMs)}`;
  return `${verb} ${run}${at}${by} (${runbook}, ${state})${reason === undefined ? '' : `: ${reason}`}`;
}
