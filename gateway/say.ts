/**
 * From a person's word to its ruling: kept first, then delivered, then answered. Whoever waits learns within seconds
 * whether it counted; if the engine is away the word stays kept and `received; being delivered` says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Event } from '../core/event.js';
import type { StatementRuled } from '../core/event-data.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import { sayAfterTheEnd, type AfterTheEnd } from './after-the-end.js';
import { beingDelivered, type Said } from './api.js';
import { startRun, updateRun, type Deliver, type Delivery } from './deliver.js';
import type { Inbox } from './inbox.js';
import { runEnded } from './prepare-run-answer.js';
import { Refusal } from './refusal.js';
import { hasEnded } from './run-state.js';
import { readStatement } from './read-statement.js';
import { knownRun, type Views } from './views.js';
import { within } from './within.js';

export interface Saying {
  store: Store;
  views: Views;
  inbox: Inbox;
  answerMs: number;
  now: () => number;
}

/** Between two looks for the launch in the journal, in milliseconds. */
const lookEveryMs = 50;

/** One delivery, wherever the statement has to go; used for the first attempt and for every redelivery. */
export function deliverWith(deps: Omit<AfterTheEnd, 'engine'> & { client: Client; views: Views }): Deliver {
  return async (statement, signal) => {
    const engine = { client: deps.client, signal };
    const { about } = statement;
    if (about.kind === 'launch') {
      if ((await deps.views.run(about.run)) !== undefined) return { kind: 'counted', outcome: 'started' };
      return startRun(engine, deps.store, statement);
    }
    const view = await knownRun(deps.views, about.run);
    if (!hasEnded(view.state)) {
      const delivery = await updateRun(engine, about.run, statement);
      if (delivery.kind !== 'not running') return delivery;
    }
    // Looked at again: it may have ended while this was on its way.
    return sayAfterTheEnd({ ...deps, engine }, await knownRun(deps.views, about.run), statement);
  };
}

export async function say(saying: Saying, said: Statement, kept?: () => void): Promise<Said> {
  const untilMs = saying.now() + saying.answerMs;
  const statement = readStatement(said);
  const { about } = statement;
  const { run } = about;
  const incident = about.kind === 'launch' ? about.incident : (await knownRun(saying.views, run)).incident;
  await saying.inbox.keep(statement);
  kept?.();
  const delivery = await within(saying.answerMs, saying.inbox.deliver(statement));
  if (delivery === undefined || delivery.kind === 'unanswered') return { run, incident, outcome: beingDelivered };
  if (delivery.kind === 'refused') throw await refusal(saying.views, statement, delivery);
  if (delivery.kind === 'not running') throw new Refusal('run.ended', `${run} is not running.`);
  if (delivery.kind === 'counted' && about.kind !== 'launch') return { run, incident, outcome: delivery.outcome };
  return { run, incident, outcome: await launched(saying, statement, untilMs) };
}

async function refusal(
  views: Views,
  { about, verb }: Statement,
  { code, reason, nextStep }: Extract<Delivery, { kind: 'refused' }>,
): Promise<Refusal> {
  const view = await views.run(about.run);
  if (code === 'run.ended' && view !== undefined && hasEnded(view.state)) return runEnded(view, verb);
  return new Refusal(code, reason, nextStep);
}

/** Starting a workflow is not yet a launch: the run itself rules on it, and the journal says how. */
async function launched({ store, views, inbox, now }: Saying, launch: Statement, untilMs: number): Promise<string> {
  const { run } = launch.about;
  for (;;) {
    const view = await views.run(run);
    if (view !== undefined) await inbox.settle(launch);
    if (view?.state === 'refused') throw launchRefusal(run, await store.events({ run }));
    if (view !== undefined) return 'launched';
    if (now() >= untilMs) return beingDelivered;
    await sleep(lookEveryMs);
  }
}

function launchRefusal(run: string, events: Event[]): Refusal {
  const ruled = events.findLast(({ action }) => action === 'run.refused' || action === 'statement.refused');
  const { code, reason } = (ruled?.data ?? {}) as Partial<StatementRuled>;
  return new Refusal(code ?? 'launch.refused', reason ?? `${run} was refused.`);
}
