/** Events that the engine writes about a run; their ids make a retried activity write each of them once. */
import type { Target } from '../core/change.js';
import type { EventAction, EventDraft } from '../core/event.js';
import type { JsonObject, PrincipalId } from '../core/json.js';
import type { Statement } from '../core/statement.js';
import type { RunRef } from './contract.js';

interface Said {
  /** Unique within the run. */
  id: string;
  actor: PrincipalId;
  action: EventAction;
  step?: string;
  target?: Target;
  outcome?: string;
  statement?: Statement;
  data?: object;
  /** Defaults to now. */
  at?: string;
}

export function draft(run: Pick<RunRef, 'run' | 'incident'>, { id, at, data, ...said }: Said): EventDraft {
  return {
    chain: run.incident,
    id: `${run.run}/${id}`,
    run: run.run,
    occurredAt: at ?? new Date().toISOString(),
    ...said,
    ...(data === undefined ? {} : { data: data as JsonObject }),
  };
}
