/** A run's events after a position, waited for: what `watch` and `run` follow. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../journal/store.js';
import type { EventsAnswer } from './api.js';
import { isKept } from './kept-launches.js';
import { knownRun, type Views } from './views.js';

/** Between two looks at the journal while somebody waits, in milliseconds; each look is one query for what is new. */
const lookEveryMs = 200;

export async function followEvents(
  { store, views, now }: { store: Store; views: Views; now: () => number },
  run: string,
  after: number,
  waitMs: number,
): Promise<EventsAnswer> {
  // One that waits to be delivered has no events yet, and is waited for like any other.
  if (!(await isKept(store, views, run))) await knownRun(views, run);
  const untilMs = now() + waitMs;
  while ((await views.lastSeq(run)) <= after && now() < untilMs) await sleep(Math.min(lookEveryMs, waitMs));
  const events = (await store.events({ run })).filter(({ seq }) => seq > after);
  return { events, next: events.at(-1)?.seq ?? after };
}
