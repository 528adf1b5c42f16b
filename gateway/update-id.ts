/**
 * The name of a statement's delivery: the same words said twice, by a double click or by a redelivery after a crash,
 * are one Update. Canonical JSON and SHA-256, because a workflow id, an inbox key and an Update id must agree everywhere.
 */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.js';
import type { Statement } from '../core/statement.js';

/** 64 hex digits over [run, gate, round, by, verb, nonce]; `null` where there is no gate. */
export function updateIdOf({ about, by, verb, nonce }: Statement): string {
  const [gate, round] = about.kind === 'gate' ? [about.gate, about.round] : [null, null];
  return createHash('sha256')
    .update(canonical([about.run, gate, round, by, verb, nonce]))
    .digest('hex');
}
