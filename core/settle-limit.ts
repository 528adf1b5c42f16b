/** How often an hour the watch puts back one side of a target that somebody changes again and again, and until when it does not. */
import { type Hold, standingOf } from './hold.js';
import type { Iso } from './json.js';
import type { RunView } from './run-view.js';

const hourMs = 60 * 60_000;

export interface SettleLimit {
  /** When it is put back again; absent where it never is by itself. */
  until?: Iso;
}

/** Undefined while it may be put back: it was put back fewer than `perHour` times in the hour before `nowMs`. */
export function limitReached(putBack: Iso[], perHour: number, nowMs: number): SettleLimit | undefined {
  if (perHour === 0) return {};
  const lately = putBack.filter((at) => Date.parse(at) > nowMs - hourMs).toSorted();
  const frees = lately.at(-perHour);
  return frees === undefined ? undefined : { until: new Date(Date.parse(frees) + hourMs).toISOString() };
}

/** What the run's watch said last about a hold that is not as held; undefined where it goes on putting it back. */
export function limitOf({ watch }: Pick<RunView, 'watch'>, hold: Hold): SettleLimit | undefined {
  const { is, since } = standingOf(hold);
  if (is !== 'not as held') return undefined;
  return watch.findLast(({ at, limit }) => limit?.hold === hold.id && at >= since)?.limit;
}

/** `not as held since …, not put back until …`: how a hold stands, and what the watch of those who hold it says of that. */
export function saysStanding(hold: Hold, views: Pick<RunView, 'watch'>[], time: (at: Iso) => string): string {
  const { is, since } = standingOf(hold);
  const limit = views.map((view) => limitOf(view, hold)).find((each) => each !== undefined);
  const until =
    limit === undefined
      ? ''
      : `, not put back ${limit.until === undefined ? 'by itself' : `until ${time(limit.until)}`}`;
  return `${is} since ${time(since)}${until}`;
}

/** What a person must know of the holds that are not as held, and can do; undefined when there are none. `time` shows a moment. */
export function saysNotAsHeld(
  view: Pick<RunView, 'runbook' | 'watch'>,
  holds: Hold[],
  time: (at: Iso) => string,
): string | undefined {
  const changed = holds.filter((hold) => standingOf(hold).is === 'not as held');
  if (changed.length === 0) return undefined;
  const head = `${changed.length} of ${holds.length} held changes are not as held: somebody changed them.`;
  const limits = changed.map((hold) => limitOf(view, hold)).filter((limit) => limit !== undefined);
  if (limits.length === 0) return `${head} Firebreak puts them back by itself.`;
  const which = limits.length === changed.length ? 'them' : `${limits.length} of them`;
  const last = limits
    .flatMap(({ until }) => until ?? [])
    .toSorted()
    .at(-1);
  const limit =
    last === undefined
      ? `Firebreak puts ${which} back only when a person says so.`
      : `Firebreak has put ${which} back as often as it may in an hour, and does so again after ${time(last)}.`;
  return `${head} ${limit} To have it done at once, launch ${view.runbook} for them again; and find out who changes them.`;
}
