/** Runbooks of the bundle, and those that were: a run goes on with what it was launched with, although the file was edited since. */
import type { Bundle } from '../core/installation.js';
import type { Digest, Json } from '../core/json.js';
import type { Runbook } from '../core/runbook.js';
import { digestOf } from '../journal/digest.js';
import type { Store } from '../journal/store.js';

/**
 * A compiled runbook by digest. One that has left the bundle counts only if an executor had it in its bundle once, which it
 * notes in the store; its text lies there too, and its digest is checked.
 */
export async function knownRunbook(store: Store, bundle: Bundle, digest: Digest): Promise<Runbook | undefined> {
  const current = bundle.runbooks[digest];
  if (current !== undefined) return current;
  const kept = await store.document('runbook', digest);
  return kept !== undefined && digestOf(kept) === digest && (await wasOurs(store, digest))
    ? (kept as unknown as Runbook)
    : undefined;
}

/** Remembers every runbook of the bundle as having been ours. Called by executors when they begin and when the bundle changes. */
export async function rememberRunbooks(store: Store, bundle: Bundle): Promise<void> {
  for (const [digest, runbook] of Object.entries(bundle.runbooks)) {
    await store.putDocument('runbook', digest as Digest, runbook as unknown as Json);
    await store.putDocument('known-runbook', digest as Digest, { environment: bundle.installation.environment });
  }
}

async function wasOurs(store: Store, digest: Digest): Promise<boolean> {
  return (await store.document('known-runbook', digest)) !== undefined;
}
