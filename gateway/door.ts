/**
 * The one door for people, behind the HTTP API and the Slack app alike: what may be asked, what was said, what is shown.
 * It rules on nothing that a run is about: it keeps what was said, brings it to the engine and returns the ruling.
 */
import type { Client } from '@temporalio/client';
import { type Hold, type ShownHold, shownHold } from '../core/hold.js';
import type { Inventory } from '../core/inventory.js';
import type { Bundle } from '../core/installation.js';
import type { PrincipalId } from '../core/json.js';
import type { RunView } from '../core/run-view.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import type { EventsAnswer, KeptLaunch, PlanAnswer, Prepare, Prepared, RunAnswer, Said } from './api.js';
import { followEvents } from './events.js';
import { openInbox } from './inbox.js';
import { keptLaunches } from './kept-launches.js';
import type { Log } from './log.js';
import { endOrphans } from './orphaned-runs.js';
import { planOf } from './plan-answer.js';
import { prepare } from './prepare.js';
import { type Alert, prepareAlert } from './prepare-launch.js';
import { deliverWith, say } from './say.js';
import { refuseUnknownHolder } from './unknown-holder.js';
import { knownRun, openViews } from './views.js';

export interface Door {
  /** What exactly would be said. `nonce` is a card's, so that two clicks on it are one statement. */
  prepare(ask: Prepare, by: PrincipalId, options?: { nonce?: string }): Promise<Prepared>;
  /** What a service would launch. Throws where an equal run is open. */
  prepareAlert(alert: Alert, by: PrincipalId): ReturnType<typeof prepareAlert>;
  /**
   * Resolves once it counted, or with `received; being delivered`; rejects with the ruling when it was refused.
   * `kept` is called as soon as a crash cannot lose it any more: Slack is then told that it arrived.
   */
  say(statement: Statement, kept?: () => void): Promise<Said>;
  view(run: string): Promise<RunAnswer | undefined>;
  plan(run: string, ask?: string): Promise<PlanAnswer>;
  runs(): Promise<RunView[]>;
  /** Launches that were received and not taken up by the engine yet. */
  waiting(): Promise<KeptLaunch[]>;
  /** Open holds: all, or of a run or an incident that is known. */
  holds(of?: string): Promise<ShownHold[]>;
  /** Events of a run after a sequence number; waits up to `waitMs` until there is one. */
  events(run: string, after: number, waitMs: number): Promise<EventsAnswer>;
  store: Store;
  bundle(): Promise<Bundle>;
  /** Delivers no more; what was kept is delivered after the next start. */
  end(): Promise<void>;
}

export interface DoorDeps {
  client: Client;
  store: Store;
  bundle: () => Promise<Bundle>;
  log: Log;
  now?: () => number;
  /** For how long `say` waits for the ruling, in milliseconds; Slack wants its answer within three seconds. */
  answerMs?: number;
  /** Between two rounds over what is still undelivered, in milliseconds. */
  redeliverMs?: number;
  /** Between two looks for runs that were ended past Firebreak, in milliseconds. */
  orphansMs?: number;
}

const answerMsDefault = 2_500;

export function openDoor({
  client,
  store,
  bundle,
  log,
  now = Date.now,
  answerMs = answerMsDefault,
  redeliverMs,
  orphansMs,
}: DoorDeps): Door {
  const views = openViews(store);
  const inbox = openInbox({
    store,
    deliver: deliverWith({ client, store, bundle, views, now }),
    log,
    now,
    ...(redeliverMs === undefined ? {} : { everyMs: redeliverMs }),
  });
  const orphans = endOrphans({
    client,
    store,
    views,
    log,
    now,
    ...(orphansMs === undefined ? {} : { everyMs: orphansMs }),
  });
  const inventory = async (): Promise<Inventory> => (await bundle()).installation.targets ?? {};
  const named = async (holds: Hold[]): Promise<ShownHold[]> => {
    const names = await inventory();
    return holds.map((hold) => shownHold(hold, names));
  };
  const waiting = () => keptLaunches(store, views);
  const holdsOf = (of: string) =>
    store.holds(of.startsWith('inc-') ? { incident: of, state: 'open' } : { holder: of, state: 'open' });

  return {
    prepare: (ask, by, options) => prepare({ store, views, bundle }, ask, by, options?.nonce),
    prepareAlert: async (alert, by) => prepareAlert({ store, views, bundle: await bundle(), by }, alert),
    say: (statement, kept) => say({ store, views, inbox, answerMs, now }, statement, kept),
    view: async (run) => {
      const view = await views.run(run);
      return view === undefined ? undefined : { view, holds: await named(await holdsOf(run)) };
    },
    plan: async (run, ask) => planOf(store, await knownRun(views, run), ask, await inventory()),
    runs: () => views.runs(),
    waiting,
    holds: async (of) => {
      if (of === undefined) return named(await store.holds({ state: 'open' }));
      await refuseUnknownHolder({ store, views }, of);
      return named(await holdsOf(of));
    },
    events: (run, after, waitMs) => followEvents({ store, views, now }, run, after, waitMs),
    store,
    bundle,
    end: async () => {
      await orphans.end();
      await inbox.end();
    },
  };
}
