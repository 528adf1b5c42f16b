/** Whether a chain in a store is whole, told from its rows alone: order, hashes, and a true signature where each append ended. */
import { expect } from 'vitest';
import { genesis, hashOf, headText } from '../../../journal/chain.js';
import { isSignedBy } from '../../../journal/signer.js';
import type { Store } from '../../../journal/store.js';

export async function expectWhole(store: Store, chain: string, publicKeys: Record<string, string>): Promise<number> {
  const events = await store.events({ chain });
  let head = genesis(chain);
  for (const event of events) {
    expect(event).toMatchObject({ chain, seq: head.seq + 1, prev: head.hash, hash: hashOf(event) });
    head = { seq: event.seq, hash: event.hash };
  }
  const signatures = await store.headSignatures(chain);
  for (const { seq, key, signature } of signatures) {
    const hash = events[seq - 1]?.hash;
    expect(hash).toBeDefined();
    expect(
      isSignedBy(publicKeys[key] ?? '', headText(chain, { seq, hash: hash as NonNullable<typeof hash> }), signature),
    ).toBe(true);
  }
  expect(signatures.at(-1)?.seq ?? 0).toBe(events.length);
  return events.length;
}
