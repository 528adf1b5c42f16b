// The production store on a real PostgreSQL server: what every store promises, and what a database that processes on several
// machines share must bear. Skipped, with the reason on the terminal, where there is no PostgreSQL.
import { inspect } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../journal/digest.js';
import { openPostgresStore } from '../../journal/postgres-store.js';
import type { Store } from '../../journal/store.js';
import { hasPostgres, startPostgres, type TestPostgres } from '../support/postgres.js';
import { severalProcesses } from './several-processes.js';
import { storeConformance } from './store-conformance.js';
import { serviceKey } from './support/cast.js';
import { expectWhole } from './support/chain-check.js';
import { event, holdDraft, holdEvent } from './support/drafts.js';
import { openWire } from './support/wire.js';

const isThere = hasPostgres();
const secret = 'the-secret-of-this-process';
const { signer, service } = serviceKey('journal-1', 'journal');
/** As it goes over the wire; `READ COMMITTED` is another thing. */
const commit = 'COMMIT\0';
const publicKeys = { [service.id]: service.publicKey };

/** Follows from the beginning until it has seen so many; the ids in the order that it saw them. */
async function followed(store: Store, count: number): Promise<{ ids: string[]; positions: number[] }> {
  const ids: string[] = [];
  const positions: number[] = [];
  while (ids.length < count) {
    for (const placed of await store.follow(positions.at(-1) ?? 0, 7)) {
      ids.push(placed.event.id);
      positions.push(placed.position);
    }
  }
  return { ids, positions };
}

describe.skipIf(!isThere)('on a PostgreSQL server', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  storeConformance('PostgreSQL', async () => {
    const url = await postgres.database();
    const open = () => openPostgresStore({ url, signer, secrets: () => [secret] });
    const store = await open();
    return { store, again: open, publicKeys, secret, end: () => store.end() };
  });

  severalProcesses('PostgreSQL database', async () => {
    const where = await postgres.database();
    return { where, open: () => openPostgresStore({ url: where, signer }) };
  });

  describe('the database', () => {
    let url = '';
    beforeEach(async () => {
      url = await postgres.database();
    });

    test('gets its tables once, also when several processes open it for the first time at the same moment', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresStore({ url, signer })));
      await Promise.all(stores.map((store, index) => store.append([event(`e${index}`)])));
      for (const store of stores) expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(8);
      await Promise.all(stores.map((store) => store.end()));
    });

    test('of a newer Firebreak is refused, not damaged', async () => {
      await (await openPostgresStore({ url, signer })).end();
      await postgres.run('UPDATE firebreak_journal SET schema_version = 99', url);
      await expect(openPostgresStore({ url, signer })).rejects.toMatchObject({ code: 'journal.newer-schema' });
      expect(await postgres.run('SELECT schema_version FROM firebreak_journal', url)).toEqual([{ schema_version: 99 }]);
    });

    test('of another program is refused, and nothing is made in it', async () => {
      await postgres.run('CREATE TABLE theirs (a text)', url);
      await expect(openPostgresStore({ url, signer })).rejects.toMatchObject({
        code: 'journal.not-a-journal',
        message: expect.stringContaining('it has theirs') as string,
      });
      expect(await postgres.run(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`, url)).toEqual([
        { tablename: 'theirs' },
      ]);
    });

    test('with nothing in it but what an extension brought is taken', async () => {
      await postgres.run('CREATE EXTENSION pg_stat_statements', url);
      const store = await openPostgresStore({ url, signer });
      expect(await store.append([event('a')])).toHaveLength(1);
      await store.end();
    });

    test('that cannot hold what people write is refused', async () => {
      const ascii = await postgres.database('SQL_ASCII');
      await expect(openPostgresStore({ url: ascii, signer })).rejects.toMatchObject({ code: 'journal.not-utf8' });
    });

    test('that does not exist, or a role that may not make tables, is refused with what the server says', async () => {
      const nowhere = new URL(url);
      nowhere.pathname = '/nowhere';
      await expect(openPostgresStore({ url: nowhere.href, signer })).rejects.toMatchObject({
        code: 'journal.refused',
        message: expect.stringContaining('database "nowhere" does not exist (3D000)') as string,
      });
      await postgres.run(`CREATE ROLE reader LOGIN PASSWORD 'reads-only'`);
      const reader = new URL(url);
      Object.assign(reader, { username: 'reader', password: 'reads-only' });
      await expect(openPostgresStore({ url: reader.href, signer })).rejects.toMatchObject({
        code: 'journal.refused',
        message: expect.stringContaining('permission denied') as string,
      });
    });

    test('that was changed by hand gives no plan that differs from what was approved', async () => {
      const store = await openPostgresStore({ url, signer });
      const plan = { changes: ['one host'] };
      await store.putDocument('plan', digestOf(plan), plan);
      await postgres.run(`UPDATE documents SET body = '{"changes":["every host"]}'`, url);
      await expect(store.document('plan', digestOf(plan))).rejects.toMatchObject({ code: 'journal.document-altered' });
      await store.end();
    });
  });

  describe('a follower', () => {
    let url = '';
    let stores: Store[] = [];
    beforeEach(async () => {
      url = await postgres.database();
      stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url, signer })));
    });
    afterEach(() => Promise.all(stores.map((store) => store.end())));

    test('does not skip an event that has its position and is committed late: a later one waits for it', async () => {
      const [slow, fast, reader] = stores as [Store, Store, Store, Store];
      const seen = followed(reader, 2);
      const stop = await stopBeforeCommit(url, 'inc-slow');
      const first = slow.append([event('late', { chain: 'inc-slow' })]);
      await stop.reached();
      const done: string[] = [];
      const second = fast
        .append([event('early', { chain: 'inc-fast', run: 'run-2' })])
        .finally(() => done.push('early'));
      await sleep(500);
      expect(done).toEqual([]);
      expect(await reader.follow(0, 10)).toEqual([]);
      await stop.letGo();
      await Promise.all([first, second]);
      expect(await seen).toEqual({ ids: ['late', 'early'], positions: [1, 2] });
    });

    test('sees every event of many chains once and in one order, while four others write them', async () => {
      const [reader] = stores as [Store, Store, Store, Store];
      const count = 25;
      const seen = followed(reader, 4 * count * 2);
      await Promise.all(
        stores.map(async (store, writer) => {
          for (let number = 0; number < count; number += 1) {
            const named = (part: string) =>
              event(`${writer}/${number}/${part}`, { chain: `inc-${(number + writer) % 5}` });
            await store.append([named('a'), named('b')]);
            // A refused append takes no position.
            await expect(store.append([named('x'), event(`${writer}/0/a`, { action: 'note' })])).rejects.toMatchObject({
              code: 'journal.id-reused',
            });
          }
        }),
      );
      const { ids, positions } = await seen;
      expect(positions).toEqual(positions.map((_, index) => index + 1));
      expect(new Set(ids).size).toBe(4 * count * 2);
      expect((await followed(stores[1] as Store, ids.length)).ids).toEqual(ids);
    });
  });

  describe('a connection that is lost', () => {
    let url = '';
    let store: Store;
    beforeEach(async () => {
      url = await postgres.database();
      store = await openPostgresStore({ url, signer });
    });
    afterEach(() => store.end());

    const endSessions = (which = 'true') =>
      postgres.run(
        `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
         WHERE application_name = 'firebreak' AND datname = current_database() AND ${which}`,
        url,
      );

    test('between two calls is opened again, for reading and for writing', async () => {
      await store.append([event('a')]);
      expect(await endSessions()).toEqual([{ ended: true }]);
      expect(await store.events({ chain: 'inc-1' })).toHaveLength(1);
      await endSessions();
      await store.append([event('b')]);
      expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(2);
    });

    test('in the middle of an append is opened again, and what was appended is there once', async () => {
      const stop = await stopBeforeCommit(url, 'inc-1');
      const appended = store.append([event('a'), event('b')]);
      await stop.reached();
      expect(await endSessions(`wait_event_type = 'Lock'`)).toEqual([{ ended: true }]);
      await stop.letGo();
      expect((await appended).map(({ seq }) => seq)).toEqual([1, 2]);
      expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(2);
      expect((await store.follow(0, 10)).map(({ position }) => position)).toEqual([1, 2]);
    });

    test('by a restart of the server keeps every append there once, and whoever appends is not told', async () => {
      const restarting = new AbortController();
      const restarted = sleep(150)
        .then(() => postgres.restart())
        .finally(() => restarting.abort());
      let count = 0;
      while (!restarting.signal.aborted || count < 50) {
        count += 1;
        expect(await store.append([event(`${count}/a`), event(`${count}/b`)])).toHaveLength(2);
      }
      await restarted;
      expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(count * 2);
    });

    test('for longer than a restart takes is a passing error that names the server and no password', async () => {
      const wire = await openWire(url);
      const away = await openPostgresStore({ url: wire.url, signer });
      await wire.end();
      const error = await away.append([event('a')]).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'journal.unavailable',
        isTerminal: false,
        target: expect.stringContaining('postgres://127.0.0.1:') as string,
      });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(postgres.password);
      await away.end();
    }, 30_000);

    describe('while a commit is answered', () => {
      test('an append is repeated and finds itself', async () => {
        const wire = await openWire(url);
        const there = await openPostgresStore({ url: wire.url, signer });
        wire.loseAnswerTo(commit);
        expect((await there.append([event('a'), event('b')])).map(({ seq }) => seq)).toEqual([1, 2]);
        expect(wire.happened()).toBe(true);
        expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(2);
        await there.end();
        await wire.end();
      });

      test('an intention is told as not known, and the next one finds the hold that was written', async () => {
        const wire = await openWire(url);
        const there = await openPostgresStore({ url: wire.url, signer });
        wire.loseAnswerTo(commit);
        await expect(there.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'))).rejects.toMatchObject({
          code: 'journal.unanswered',
          isTerminal: false,
        });
        expect(await there.intend(holdDraft('h2', 'eni-1'), holdEvent('e2', 'hold.intended'))).toMatchObject({
          first: false,
          hold: { id: 'h1' },
        });
        expect((await store.events({ chain: 'inc-1' })).map(({ id }) => id)).toEqual(['e1']);
        await there.end();
        await wire.end();
      });

      test('the steps of a hold are repeated and answer as the first time', async () => {
        const wire = await openWire(url);
        const there = await openPostgresStore({ url: wire.url, signer });
        await there.intend(holdDraft('h1', 'eni-1'), holdEvent('e1', 'hold.intended'));
        wire.loseAnswerTo(commit);
        expect(await there.inForce('h1', undefined, holdEvent('e2', 'hold.in-force'))).toMatchObject({
          state: 'in force',
        });
        wire.loseAnswerTo(commit);
        expect(await there.leave('h1', 'run-1', holdEvent('x', 'hold.left'), holdEvent('e3', 'hold.releasing'))).toBe(
          'last',
        );
        wire.loseAnswerTo(commit);
        expect(await there.close('h1', 'run-1', 'released', holdEvent('e4', 'hold.closed'))).toMatchObject({
          state: 'closed',
        });
        expect((await store.events({ chain: 'inc-1' })).map(({ id }) => id)).toEqual(['e1', 'e2', 'e3', 'e4']);
        await there.end();
        await wire.end();
      });
    });

    test('without a word, in the middle of an append, keeps the others waiting for seconds and not for ever', async () => {
      const wire = await openWire(url);
      const vanishing = await openPostgresStore({ url: wire.url, signer });
      wire.muteFrom('INSERT INTO events');
      const cut = vanishing.append([event('a')]);
      while (!wire.happened()) await sleep(5);
      const before = Date.now();
      await store.append([event('b', { chain: 'inc-2' })]);
      expect(Date.now() - before).toBeGreaterThan(2_000);
      wire.hangUp();
      expect(await cut).toHaveLength(1);
      expect((await store.follow(0, 10)).map((placed) => placed.event.id)).toEqual(['b', 'a']);
      await vanishing.end();
      await wire.end();
    }, 40_000);
  });

  test('a lock that another program does not give back is a passing error that says where to look', async () => {
    const url = await postgres.database();
    const store = await openPostgresStore({ url, signer });
    const other = await postgres.client(url);
    await other.query('BEGIN; SELECT position FROM firebreak_journal FOR UPDATE');
    await expect(store.append([event('a')])).rejects.toMatchObject({ code: 'journal.busy', isTerminal: false });
    expect(await store.events({ chain: 'inc-1' })).toEqual([]);
    await other.end();
    await store.append([event('a')]);
    await store.end();
  }, 40_000);

  test('a password that the server does not take is not repeated by the error', async () => {
    const url = new URL(await postgres.database());
    url.password = 'not-the-right-one';
    const error = await openPostgresStore({ url: url.href, signer }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'journal.refused', message: expect.stringContaining('(28P01)') as string });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('not-the-right-one');
  });

  /** Lets the next append on a chain come as far as its positions, and no further until it is let go. */
  async function stopBeforeCommit(
    url: string,
    chain: string,
  ): Promise<{ reached: () => Promise<void>; letGo: () => Promise<void> }> {
    const other: Client = await postgres.client(url);
    // The signature at the head is written last; who writes the same one waits to see whether this one is kept.
    await other.query('BEGIN');
    await other.query(`INSERT INTO head_signatures SELECT $1, n, 'k', 's' FROM generate_series(1, 2) AS n`, [chain]);
    return {
      reached: async () => {
        const waits = `SELECT 1 FROM pg_stat_activity
          WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO head_signatures%' AND datname = current_database()`;
        while ((await postgres.run(waits, url)).length === 0) await sleep(10);
      },
      letGo: async () => {
        await other.query('ROLLBACK');
        await other.end();
      },
    };
  }
});

describe.skipIf(!isThere)('over TLS', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres({ tls: true });
  });
  afterAll(() => postgres?.stop());

  async function secured(authority: string, host = 'localhost'): Promise<string> {
    const url = new URL(await postgres.database());
    url.hostname = host;
    url.search = new URLSearchParams({ sslmode: 'verify-full', sslrootcert: authority }).toString();
    return url.href;
  }

  test('the journal is kept with a server whose certificate the named authority signed', async () => {
    const store = await openPostgresStore({ url: await secured(postgres.certificate ?? ''), signer });
    await store.append([event('a')]);
    expect(
      await postgres.run(`SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'firebreak'`),
    ).toEqual([{ ssl: true }]);
    await store.end();
  });

  test('a server of another name or another authority is not spoken to', async () => {
    const unnamed = new URL(await secured(''));
    unnamed.search = 'sslmode=verify-full';
    const refusals: [string, RegExp][] = [
      [await secured(postgres.certificate ?? '', '127.0.0.1'), /altnames/],
      [unnamed.href, /self.signed certificate/],
    ];
    await Promise.all(
      refusals.map(([url, message]) =>
        expect(openPostgresStore({ url, signer })).rejects.toMatchObject({
          code: 'journal.unavailable',
          message: expect.stringMatching(message) as string,
        }),
      ),
    );
  });
});

describe('an address', () => {
  const password = 'hunter2-hunter2';
  test.each([
    ['that is no URL', `//admin:${password}@127.0.0.1/journal`, 'is not a URL'],
    ['of another kind', `mysql://admin:${password}@127.0.0.1/journal`, 'does not begin with postgres://'],
    ['without a user', `postgres://:${password}@127.0.0.1/journal`, 'has no user'],
    ['without a password', 'postgres://admin@127.0.0.1/journal', 'has no password'],
    ['without a database', `postgres://admin:${password}@127.0.0.1`, 'has no database'],
    ['with a broken escape', `postgres://admin:${password}%zz@127.0.0.1/journal`, 'has a % that is not followed'],
    ['over a network in the clear', `postgres://admin:${password}@db.example.org/journal`, 'leads over a network'],
    [
      'whose real host hides in a parameter',
      `postgres://admin:${password}@127.0.0.1/journal?host=db.example.org`,
      'has the unknown parameter "host"',
    ],
    [
      'that would take any certificate',
      `postgres://admin:${password}@db.example.org/journal?sslmode=no-verify`,
      'has an sslmode other than verify-full',
    ],
    [
      'with an authority that is not there',
      `postgres://admin:${password}@db.example.org/journal?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`,
      'names the sslrootcert /nowhere/ca.pem, which does not exist',
    ],
  ])('%s is refused without repeating its password', async (_what, url, why) => {
    const error = await openPostgresStore({ url, signer }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'journal.bad-address',
      message: expect.stringContaining(why) as string,
    });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(password);
  });
});
