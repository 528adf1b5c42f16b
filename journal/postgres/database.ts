/**
 * The connections to the journal's database. Every transaction that appends holds one row lock from its start to its commit, so
 * that chains have one head and positions are committed in their order. A connection that is lost is opened again where
 * doing so cannot do anything twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Pool, type PoolClient, types } from 'pg';
import type { Address } from './address.js';
import { isUnanswered, isUnavailable, translated, unanswered } from './errors.js';

/** One for the writer, for writers of a process wait in line; the others for readers. */
const connectionsMax = 4;
const connectMs = 5_000;
/** How long a writer waits for another's transaction. */
const lockMs = 15_000;
/** How long a writer that has vanished in the middle of one keeps the lock; shorter, so that the others wait it out. */
const vanishedMs = 5_000;
/** For an answer of any kind; longer than any lock is waited for. */
const answerMs = 20_000;
/** How long a lost server is looked for before the caller is told; a restart takes a second or two. */
const patienceMs = 10_000;
const firstWaitMs = 50;
const longestWaitMs = 1_000;

export type Value = string | number | Uint8Array | null | (string | null)[] | number[];

export interface Queries {
  all<Row>(sql: string, ...values: Value[]): Promise<Row[]>;
  /** How many rows were changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
}

/**
 * What becomes of a write of which it is not known whether it was committed. `repeat`: it is told by an id, so it is done again and
 * finds itself. `tell`: its answer depends on being first, so the caller learns that it is not known.
 */
export type Unanswered = 'repeat' | 'tell';

/** As `Queries`: single statements, each for itself; a changing one must be one that may be repeated. */
export interface Database extends Queries {
  /** One transaction that holds the lock on all chains from its start. */
  write<T>(work: (transaction: Queries) => Promise<T>, whenUnanswered: Unanswered): Promise<T>;
  /** One transaction in which the tables can be made; only one process is in it at a time. */
  make(work: (transaction: Queries) => Promise<void>): Promise<void>;
  /** For messages. */
  shown: string;
  end(): Promise<void>;
}

/**
 * Serializable by the lock, not by PostgreSQL: each statement must see what was committed before the lock was had. Durable when
 * it is answered, whatever the database's default: an intention must outlast the machine before the world is touched.
 */
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL synchronous_commit = on;
SET LOCAL lock_timeout = ${lockMs};
SET LOCAL idle_in_transaction_session_timeout = ${vanishedMs};`;
const beginWriting = `${begin} SELECT position FROM firebreak_journal FOR UPDATE`;
/** There is no row to lock before the tables are there. The number is "FBRK". */
const beginMaking = `${begin} SELECT pg_advisory_xact_lock(x'4642524b'::int)`;

export function connect({ shown, ...address }: Address): Database {
  const pool = new Pool({
    ...address,
    max: connectionsMax,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
    keepAlive: true,
    // As an open file would not, an idle connection keeps no process that has nothing else to do.
    allowExitOnIdle: true,
    application_name: 'firebreak',
    // Positions stay far below what a number holds exactly.
    types: {
      getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)),
    },
  });
  // A connection that dies while nobody waits for it is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const inLine = pLimit(1);
  let ended: Promise<void> | undefined;

  const ask = async (on: Pool | PoolClient, text: string, values?: Value[]) => {
    try {
      return await on.query<object>(text, values);
    } catch (error) {
      throw translated(error, shown);
    }
  };
  const queries = (on: Pool | PoolClient): Queries => ({
    all: async <Row>(sql: string, ...values: Value[]) => (await ask(on, sql, values)).rows as Row[],
    run: async (sql, ...values) => (await ask(on, sql, values)).rowCount ?? 0,
  });
  const single = queries(pool);

  async function transaction<T>(start: string, work: (inside: Queries) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw translated(error, shown);
    });
    let isCommitting = false;
    try {
      await ask(client, start);
      const result = await work(queries(client));
      isCommitting = true;
      await ask(client, 'COMMIT');
      client.release();
      return result;
    } catch (error) {
      // The server undoes what its client has not committed when the connection ends.
      const isLost = isUnavailable(error) || !(await isUndone(client));
      client.release(isLost);
      throw isCommitting && isUnavailable(error) ? unanswered(shown) : error;
    }
  }

  const patiently = <T>(attempt: () => Promise<T>, mayRepeat: (error: unknown) => boolean): Promise<T> =>
    untilPatienceEnds(attempt, (error) => ended === undefined && mayRepeat(error));
  return {
    shown,
    all: (sql, ...values) => patiently(() => single.all(sql, ...values), isUnavailable),
    run: (sql, ...values) => patiently(() => single.run(sql, ...values), isUnavailable),
    write: (work, whenUnanswered) =>
      inLine(() =>
        patiently(
          () => transaction(beginWriting, work),
          (error) => isUnavailable(error) || (whenUnanswered === 'repeat' && isUnanswered(error)),
        ),
      ),
    // Making finds its tables when it is repeated.
    make: (work) =>
      patiently(
        () => transaction(beginMaking, work),
        (error) => isUnavailable(error) || isUnanswered(error),
      ),
    end: () => (ended ??= pool.end()),
  };
}

async function isUndone(client: PoolClient): Promise<boolean> {
  return client.query('ROLLBACK').then(
    () => true,
    () => false,
  );
}

async function untilPatienceEnds<T>(attempt: () => Promise<T>, mayRepeat: (error: unknown) => boolean): Promise<T> {
  const end = Date.now() + patienceMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayRepeat(error) || Date.now() + waitMs > end) throw error;
      await sleep(waitMs);
    }
  }
}
