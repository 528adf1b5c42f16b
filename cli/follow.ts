/**
 * Follows a run by its events until told to stop. The gateway may be restarted meanwhile: following goes on where it was.
 * Ctrl-C ends only the watching.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '../core/event.js';
import { fold, type RunView } from '../core/run-view.js';
import { eventLine } from './event-line.js';
import { CliError, exitCodes } from './exit-codes.js';
import type { Gateway } from './gateway-client.js';
import type { Output } from './output.js';

export interface Followed {
  view: RunView | undefined;
  events: Event[];
  /** True when Ctrl-C ended it. */
  stopped: boolean;
}

export interface FollowOptions {
  gateway: Gateway;
  run: string;
  out: Output;
  /** Whether there is nothing more to wait for. */
  enough: (view: RunView) => boolean;
  /** For how long a gateway that is away is waited for, in milliseconds; it has answered before this is called. */
  awayMs?: number;
  /** Shows an event and the run after it, in the place of a line. */
  show?: (event: Event, view: RunView | undefined) => void;
  /** Shows that the gateway cannot be reached, in the place of a line. */
  showAway?: () => void;
}

/** A gateway that is restarted by `up` is back within seconds. */
const awayMsDefault = 60_000;
const retryEveryMs = 1_000;
const waitSeconds = 20;

export async function follow(options: FollowOptions): Promise<Followed> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  // Not `once`: what gives a terminal its cursor back ends the process where nobody else listens any more.
  process.on('SIGINT', onInterrupt);
  try {
    return await followUntil(options, stop.signal);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

async function followUntil(
  {
    gateway,
    run,
    out,
    enough,
    awayMs = awayMsDefault,
    show = (event) => out.line(eventLine(event)),
    showAway = () => undefined,
  }: FollowOptions,
  stop: AbortSignal,
): Promise<Followed> {
  const events: Event[] = [];
  let view: RunView | undefined;
  let after = 0;
  let awaySinceMs: number | undefined;
  while (!stop.aborted) {
    const answer = await gateway.events(run, after, waitSeconds, stop).catch(async (error: unknown) => {
      if (stop.aborted) return undefined;
      awaySinceMs = waitForGateway(error, awaySinceMs, awayMs, out);
      showAway();
      await sleep(retryEveryMs);
      return undefined;
    });
    if (answer === undefined) continue;
    awaySinceMs = undefined;
    after = answer.next;
    for (const event of answer.events) {
      view = fold(view, event);
      events.push(event);
      show(event, view);
    }
    if (view !== undefined && enough(view)) return { view, events, stopped: false };
  }
  return { view, events, stopped: true };
}

/** Since when it is away; throws what is no absence, and an absence that lasts too long. */
function waitForGateway(error: unknown, sinceMs: number | undefined, awayMs: number, out: Output): number {
  const isAway = error instanceof CliError && error.exitCode === exitCodes.unreachable;
  if (!isAway || (sinceMs !== undefined && Date.now() - sinceMs > awayMs)) throw error;
  if (sinceMs === undefined) out.progress(`${error.message} Waiting until it is back.`);
  return sinceMs ?? Date.now();
}
