// The embedded store: what every store promises, and what a file that several processes share must bear.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../journal/digest.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import { serviceKey } from './support/cast.js';
import { event } from './support/drafts.js';
import { severalProcesses } from './several-processes.js';
import { storeConformance } from './store-conformance.js';

const secret = 'the-secret-of-this-process';

storeConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-store-'));
  const file = join(folder, 'journal.db');
  const { signer, service } = serviceKey('journal-1', 'journal');
  const open = () => openSqliteStore({ file, signer, secrets: () => [secret] });
  const store = open();
  return {
    store,
    again: async () => open(),
    publicKeys: { [service.id]: service.publicKey },
    secret,
    end: async () => {
      await store.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

let folder = '';
let file = '';
const { signer } = serviceKey('journal-1', 'journal');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-file-'));
  file = join(folder, 'journal.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the file', () => {
  test('can be read by its owner alone', async () => {
    const store = openSqliteStore({ file, signer });
    await store.append([event('a')]);
    for (const each of ['', '-wal', '-shm']) expect(statSync(`${file}${each}`).mode & 0o777).toBe(0o600);
    await store.end();
  });

  test('of a newer Firebreak is refused, not damaged', async () => {
    await openSqliteStore({ file, signer }).end();
    const database = new Libsql(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(() => openSqliteStore({ file, signer })).toThrow(expect.objectContaining({ code: 'journal.newer-schema' }));
  });

  test('of another program is refused, whether a database or not', () => {
    const database = new Libsql(file);
    database.exec('CREATE TABLE theirs (a)');
    database.close();
    expect(() => openSqliteStore({ file, signer })).toThrow(expect.objectContaining({ code: 'journal.not-a-journal' }));
    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is no database '.repeat(300));
    expect(() => openSqliteStore({ file: text, signer })).toThrow(
      expect.objectContaining({ code: 'journal.unreadable' }),
    );
  });

  test('in a folder that is not there is refused with the path', () => {
    const nowhere = join(folder, 'no', 'journal.db');
    expect(() => openSqliteStore({ file: nowhere, signer })).toThrow(
      expect.objectContaining({ code: 'journal.unavailable', target: nowhere }),
    );
  });

  test('that was changed by hand gives no plan that differs from what was approved', async () => {
    const store = openSqliteStore({ file, signer });
    const plan = { changes: ['one host'] };
    await store.putDocument('plan', digestOf(plan), plan);
    const database = new Libsql(file);
    database.exec(`UPDATE documents SET body = '{"changes":["every host"]}'`);
    database.close();
    await expect(store.document('plan', digestOf(plan))).rejects.toMatchObject({ code: 'journal.document-altered' });
    await store.end();
  });
});

severalProcesses('file', async (shared) => {
  const where = join(shared, 'journal.db');
  return { where, open: async () => openSqliteStore({ file: where, signer }) };
});
