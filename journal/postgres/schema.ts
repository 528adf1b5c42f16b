/** The tables of the PostgreSQL store, and what to do with a database that was written by another version or another program. */
import { FirebreakError } from '../../core/errors.js';
import type { Database, Queries } from './database.js';

/** Kept in `firebreak_journal`; a new version adds a step here that brings the one before it up to it. */
const schemaVersion = 1;

/**
 * The one row of `firebreak_journal` is the lock of every append, and says which position the last event has. Texts are ordered by
 * their bytes (`COLLATE "C"`), as in the embedded store; JSON is kept as the text whose digest counts, which `jsonb` would change.
 */
const tables = `
CREATE TABLE firebreak_journal (
  is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
  schema_version integer NOT NULL,
  position bigint NOT NULL
);
CREATE TABLE events (
  position bigint PRIMARY KEY,
  chain text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE,
  run text COLLATE "C",
  action text NOT NULL,
  body text NOT NULL,
  UNIQUE (chain, seq)
);
CREATE TABLE head_signatures (
  chain text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  key text NOT NULL,
  signature text NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE TABLE runs (
  run text COLLATE "C" PRIMARY KEY,
  incident text COLLATE "C" NOT NULL,
  at text NOT NULL,
  first bigint NOT NULL
);
CREATE TABLE holds (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  key text COLLATE "C" NOT NULL,
  run text COLLATE "C" NOT NULL,
  incident text COLLATE "C" NOT NULL,
  state text NOT NULL CHECK (state IN ('intended', 'in force', 'releasing', 'closed')),
  body text NOT NULL,
  observed text,
  intended_at text NOT NULL,
  in_force_at text,
  differs_since text,
  writing_until text,
  closed_at text,
  outcome text,
  releasing_for text
);
CREATE UNIQUE INDEX one_open_hold_a_key ON holds (key) WHERE state <> 'closed';
CREATE INDEX holds_of_run ON holds (run);
CREATE INDEX holds_of_incident ON holds (incident);
CREATE TABLE holders (
  number bigint GENERATED ALWAYS AS IDENTITY,
  hold text COLLATE "C" NOT NULL REFERENCES holds (id),
  run text COLLATE "C" NOT NULL,
  incident text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (hold, run)
);
CREATE INDEX holders_by_run ON holders (run);
CREATE TABLE documents (
  kind text NOT NULL,
  digest text NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (kind, digest)
);
CREATE TABLE outcomes (
  number bigint GENERATED ALWAYS AS IDENTITY,
  run text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (run, step, key)
);
CREATE TABLE evidence (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  run text COLLATE "C" NOT NULL,
  body text NOT NULL
);
CREATE INDEX evidence_of_run ON evidence (run);
CREATE TABLE sealed_evidence (
  sha256 text PRIMARY KEY,
  sealed bytea NOT NULL
);
CREATE TABLE cursors (name text PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE cards (key text PRIMARY KEY, body text NOT NULL);
CREATE TABLE remembered (id text PRIMARY KEY, at_ms bigint NOT NULL);
CREATE INDEX remembered_by_age ON remembered (at_ms);
CREATE TABLE inbox (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  received_at text NOT NULL,
  message text
);
CREATE INDEX inbox_waiting ON inbox (number) WHERE message IS NOT NULL;
INSERT INTO firebreak_journal (schema_version, position) VALUES (${schemaVersion}, 0);
`;

/** Made anew where they were others before: an index changes nothing that another version would read otherwise. */
const eventsByAction = 'events_of_run_by_action';
const indexes = `
CREATE INDEX IF NOT EXISTS ${eventsByAction} ON events (run, action, position) WHERE run IS NOT NULL;
DROP INDEX IF EXISTS events_of_run;
`;

/** Makes the tables in an empty database; refuses one of a newer version or of another program. Several processes may do so at once. */
export async function prepareSchema(database: Database): Promise<void> {
  await refuseOtherEncoding(database);
  if (await has(database, 'firebreak_journal')) {
    await isReady(database, database.shown);
    if (await has(database, eventsByAction)) return;
  }
  await database.make(async (inside) => {
    // Looked at whole only inside the lock: another process may be making the tables at this moment.
    if (!(await isReady(inside, database.shown))) await inside.run(tables);
    await inside.run(indexes);
  });
}

/** True when the tables are there and of our version, false when there is nothing yet; refuses everything else. */
async function isReady(queries: Queries, shown: string): Promise<boolean> {
  if (!(await has(queries, 'firebreak_journal'))) {
    await refuseForeign(queries, shown);
    return false;
  }
  const version = (await queries.all<{ version: number }>('SELECT schema_version AS version FROM firebreak_journal'))[0]
    ?.version;
  if (version === undefined) throw foreign(shown, 'its table firebreak_journal is empty');
  if (version <= schemaVersion) return true;
  throw new FirebreakError(
    'journal.newer-schema',
    `The journal ${shown} has schema ${version}; this Firebreak knows ${schemaVersion} and would damage it.`,
    {
      nextStep: 'start the newer Firebreak that wrote it, or restore the backup made before the upgrade.',
      target: shown,
    },
  );
}

async function has(queries: Queries, table: string): Promise<boolean> {
  const rows = await queries.all(
    'SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace',
    table,
  );
  return rows.length > 0;
}

/** What an extension brought, such as a view of statistics, belongs to the database and not to another program. */
async function refuseForeign(queries: Queries, shown: string): Promise<void> {
  const theirs = await queries.all<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
     ORDER BY relname LIMIT 1`,
  );
  if (theirs[0] !== undefined) throw foreign(shown, `it has ${theirs[0].name}`);
}

function foreign(shown: string, why: string): FirebreakError {
  return new FirebreakError('journal.not-a-journal', `${shown} is the database of another program: ${why}.`, {
    nextStep: 'make a database for the journal alone (CREATE DATABASE), and name that one.',
    target: shown,
  });
}

/** Any other could not hold what people write. */
async function refuseOtherEncoding(database: Database): Promise<void> {
  const encoding = (
    await database.all<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`)
  )[0]?.encoding;
  if (encoding === 'UTF8') return;
  throw new FirebreakError(
    'journal.not-utf8',
    `The database ${database.shown} has the encoding ${encoding ?? 'unknown'}.`,
    {
      nextStep: "make the journal's database with ENCODING 'UTF8' TEMPLATE template0.",
      target: database.shown,
    },
  );
}
