/** What a run still holds when it ends: whoever contains goes on holding; where others hold it too, the run only leaves. */
import pLimit from 'p-limit';
import type { EventDraft } from '../core/event.js';
import type { Hold } from '../core/hold.js';
import type { Store } from './store.js';

/** Let go of at once, so that they share their waits for the disk. */
const atOnce = 64;

/** Lets go of all of it. An intended hold stays, for nobody knows yet how it stands, unless nothing could put it back anyway. `at` is of the run's last events. */
export async function letGoOfAll(
  store: Store,
  at: Required<Pick<EventDraft, 'chain' | 'run' | 'occurredAt' | 'actor'>>,
): Promise<void> {
  const limit = pLimit(atOnce);
  const holds = await store.holds({ holder: at.run, state: 'open' });
  await Promise.all(holds.map((hold) => limit(() => letGo(store, at, hold))));
}

async function letGo(store: Store, at: Parameters<typeof letGoOfAll>[1], hold: Hold): Promise<void> {
  const mine = hold.holders.find((holder) => holder.run === at.run);
  if (mine !== undefined && hold.oneWay && hold.state === 'intended') return closeUnknown(store, at, hold, mine.step);
  if (hold.state !== 'in force' || mine === undefined || (hold.containing && mine.containing === true)) return;
  const data = { hold: hold.id, unit: hold.unit, aspect: hold.aspect };
  const said = { ...at, step: mine.step, target: hold.target, data };
  const id = `${at.run}/${hold.id}`;
  if (hold.holders.length > 1) {
    const left: EventDraft = { ...said, id: `${id}/left`, action: 'hold.left' };
    const releasing: EventDraft = { ...said, id: `${id}/releasing`, action: 'hold.releasing' };
    if ((await store.leave(hold.id, at.run, left, releasing)) !== 'last') return;
  }
  await store.close(hold.id, at.run, 'done', { ...said, id: `${id}/closed`, action: 'hold.closed', outcome: 'done' });
}

/** A one-way change that was never shown, as a snapshot that AWS refused: there is nothing to release, and nobody looks again. */
async function closeUnknown(
  store: Store,
  { run, ...at }: Parameters<typeof letGoOfAll>[1],
  { id, unit, aspect, target }: Hold,
  step: string,
): Promise<void> {
  const outcome = 'not shown';
  const data = { hold: id, unit, aspect, says: `nothing shows that ${target.id} was changed` };
  await store.close(id, run, outcome, {
    ...at,
    run,
    id: `${run}/${id}/closed`,
    step,
    target,
    action: 'hold.closed',
    outcome,
    data,
  });
}
