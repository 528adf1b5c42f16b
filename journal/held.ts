/** Which holds a release or an undo concerns. */
import type { Hold } from '../core/hold.js';
import type { Store } from './store.js';

/** The open holds that these runs hold, and those of theirs whose release was begun and not ended. */
export async function heldBy(store: Store, runs: string[]): Promise<Hold[]> {
  const lists = await Promise.all(
    runs.flatMap((run) => [store.holds({ holder: run, state: 'open' }), store.holds({ run, state: 'open' })]),
  );
  const open = lists
    .flat()
    .filter(
      (hold) => !hold.oneWay && (isHeldBy(hold, runs) || (hold.state === 'releasing' && hold.holders.length === 0)),
    );
  return [...new Map(open.map((hold) => [hold.id, hold])).values()];
}

function isHeldBy({ holders }: Hold, runs: string[]): boolean {
  return holders.some((holder) => runs.includes(holder.run));
}

/** What undoing a run, or one step of it, concerns: what it did, held or not, but for what has no exchange. */
export async function doneBy(store: Store, run: string, step: string | undefined): Promise<Hold[]> {
  const holds = await store.holds({ run, state: 'any' });
  return holds.filter(
    (hold) =>
      !hold.oneWay &&
      (step === undefined || hold.origin.step === step) &&
      (hold.state !== 'closed' || hold.outcome === 'done'),
  );
}
