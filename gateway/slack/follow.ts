/**
 * From the journal to the cards: every event of a run makes its cards due. The cursor moves only past what Slack has
 * taken, so that a gateway that was killed finds, at its next start, everything that was still to be shown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../../core/run-view.js';
import type { Store } from '../../journal/store.js';
import type { Log } from '../log.js';
import { cardsOf } from './cards.js';
import type { Poster } from './poster.js';

export interface FollowOptions {
  store: Store;
  poster: Poster;
  view: (run: string) => Promise<RunView | undefined>;
  log: Log;
  /** Between two looks at the journal, in milliseconds; each is one query. */
  everyMs?: number;
}

export interface Follower {
  start(): void;
  stop(): Promise<void>;
}

const cursorName = 'cards';
const everyMsDefault = 250;
const pageSize = 500;

export function openFollower({ store, poster, view, log, everyMs = everyMsDefault }: FollowOptions): Follower {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  /** What was looked at; the stored cursor may be behind it. */
  let position: number | undefined;
  let stored = 0;
  let failing = false;

  return {
    start: () => {
      running ??= followUntilStopped();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };

  async function followUntilStopped(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const more = await look();
        failing = false;
        if (more) continue;
      } catch (error) {
        if (!failing) log.error({ error }, 'the journal cannot be followed for the cards, will go on trying');
        failing = true;
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
      });
    }
  }

  /** True when there may be more to look at at once. */
  async function look(): Promise<boolean> {
    if (position === undefined) {
      stored = await store.cursor(cursorName);
      position = stored;
    }
    const page = await store.follow(position, pageSize);
    const changed = new Map<string, number>();
    for (const { position: at, event } of page) {
      if (event.run !== undefined && !changed.has(event.run)) changed.set(event.run, at);
    }
    for (const [run, at] of changed) {
      const seen = await view(run);
      for (const name of seen === undefined ? [] : cardsOf(seen)) poster.changed(name, at);
    }
    position = page.at(-1)?.position ?? position;
    await moveCursor(position);
    return page.length === pageSize;
  }

  async function moveCursor(to: number): Promise<void> {
    const unsent = poster.unsentFrom();
    const safe = unsent === undefined ? to : Math.min(to, unsent - 1);
    if (safe <= stored) return;
    await store.setCursor(cursorName, safe);
    stored = safe;
  }
}
