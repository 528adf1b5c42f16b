/** Writing what a hold is about, and whether somebody alive may be in the middle of it. */
import type { Hold } from '../core/hold.js';
import type { Store } from '../journal/store.js';

/** A third of what the journal believes a writer for. */
const sayEveryMs = 5_000;

/** True while an executor may be writing it; one that was killed is believed for some seconds longer. */
export function mayBeUnderWay({ writingUntil }: Hold): boolean {
  return writingUntil !== undefined && new Date().toISOString() < writingUntil;
}

/**
 * Writes while the journal says so, so that no release comes between, however long AWS takes. Undefined, with nothing written,
 * when the hold is not intended any more: a release was faster. `said`: the hold was intended by us in this moment, which says it.
 */
export async function whileUnderWay<T>(
  store: Store,
  { id }: Hold,
  write: () => Promise<T>,
  said = false,
): Promise<{ observed: T } | undefined> {
  if (!said && !(await store.writes(id, 'now'))) return undefined;
  const saying = setInterval(() => {
    // A word that gets lost is said again; the write itself tells when the journal is gone.
    store.writes(id, 'before').catch(() => undefined);
  }, sayEveryMs);
  try {
    return { observed: await write() };
  } catch (error) {
    await store.wrote(id);
    throw error;
  } finally {
    clearInterval(saying);
  }
}
