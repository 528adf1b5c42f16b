/**
 * The control queue is open to whoever reaches Temporal, and what is written through it is shown to people and read by executors.
 * So its activities speak only for the run whose own workflow calls them, and workflows write only what is theirs to write:
 * what a gate asks about, what was launched, held, done and ended comes from activities that look for themselves.
 */
import { activityInfo } from '@temporalio/activity';
import { FirebreakError } from '../core/errors.js';
import type { EventAction, EventDraft } from '../core/event.js';
import { containmentId } from '../core/queues.js';
import { findFacts } from '../journal/proof.js';
import type { Store } from '../journal/store.js';
import type { RunRef } from './contract.js';
import type { EngineDeps } from './deps.js';

/** What workflows write. Those of the second list follow from what a person said, and hold it. */
const engineActions: EventAction[] = [
  'run.needs-a-person',
  'run.resumed',
  'run.paused',
  'run.unpaused',
  'step.started',
  'step.asked',
  'step.reminded',
  'step.finished',
  'step.skipped',
  'gate.reminded',
  'gate.escalated',
  'gate.extended',
  'gate.passed',
  'gate.denied',
  'gate.expired',
  'gate.closed',
  'statement.refused',
  'containment.started',
  'containment.review-due',
  'containment.ended',
  'owner.paged',
];
const spokenActions: EventAction[] = [
  'statement.counted',
  'note',
  'gate.extended',
  'containment.extended',
  'owner.changed',
];

/** Nothing is taken from the workflow of another run. An id can be taken only once its own workflow has ended. */
export function refuseOtherCaller(run: string): void {
  const caller = activityInfo().workflowExecution?.workflowId;
  if (caller === run || caller === containmentId(run)) return;
  throw refuse('control.other-caller', `${caller ?? 'No workflow'} cannot speak for ${run}.`);
}

/** Besides, the run must have been launched, as the caller says. */
export async function refuseOtherRun(store: Store, { run, incident, launch }: RunRef): Promise<void> {
  refuseOtherCaller(run);
  const launched = await launchOf(store, run);
  if (launched?.chain === incident && launched.launch === launch) return;
  throw refuse('control.other-run', `${run} was not launched so.`);
}

export async function refuseForged({ store, bundle }: EngineDeps, draft: EventDraft): Promise<void> {
  const { run = '', chain, id, action, actor, statement } = draft;
  refuseOtherCaller(run);
  // Ids are first come, first served: those of executors' own events must not be taken beforehand.
  const own = id.startsWith(`${run}/engine/`) || id.startsWith(`${run}/containment/`);
  if (!own || (await launchOf(store, run))?.chain !== chain)
    throw refuse('control.other-run', `${id} is not of ${run}.`);
  if (statement === undefined) {
    if (!engineActions.includes(action) || (actor !== 'engine' && action !== 'statement.refused'))
      throw refuse('control.not-a-workflows', `"${action}" by ${actor} is not for a workflow to write.`);
    return;
  }
  const { proof } = findFacts(statement, (await bundle()).people);
  const said = proof.good && statement.by === actor && statement.about.run === run;
  if (!said || !spokenActions.includes(action))
    throw refuse('control.not-said', `${actor} did not say what "${action}" of ${run} holds.`);
}

async function launchOf(store: Store, run: string): Promise<{ chain: string; launch: unknown } | undefined> {
  const [launched] = await store.events({ run, actions: ['run.launched'] });
  return launched === undefined ? undefined : { chain: launched.chain, launch: launched.data?.['launch'] };
}

function refuse(code: string, message: string): FirebreakError {
  return new FirebreakError(code, message, { nextStep: 'find out who else reaches Temporal.' });
}
