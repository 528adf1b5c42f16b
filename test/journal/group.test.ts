// Writes of one moment share a transaction: all durable together, each failing alone, one signature over where they end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventDraft } from '../../core/event.js';
import type { Digest } from '../../core/json.js';
import { digestOf } from '../../journal/digest.js';
import { keepingDocuments } from '../../journal/kept-documents.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import type { Store } from '../../journal/store.js';
import { serviceKey } from './support/cast.js';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-group-'));
  store = openSqliteStore({ file: join(folder, 'journal.sqlite'), signer: serviceKey('journal-1', 'journal').signer });
});
afterEach(async () => {
  await store.end();
  rmSync(folder, { recursive: true });
});

function event(id: string, action: EventDraft['action'] = 'note'): EventDraft {
  return { chain: 'inc-1', id, run: 'run-1', occurredAt: '2026-01-01T00:00:00.000Z', actor: 'alice', action };
}

test('of appends in one moment the one that fails is undone alone, and the chain of the others has no gap', async () => {
  const ends = await Promise.allSettled([
    store.append([event('a')]),
    // The second is refused, so the first of the same append must not stay.
    store.append([event('b'), event('a', 'run.done')]),
    store.append([event('c')]),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const events = await store.events({ chain: 'inc-1' });
  expect(events.map(({ id, seq }) => [id, seq])).toEqual([
    ['a', 1],
    ['c', 2],
  ]);
  expect(events[1]?.prev).toBe(events[0]?.hash);
});

test('appends in one moment end under one signature, and appends one after the other under one each', async () => {
  await Promise.all(['a', 'b', 'c'].map((id) => store.append([event(id)])));
  await store.append([event('d')]);
  expect((await store.headSignatures('inc-1')).map(({ seq }) => seq)).toEqual([3, 4]);
});

test('a moment in which everything fails leaves neither an event nor a signature, and the next goes on', async () => {
  await store.append([event('a')]);
  const ends = await Promise.allSettled([1, 2].map(() => store.append([event('x'), event('a', 'run.done')])));
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await store.append([event('b')]);
  expect((await store.events({ run: 'run-1' })).map(({ id }) => id)).toEqual(['a', 'b']);
  expect((await store.headSignatures('inc-1')).map(({ seq }) => seq)).toEqual([1, 2]);
});

test('what was asked for before the end is written before it', async () => {
  const late = store.append([event('late')]);
  await store.end();
  await expect(late).resolves.toHaveLength(1);
  store = openSqliteStore({ file: join(folder, 'journal.sqlite'), signer: serviceKey('journal-1', 'journal').signer });
  expect(await store.events({ chain: 'inc-1' })).toHaveLength(1);
});

test('a document is read once while it is kept, and one that was not there is looked for again', async () => {
  const asked: Digest[] = [];
  const kept = keepingDocuments({
    ...store,
    document: (kind, digest) => {
      asked.push(digest);
      return store.document(kind, digest);
    },
  });
  const body = { instances: ['i-1'] };
  const digest = digestOf(body);
  expect(await kept.document('inputs', digest)).toBeUndefined();
  await kept.putDocument('inputs', digest, body);
  expect(await kept.document('inputs', digest)).toEqual(body);
  expect(await kept.document('inputs', digest)).toBe(await kept.document('inputs', digest));
  expect(asked).toHaveLength(2);
  // Only the last ones are kept.
  for (let other = 0; other < 20; other += 1) {
    await kept.putDocument('inputs', digestOf(other), other);
    await kept.document('inputs', digestOf(other));
  }
  expect(await kept.document('inputs', digest)).toEqual(body);
  expect(asked.filter((each) => each === digest)).toHaveLength(3);
});
