// The embedded store: what every store promises, and what a file that several processes share must bear.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../journal/digest.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import { compiled, type Program } from './support/child.js';
import { serviceKey } from './support/cast.js';
import { expectWhole } from './support/chain-check.js';
import { event } from './support/drafts.js';
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

describe('several processes on one file', () => {
  let program: Program;
  beforeAll(() => {
    program = compiled('test/journal/children/append-loop.ts');
  });
  afterAll(() => program.end());

  interface Writer {
    process: ChildProcess;
    publicKey: string;
    said: () => string;
  }

  /** Tells all of them to begin, once all of them are ready. */
  async function begin(...writers: Writer[]): Promise<void> {
    for (const { said } of writers) while (!said().startsWith('r')) await sleep(2);
    for (const each of writers) each.process.stdin?.write('go');
  }

  function writer(name: string, count: number): Writer {
    const { privateKey, service } = serviceKey(name, 'journal');
    writeFileSync(`${file}.${name}.pem`, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const child = spawn(process.execPath, [program.file, file, name, String(count)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const said: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    return { process: child, publicKey: service.publicKey, said: () => said.join('') };
  }

  test('never fork a chain, also when all of them make the file at once', async () => {
    const names = ['w1', 'w2', 'w3', 'w4'];
    const writers = names.map((name) => writer(name, 60));
    await begin(...writers);
    const exits = await Promise.all(
      writers.map(async (each) => [await once(each.process, 'exit').then(([code]: unknown[]) => code), each.said()]),
    );
    expect(exits).toEqual(names.map(() => [0, `r${'.'.repeat(60)}`]));
    const store = openSqliteStore({ file, signer });
    const publicKeys = Object.fromEntries(names.map((name, index) => [name, writers[index]?.publicKey ?? '']));
    expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(4 * 60 * 2);
    const authors = (await store.events({ chain: 'inc-1' })).map(({ actor }) => actor);
    // They did write at the same time: the chain goes from one to another many times.
    expect(authors.filter((author, index) => index > 0 && author !== authors[index - 1]).length).toBeGreaterThan(8);
    await store.end();
  }, 120_000);

  test('killed in the middle of appending leave a whole chain, and what they had reported is in it', async () => {
    const publicKeys: Record<string, string> = {};
    let reported = 0;
    for (let round = 1; round <= 5; round += 1) {
      const one = writer(`k${round}`, 0);
      await begin(one);
      const { process: child, publicKey, said } = one;
      publicKeys[`k${round}`] = publicKey;
      while (said().length < 20 + round * 7) await sleep(2);
      child.kill('SIGKILL');
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      expect(signal).toBe('SIGKILL');
      expect(said()).toMatch(/^r\.+$/);
      reported += (said().length - 1) * 2;
    }
    const store = openSqliteStore({ file, signer });
    const events = await expectWhole(store, 'inc-1', publicKeys);
    expect(events).toBeGreaterThanOrEqual(reported);
    expect(events % 2).toBe(0); // An append is there whole or not at all.
    await store.end();
  }, 120_000);
});
