/**
 * Puts an end on record for a run whose workflow was ended past Firebreak: terminated at Temporal by hand, or timed out
 * there. Without it everybody would look at a run that seems to go on, for ever.
 */
import { type Client, WorkflowNotFoundError, type WorkflowExecutionStatusName } from '@temporalio/client';
import type { RunView } from '../core/run-view.js';
import { letGoOfAll } from '../journal/let-go.js';
import type { Store } from '../journal/store.js';
import type { Log } from './log.js';
import { repeat } from './repeat.js';
import { hasEnded } from './run-state.js';
import type { Views } from './views.js';

export interface OrphanOptions {
  client: Client;
  store: Store;
  views: Views;
  log: Log;
  now: () => number;
  /** Between two looks, in milliseconds. */
  everyMs?: number;
}

/** A minute more or less changes nothing for a run that nobody carries on. */
const everyMsDefault = 60_000;
const alive: readonly WorkflowExecutionStatusName[] = [
  'RUNNING',
  'CONTINUED_AS_NEW',
  'PAUSED',
  'UNKNOWN',
  'UNSPECIFIED',
];

/** Looks again and again, until ended. */
export function endOrphans({ everyMs = everyMsDefault, ...deps }: OrphanOptions): { end: () => Promise<void> } {
  return repeat(everyMs, () =>
    look(deps).catch((error: unknown) =>
      deps.log.warn({ error }, 'Temporal was not asked which runs are gone, will try again'),
    ),
  );
}

async function look({ client, store, views, log, now }: Omit<OrphanOptions, 'everyMs'>): Promise<void> {
  for (const { run } of (await views.runs()).filter(goesOn)) {
    const status = await statusOf(client, run);
    if (status === undefined)
      log.warn({ run }, 'Temporal does not know this run; is this the Temporal that it was started on?');
    if (status === undefined || alive.includes(status)) continue;
    // Asked after Temporal: a run that ended in order wrote its end before its workflow closed.
    const view = await views.run(run);
    if (view === undefined || !goesOn(view)) continue;
    const at = { chain: view.incident, run, occurredAt: new Date(now()).toISOString(), actor: 'gateway' };
    await letGoOfAll(store, at);
    const says = `its workflow was ended at Temporal, past Firebreak (${status.toLowerCase()}); what is in force stays in force`;
    await store.append([{ ...at, id: `orphaned-${run}`, action: 'run.failed', outcome: says, data: { says } }]);
    log.error({ run, status }, 'a run was ended past Firebreak');
  }
}

function goesOn({ state }: RunView): boolean {
  return !hasEnded(state);
}

/** Undefined where Temporal knows no such workflow: it says nothing about the run, only about this Temporal. */
async function statusOf(client: Client, run: string): Promise<WorkflowExecutionStatusName | undefined> {
  try {
    return (await client.workflow.getHandle(run).describe()).status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
