/** Nothing is held by a name that is not there, and "holds nothing" would read as an answer about the one that was meant. */
import type { Store } from '../journal/store.js';
import { keptLaunches } from './kept-launches.js';
import { unknownName } from './unknown.js';
import type { Views } from './views.js';

export async function refuseUnknownHolder({ store, views }: { store: Store; views: Views }, of: string): Promise<void> {
  const kept = (await keptLaunches(store, views)).flatMap(({ run, incident }) => [run, incident]);
  const runs = (await views.runs()).map(({ run }) => run);
  const incidents = (await store.chains()).filter((chain) => chain.startsWith('inc-'));
  const known = [...new Set([...runs, ...incidents, ...kept])];
  if (known.includes(of)) return;
  const isIncident = of.startsWith('inc-');
  throw unknownName(
    isIncident ? 'incident.unknown' : 'run.unknown',
    `The journal has no run or incident ${of}`,
    of,
    known,
    'All that is held: `firebreak holds`.',
  );
}
