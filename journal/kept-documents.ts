/**
 * A store that keeps the last documents in memory: they never change, for they are named by their digests, and a plan of
 * thousands of targets is otherwise read, parsed and checked again for each batch of 25. Whoever gets one must not change it.
 */
import type { Json } from '../core/json.js';
import type { Store } from './store.js';

/** Plan, effects, inputs and runbook of a few steps at once; one for 10,000 targets takes some 10 MB. */
const keptMax = 16;

export function keepingDocuments(store: Store): Store {
  const kept = new Map<string, Promise<Json | undefined>>();
  const document: Store['document'] = async (kind, digest) => {
    const name = `${kind} ${digest}`;
    const read = kept.get(name) ?? store.document(kind, digest);
    // The latest used comes last.
    kept.delete(name);
    kept.set(name, read);
    for (const oldest of kept.keys()) if (kept.size > keptMax) kept.delete(oldest);
    try {
      const body = await read;
      // What is not there yet may be there at the next look, and so may what could not be read.
      if (body === undefined) kept.delete(name);
      return body;
    } catch (error) {
      kept.delete(name);
      throw error;
    }
  };
  // All else is the store's own, as it is at each call.
  return Object.assign(Object.create(store) as Store, { document });
}
