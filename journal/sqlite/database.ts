/**
 * One connection to the embedded database. Several processes share the file: WAL lets readers go on while one writes,
 * and every write begins as a writer, so that two never read the same head and then both append to it.
 */
import { closeSync, openSync } from 'node:fs';
import Libsql from 'libsql';
import { FirebreakError } from '../../core/errors.js';
import { prepareSchema } from './schema.js';

/** How long a writer waits for another process's transaction, in milliseconds. */
const busyTimeoutMs = 15_000;

/** The default of 2 MiB is too little for the indexes of a run over thousands of targets: its ids come in no order. */
const cacheKib = 16 * 1024;

/** After how many pages, of 4 KiB, the log goes into the file: four times the default, so that hot pages are written there less often. */
const walPages = 4_000;

export type Value = string | number | Uint8Array | null;

export interface Database {
  /** Every row, read to the end at once: a statement left half-read would keep its snapshot open. */
  all<Row>(sql: string, ...values: Value[]): Row[];
  /** How many rows were changed. */
  run(sql: string, ...values: Value[]): number;
  exec(sql: string): void;
  /** One transaction that holds the write lock from its start. */
  write<T>(work: () => T): T;
  end(): void;
}

/** Opens the file, made on first use and readable by its owner alone. */
export function openDatabase(file: string): Database {
  try {
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw new FirebreakError(
      'journal.unavailable',
      `Could not open the journal ${file}: ${(error as Error).message}.`,
      {
        nextStep: 'check that the folder exists and is writable for this process.',
        target: file,
        cause: error,
      },
    );
  }
  const database = connect(file);
  try {
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA foreign_keys = ON');
    database.exec(`PRAGMA cache_size = -${cacheKib}`);
    database.exec(`PRAGMA wal_autocheckpoint = ${walPages}`);
    prepareSchema(database, file);
    return database;
  } catch (error) {
    database.end();
    throw error;
  }
}

function connect(file: string): Database {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw translated(error, file);
    }
  };
  const connection = guarded(() => new Libsql(file, { timeout: busyTimeoutMs }));
  const prepared = new Map<string, ReturnType<typeof connection.prepare>>();
  const statement = (sql: string) => {
    const known = prepared.get(sql) ?? connection.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const all = <Row>(sql: string, ...values: Value[]) => guarded(() => statement(sql).all(values) as Row[]);
  const run = (sql: string, ...values: Value[]) => guarded(() => statement(sql).run(values).changes);
  const exec = (sql: string) => guarded(() => void connection.exec(sql));
  return {
    all,
    exec,
    run,
    write: (work) => {
      run('BEGIN IMMEDIATE');
      try {
        const result = work();
        run('COMMIT');
        return result;
      } catch (error) {
        if (connection.inTransaction) exec('ROLLBACK');
        throw error;
      }
    },
    end: () => {
      prepared.clear();
      if (connection.open) connection.close();
    },
  };
}

/** What the driver says, in the project's words; anything else is a bug and passes as it is. */
function translated(error: unknown, file: string): unknown {
  const code = (error as { code?: unknown }).code;
  if (!(error instanceof Error) || typeof code !== 'string' || error instanceof FirebreakError) return error;
  if (code.startsWith('SQLITE_BUSY')) {
    return new FirebreakError('journal.busy', `The journal ${file} stayed locked for ${busyTimeoutMs} ms.`, {
      nextStep: 'try again; if it stays so, look for a process that was stopped in the middle of a write.',
      isTerminal: false,
      target: file,
      cause: error,
    });
  }
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new FirebreakError('journal.unreadable', `The journal ${file} cannot be read: ${error.message}.`, {
      nextStep: 'keep the file as it is, and put the newest backup of it in its place.',
      target: file,
      cause: error,
    });
  }
  return new FirebreakError('journal.unavailable', `The journal ${file} refused: ${error.message} (${code}).`, {
    nextStep: 'look at the space and the permissions on its disk, then try again.',
    isTerminal: false,
    target: file,
    cause: error,
  });
}
