/** The record of an incident as text: lines that anyone can verify, or a report for people. */
import type { Bundle } from '../core/installation.js';
import { exportMarkdown, exportParts, gatherRecord } from '../journal/export.js';
import type { Signer, Store } from '../journal/store.js';
import { unknownName } from './unknown.js';

export type TimelineFormat = 'jsonl' | 'md';

export async function exportTimeline(
  { store, signer, bundle }: { store: Store; signer: Signer; bundle: Bundle },
  incident: string,
  format: TimelineFormat,
): Promise<string | AsyncIterable<string>> {
  if ((await store.head(incident)) === undefined) {
    throw unknownName(
      'incident.unknown',
      `The journal has no incident ${incident}`,
      incident,
      await store.chains(),
      'See `firebreak status`.',
    );
  }
  if (format === 'jsonl') return exportParts(store, incident, { people: bundle.people, signer });
  const shownOn = Object.fromEntries(
    Object.entries(bundle.installation.systems).map(([name, system]) => [name, system.shownOn]),
  );
  return exportMarkdown(await store.events({ chain: incident }), await gatherRecord(store, incident, shownOn));
}
