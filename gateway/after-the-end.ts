/**
 * What can still be said about a run that has ended. Its containment, while anything is in force, hears notes and
 * extensions; a note about a run that left nothing is judged and journaled here, by the rules that the workflow uses.
 */
import { judgeResponder, judgeSpeaker } from '../core/gate.js';
import type { Bundle } from '../core/installation.js';
import type { Event, EventDraft } from '../core/event.js';
import type { StatementRuled } from '../core/event-data.js';
import type { JsonObject } from '../core/json.js';
import { containmentId } from '../core/queues.js';
import type { RunView } from '../core/run-view.js';
import type { Facts, Statement } from '../core/statement.js';
import { findFacts } from '../journal/proof.js';
import type { Store } from '../journal/store.js';
import { updateRun, type Delivery, type Engine } from './deliver.js';
import { hasEnded } from './run-state.js';
import { wordsIdOf } from './statement-ids.js';

export interface AfterTheEnd {
  engine: Engine;
  store: Store;
  bundle: () => Promise<Bundle>;
  now: () => number;
}

export async function sayAfterTheEnd(deps: AfterTheEnd, view: RunView, statement: Statement): Promise<Delivery> {
  const { verb } = statement;
  const facts = findFacts(statement, (await deps.bundle()).people);
  const ruled = facts.proof.good ? await ruledBefore(deps.store, view, statement, facts) : undefined;
  if (ruled !== undefined) return ruled;
  if (verb === 'note' || verb === 'extend' || verb === 'hand-over') {
    const holds = await deps.store.holds({ holder: view.run, state: 'open' });
    if (holds.some((hold) => hold.containing)) {
      const delivery = await updateRun(deps.engine, containmentId(view.run), statement);
      if (delivery.kind !== 'not running') return delivery;
    }
  }
  const speaker = judgeSpeaker(statement, facts, deps.now());
  if (!speaker.good) return refuse(deps, view, statement, facts, speaker);
  // That it is over comes before who may say it: whoever could decide at its gates need be no responder.
  if (verb !== 'note')
    return refuse(deps, view, statement, facts, { code: 'run.ended', reason: whyNot(view, statement) });
  const ruling = judgeResponder(statement, facts, deps.now());
  return ruling.counts ? journalNote(deps, view, statement) : refuse(deps, view, statement, facts, ruling);
}

/**
 * What was ruled of this word already, by the run before its end or here: an answer that was lost is asked for again, and
 * must not become another one. A new proof of the same words is the same word, too, once it counted.
 */
async function ruledBefore(
  store: Store,
  { run, state }: RunView,
  statement: Statement,
  { digest }: Facts,
): Promise<Delivery | undefined> {
  const words = wordsIdOf(statement);
  const events = await store.events({ run, actions: ['statement.counted', 'note', 'statement.refused'] });
  const isSame = ({ action, data, statement: said }: Event): boolean =>
    data?.['statement'] === digest ||
    (action !== 'statement.refused' && said !== undefined && wordsIdOf(said) === words);
  const same = events.filter((each) => isSame(each) && isRuling(each));
  const found = same.find(({ action }) => action !== 'statement.refused') ?? same[0];
  if (found === undefined) return undefined;
  const { code, reason } = (found.data ?? {}) as Partial<StatementRuled>;
  if (found.action === 'statement.refused')
    return { kind: 'refused', code: code ?? 'refused', reason: reason ?? 'It was refused.' };
  const outcome =
    statement.verb === 'note' ? 'noted' : `counted at ${found.occurredAt}; the run has ended ${state} since`;
  return { kind: 'counted', outcome };
}

async function journalNote({ store }: AfterTheEnd, view: RunView, statement: Statement): Promise<Delivery> {
  await store.append([
    {
      chain: view.incident,
      id: `note-${wordsIdOf(statement)}`,
      run: view.run,
      occurredAt: statement.at,
      actor: statement.by,
      action: 'note',
      statement,
    },
  ]);
  return { kind: 'counted', outcome: 'noted' };
}

/** What was refused for its proof says nothing about what the person really said, in the same words. */
function isRuling({ action, data }: Event): boolean {
  const code = data?.['code'];
  return action !== 'statement.refused' || !(typeof code === 'string' && code.startsWith('proof.'));
}

/** On the record, as a refusal by the workflow would be; under the name of whoever was proven to have said it. */
async function refuse(
  { store, now }: AfterTheEnd,
  view: RunView,
  statement: Statement,
  facts: Facts,
  { code, reason }: { code: string; reason: string },
): Promise<Delivery> {
  const data: JsonObject = { verb: statement.verb, code, reason, statement: facts.digest };
  const event: EventDraft = {
    chain: view.incident,
    id: `refused-${wordsIdOf(statement)}`,
    run: view.run,
    occurredAt: new Date(now()).toISOString(),
    actor: facts.proof.good && facts.principal !== undefined ? facts.principal.id : 'unknown',
    action: 'statement.refused',
    statement,
    data,
  };
  await store.append([event]);
  return { kind: 'refused', code, reason };
}

function whyNot({ run, state, endedAt, says }: RunView, { verb }: Statement): string {
  if (!hasEnded(state)) {
    return `The journal shows ${run} as ${state}, but Temporal knows no such open run; it was ended from outside or its history is gone.`;
  }
  const since = endedAt === undefined ? '' : ` at ${endedAt}`;
  return `${run} ended ${state}${since}${says === undefined ? '' : ` (${says})`}; there is nothing left to ${verb}.`;
}
