/**
 * What can still be said about a run that has ended. Its containment, while anything is in force, hears notes and
 * extensions; a note about a run that left nothing is judged and journaled here, by the rules that the workflow uses.
 */
import { judgeResponder } from '../core/gate.js';
import type { Bundle } from '../core/installation.js';
import type { EventDraft } from '../core/event.js';
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
  if (verb === 'note' || verb === 'extend') {
    const holds = await deps.store.holds({ holder: view.run, state: 'open' });
    if (holds.some((hold) => hold.containing)) {
      const delivery = await updateRun(deps.engine, containmentId(view.run), statement);
      if (delivery.kind !== 'not running') return delivery;
    }
  }
  const facts = findFacts(statement, (await deps.bundle()).people);
  const ruling = judgeResponder(statement, facts, deps.now());
  if (!ruling.counts) return refuse(deps, view, statement, facts, ruling);
  if (verb === 'note') return journalNote(deps, view, statement);
  return refuse(deps, view, statement, facts, { code: 'run.ended', reason: whyNot(view, statement) });
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

function whyNot({ run, state, endedAt }: RunView, { verb }: Statement): string {
  if (!hasEnded(state)) {
    return `The journal shows ${run} as ${state}, but Temporal knows no such open run; it was ended from outside or its history is gone.`;
  }
  const since = endedAt === undefined ? '' : ` at ${endedAt}`;
  return `${run} ended ${state}${since}; there is nothing left to ${verb}.`;
}
