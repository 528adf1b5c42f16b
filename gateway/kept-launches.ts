/**
 * Launches that were received and that the journal does not know yet. Nothing of such a run can be seen elsewhere, and
 * whoever does not see it launches a second time.
 */
import type { Runbook } from '../core/runbook.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import type { KeptLaunch } from './api.js';
import type { Views } from './views.js';

/** The newest first. */
export async function keptLaunches(store: Store, views: Views): Promise<KeptLaunch[]> {
  // In this order: one that begins meanwhile is in the journal before it leaves the inbox.
  const waiting = await store.waiting();
  const kept: KeptLaunch[] = [];
  for (const { receivedAt, message } of waiting) {
    const { about, verb, by, reason } = message as unknown as Statement;
    if (about.kind !== 'launch' || (await views.run(about.run)) !== undefined) continue;
    const runbook = (await store.document('runbook', about.runbook)) as unknown as Runbook | undefined;
    kept.push({
      run: about.run,
      incident: about.incident,
      verb: verb as KeptLaunch['verb'],
      runbook: runbook?.name ?? about.runbook,
      by,
      ...(reason === undefined ? {} : { reason }),
      receivedAt,
      about,
    });
  }
  return kept.toReversed();
}

export async function isKept(store: Store, views: Views, run: string): Promise<boolean> {
  return (await keptLaunches(store, views)).some((each) => each.run === run);
}
