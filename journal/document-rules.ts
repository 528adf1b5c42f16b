/** What every store keeps about what lies beside the events, whatever it is made of. */
import type { Outcome } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import type { Digest, Json } from '../core/json.js';
import { redact } from '../core/redact.js';
import { digestOf } from './digest.js';
import type { DocumentKind } from './store.js';

/** Checked on the way in and on the way out: what people approved by its digest is what an executor gets. */
export function mustMatch(kind: DocumentKind, digest: Digest, body: Json): void {
  if (kind === 'known-runbook') return; // A note about the runbook of that digest, not the runbook.
  const actual = digestOf(body);
  if (actual === digest) return;
  throw new FirebreakError('journal.document-altered', `The ${kind} stored as ${digest} has the digest ${actual}.`, {
    nextStep: 'nothing was done with it; look into who changed the journal, then plan again.',
    target: digest,
  });
}

/** States are kept as they are, for undo writes them back; what a system answered may hold anything. */
export function withoutSecrets(outcome: Outcome, known: string[]): Outcome {
  return outcome.error === undefined
    ? outcome
    : { ...outcome, error: redact(outcome.error, known) as unknown as NonNullable<Outcome['error']> };
}
