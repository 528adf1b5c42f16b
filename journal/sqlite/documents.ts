/** What lies beside the events: plans and other documents by digest, outcomes by key, evidence by the hash of its plain text. */
import { canonical } from '../../core/canonical.js';
import type { Outcome } from '../../core/change.js';
import type { EventDraft } from '../../core/event.js';
import type { Digest, Json } from '../../core/json.js';
import { mustMatch, withoutSecrets } from '../document-rules.js';
import type { DocumentKind, EvidenceItem } from '../store.js';
import { appendAll, type Writing } from './chains.js';
import type { Database } from './database.js';

export function putDocument(database: Database, kind: DocumentKind, digest: Digest, body: Json): void {
  mustMatch(kind, digest, body);
  database.run('INSERT OR IGNORE INTO documents (kind, digest, body) VALUES (?, ?, ?)', kind, digest, canonical(body));
}

/** Checked on the way out, too: what people approved by its digest is what an executor gets, whatever happened to the file. */
export function documentOf(database: Database, kind: DocumentKind, digest: Digest): Json | undefined {
  const row = database.all<{ body: string }>(
    'SELECT body FROM documents WHERE kind = ? AND digest = ?',
    kind,
    digest,
  )[0];
  if (row === undefined) return undefined;
  const body = JSON.parse(row.body) as Json;
  mustMatch(kind, digest, body);
  return body;
}

export function putOutcomes({ database, secrets }: Writing, run: string, step: string, outcomes: Outcome[]): void {
  const known = secrets();
  for (const outcome of outcomes) {
    database.run(
      `INSERT INTO outcomes (run, step, key, body) VALUES (?, ?, ?, ?)
       ON CONFLICT (run, step, key) DO UPDATE SET body = excluded.body`,
      run,
      step,
      outcome.key,
      canonical(withoutSecrets(outcome, known)),
    );
  }
}

export function outcomesOf(
  database: Database,
  run: string,
  step: string | undefined,
  key: string | undefined,
): (Outcome & { step: string })[] {
  const wanted: [string, string][] = [['run = ?', run]];
  if (step !== undefined) wanted.push(['step = ?', step]);
  if (key !== undefined) wanted.push(['key = ?', key]);
  const where = wanted.map(([sql]) => sql).join(' AND ');
  return database
    .all<{ step: string; body: string }>(
      `SELECT step, body FROM outcomes WHERE ${where} ORDER BY key, rowid`,
      ...wanted.map(([, value]) => value),
    )
    .map((row) => ({ ...(JSON.parse(row.body) as Outcome), step: row.step }));
}

export function putEvidence(writing: Writing, item: EvidenceItem, sealed: Uint8Array, event: EventDraft): void {
  const { database } = writing;
  const isNew =
    database.run(
      'INSERT OR IGNORE INTO evidence (id, run, body) VALUES (?, ?, ?)',
      item.id,
      item.run,
      canonical(item),
    ) > 0;
  if (!isNew) return;
  database.run('INSERT OR IGNORE INTO sealed_evidence (sha256, sealed) VALUES (?, ?)', item.sha256, sealed);
  appendAll(writing, [event]);
}

export function evidenceOf(database: Database, run: string): EvidenceItem[] {
  return database
    .all<{ body: string }>('SELECT body FROM evidence WHERE run = ? ORDER BY number', run)
    .map(({ body }) => JSON.parse(body) as EvidenceItem);
}

export function sealedEvidence(database: Database, sha256: string): Uint8Array | undefined {
  const row = database.all<{ sealed: ArrayBuffer | Uint8Array }>(
    'SELECT sealed FROM sealed_evidence WHERE sha256 = ?',
    sha256,
  )[0];
  return row === undefined ? undefined : new Uint8Array(row.sealed);
}
