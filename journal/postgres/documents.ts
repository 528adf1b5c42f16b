/** What lies beside the events: plans and other documents by digest, outcomes by key, evidence by the hash of its plain text. */
import { canonical } from '../../core/canonical.js';
import type { Outcome } from '../../core/change.js';
import type { EventDraft } from '../../core/event.js';
import type { Digest, Json } from '../../core/json.js';
import { mustMatch, withoutSecrets } from '../document-rules.js';
import type { DocumentKind, EvidenceItem } from '../store.js';
import { appendAll, type Writing } from './chains.js';
import type { Queries } from './database.js';

export async function putDocument(queries: Queries, kind: DocumentKind, digest: Digest, body: Json): Promise<void> {
  mustMatch(kind, digest, body);
  await queries.run(
    'INSERT INTO documents (kind, digest, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    kind,
    digest,
    canonical(body),
  );
}

/** Checked on the way out, too: what people approved by its digest is what an executor gets, whatever happened to the row. */
export async function documentOf(queries: Queries, kind: DocumentKind, digest: Digest): Promise<Json | undefined> {
  const row = (
    await queries.all<{ body: string }>('SELECT body FROM documents WHERE kind = $1 AND digest = $2', kind, digest)
  )[0];
  if (row === undefined) return undefined;
  const body = JSON.parse(row.body) as Json;
  mustMatch(kind, digest, body);
  return body;
}

/** In one statement, which names each key once; in the order of the keys, so that two writers cannot wait for each other. */
export async function putOutcomes(
  queries: Queries,
  run: string,
  step: string,
  outcomes: Outcome[],
  known: string[],
): Promise<void> {
  const last = new Map(outcomes.map((outcome) => [outcome.key, canonical(withoutSecrets(outcome, known))]));
  const keys = [...last.keys()].toSorted();
  await queries.run(
    `INSERT INTO outcomes (run, step, key, body)
     SELECT $1, $2, said.key, said.body FROM unnest($3::text[], $4::text[]) AS said (key, body)
     ON CONFLICT (run, step, key) DO UPDATE SET body = excluded.body`,
    run,
    step,
    keys,
    keys.map((key) => last.get(key) ?? null),
  );
}

export async function outcomesOf(
  queries: Queries,
  run: string,
  step: string | undefined,
  key: string | undefined,
): Promise<(Outcome & { step: string })[]> {
  const rows = await queries.all<{ step: string; body: string }>(
    `SELECT step, body FROM outcomes
     WHERE run = $1 AND ($2::text IS NULL OR step = $2) AND ($3::text IS NULL OR key = $3) ORDER BY key, number`,
    run,
    step ?? null,
    key ?? null,
  );
  return rows.map((row) => ({ ...(JSON.parse(row.body) as Outcome), step: row.step }));
}

export async function putEvidence(
  writing: Writing,
  item: EvidenceItem,
  sealed: Uint8Array,
  event: EventDraft,
): Promise<void> {
  const { transaction } = writing;
  const isNew =
    (await transaction.run(
      'INSERT INTO evidence (id, run, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      item.id,
      item.run,
      canonical(item),
    )) > 0;
  if (!isNew) return;
  await transaction.run(
    'INSERT INTO sealed_evidence (sha256, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    item.sha256,
    sealed,
  );
  await appendAll(writing, [event]);
}

export async function evidenceOf(queries: Queries, run: string): Promise<EvidenceItem[]> {
  const rows = await queries.all<{ body: string }>('SELECT body FROM evidence WHERE run = $1 ORDER BY number', run);
  return rows.map(({ body }) => JSON.parse(body) as EvidenceItem);
}

export async function sealedEvidence(queries: Queries, sha256: string): Promise<Uint8Array | undefined> {
  const rows = await queries.all<{ sealed: Uint8Array }>(
    'SELECT sealed FROM sealed_evidence WHERE sha256 = $1',
    sha256,
  );
  return rows[0]?.sealed;
}
