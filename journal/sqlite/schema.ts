/** The tables of the embedded store, and what to do with a file that was written by another version. */
import { FirebreakError } from '../../core/errors.js';
import type { Database } from './database.js';

/** Kept in the file as `user_version`; a new version adds a step here that brings the one before it up to it. */
const schemaVersion = 1;

/** Marks the file as ours, so that another program's database is not mistaken for an empty journal: "FBRK". */
const applicationId = 0x4642524b;

/** Changing to WAL needs the file for a moment alone, and does not wait for it; so it is tried again. */
const walAttemptsMax = 200;
const walWaitMs = 25;

/** Made anew where they were others before: an index changes nothing that another version would read otherwise. */
const indexes = `
CREATE INDEX IF NOT EXISTS events_of_run_by_action ON events (run, action, position) WHERE run IS NOT NULL;
DROP INDEX IF EXISTS events_of_run;
`;

const tables = `
CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL,
  id TEXT NOT NULL UNIQUE,
  run TEXT,
  action TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (chain, seq)
);
CREATE TABLE head_signatures (
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL,
  key TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (chain, seq)
) WITHOUT ROWID;
CREATE TABLE runs (
  run TEXT PRIMARY KEY,
  incident TEXT NOT NULL,
  at TEXT NOT NULL,
  first INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE holds (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  run TEXT NOT NULL,
  incident TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('intended', 'in force', 'releasing', 'closed')),
  body TEXT NOT NULL,
  observed TEXT,
  intended_at TEXT NOT NULL,
  in_force_at TEXT,
  differs_since TEXT,
  writing_until TEXT,
  closed_at TEXT,
  outcome TEXT,
  releasing_for TEXT
);
CREATE UNIQUE INDEX one_open_hold_a_key ON holds (key) WHERE state <> 'closed';
CREATE INDEX holds_of_run ON holds (run);
CREATE INDEX holds_of_incident ON holds (incident);
CREATE TABLE holders (
  hold TEXT NOT NULL REFERENCES holds (id),
  run TEXT NOT NULL,
  incident TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (hold, run)
);
CREATE INDEX holders_by_run ON holders (run);
CREATE TABLE documents (
  kind TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, digest)
);
CREATE TABLE outcomes (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (run, step, key)
);
CREATE TABLE evidence (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  run TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX evidence_of_run ON evidence (run);
CREATE TABLE sealed_evidence (
  sha256 TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
);
CREATE TABLE cursors (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cards (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE remembered (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX remembered_by_age ON remembered (at_ms);
CREATE TABLE inbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  received_at TEXT NOT NULL,
  message TEXT
);
CREATE INDEX inbox_waiting ON inbox (number) WHERE message IS NOT NULL;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** Makes the tables in an empty file; refuses a file of a newer version or of another program. Several processes may do so at once. */
export function prepareSchema(database: Database, file: string): void {
  refuseForeign(database, file);
  useWal(database);
  database.write(() => {
    refuseForeign(database, file); // Again inside the lock: another process may have made the tables meanwhile.
    if (pragma(database, 'user_version') === 0) database.exec(tables);
    database.exec(indexes);
  });
}

function refuseForeign(database: Database, file: string): void {
  const version = pragma(database, 'user_version');
  if (version > schemaVersion) {
    throw new FirebreakError(
      'journal.newer-schema',
      `The journal ${file} has schema ${version}; this Firebreak knows ${schemaVersion} and would damage it.`,
      {
        nextStep: 'start the newer Firebreak that wrote it, or restore the backup made before the upgrade.',
        target: file,
      },
    );
  }
  const ours = pragma(database, 'application_id') === applicationId;
  const empty = database.all('SELECT 1 FROM sqlite_master')[0] === undefined;
  if (!ours && !empty) {
    throw new FirebreakError('journal.not-a-journal', `${file} is the database of another program.`, {
      nextStep: 'name another file for the journal.',
      target: file,
    });
  }
}

function useWal(database: Database): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!(error instanceof FirebreakError && error.code === 'journal.busy') || attempt >= walAttemptsMax) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, walWaitMs);
    }
  }
}

function pragma(database: Database, name: 'user_version' | 'application_id'): number {
  return database.all<Record<string, number>>(`PRAGMA ${name}`)[0]?.[name] ?? 0;
}
