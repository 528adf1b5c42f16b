/**
 * Runs as people see them, folded from the journal once and kept: each look reads only what is new since the last.
 * Nothing here is asked of Temporal, so status answers while it is away.
 */
import pLimit from 'p-limit';
import { fold, type RunView } from '../core/run-view.js';
import type { Store } from '../journal/store.js';
import { unknownName } from './unknown.js';

export interface Views {
  run(run: string): Promise<RunView | undefined>;
  /** All runs, the newest launch first. */
  runs(): Promise<RunView[]>;
  /** Sequence number, in its incident's chain, of the run's last event; 0 when there is none. */
  lastSeq(run: string): Promise<number>;
}

export function openViews(store: Store): Views {
  const views = new Map<string, RunView>();
  const last = new Map<string, number>();
  let position = 0;

  async function catchUp(): Promise<void> {
    for (;;) {
      const page = await store.follow(position, pageSize);
      for (const { position: at, event } of page) {
        position = at;
        if (event.run === undefined) continue;
        last.set(event.run, event.seq);
        const view = fold(views.get(event.run), event);
        if (view !== undefined) views.set(event.run, view);
      }
      if (page.length < pageSize) return;
    }
  }
  // One at a time, and each look starts its own: joining one under way could miss what was appended before this look.
  const oneAtATime = pLimit(1);
  const look = () => oneAtATime(catchUp);

  return {
    run: (run) => look().then(() => views.get(run)),
    runs: () => look().then(() => [...views.values()].toSorted((a, b) => b.launchedAt.localeCompare(a.launchedAt))),
    lastSeq: (run) => look().then(() => last.get(run) ?? 0),
  };
}

/** Events read at once. */
const pageSize = 1_000;

/** The run, or an error that says which runs there are. */
export async function knownRun(views: Views, run: string): Promise<RunView> {
  const view = await views.run(run);
  if (view !== undefined) return view;
  const known = (await views.runs()).map((each) => each.run);
  throw unknownName('run.unknown', `The journal has no run ${run}`, run, known, 'List them with `firebreak status`.');
}

export function refuseUnknownStep(view: RunView, step: string): void {
  const steps = view.steps.map(({ id }) => id);
  if (steps.includes(step)) return;
  throw unknownName('step.unknown', `${view.run} has no step "${step}"`, step, steps);
}
