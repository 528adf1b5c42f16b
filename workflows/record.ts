/** How workflow code writes to the journal: drafts with ids that a replay and a retry give again. */
import type { EventAction, EventDraft } from '../core/event.js';
import type { JsonObject, PrincipalId } from '../core/json.js';
import type { Statement } from '../core/statement.js';
import type { RunMemory } from './memory.js';
import { control } from './proxies.js';

interface Said {
  actor?: PrincipalId;
  step?: string;
  outcome?: string;
  statement?: Statement;
  data?: object;
}

export function nowIso(): string {
  return new Date(Date.now()).toISOString();
}

/** One more event of this run; `engine` speaks unless somebody is named. */
export function eventOf(
  memory: RunMemory,
  action: EventAction,
  { actor = 'engine', data, ...said }: Said = {},
): EventDraft {
  memory.events += 1;
  const { run, incident } = memory.run;
  return {
    chain: incident,
    id: `${run}/engine/${memory.events}`,
    run,
    occurredAt: nowIso(),
    actor,
    action,
    ...said,
    ...(data === undefined ? {} : { data: data as JsonObject }),
  };
}

export async function record(memory: RunMemory, ...events: EventDraft[]): Promise<void> {
  if (events.length > 0) await calling(memory, control.append(events));
}

/** Counts what is under way, so that a run does not continue as new in the middle of it. */
export async function calling<T>(memory: RunMemory, call: Promise<T>): Promise<T> {
  memory.inFlight += 1;
  try {
    return await call;
  } finally {
    memory.inFlight -= 1;
  }
}
