/**
 * Two names of a statement. Canonical JSON and SHA-256, because an inbox key, an Update id and an event id must agree
 * everywhere.
 */
import { createHash } from 'node:crypto';
import { canonical } from '../core/canonical.js';
import type { Statement } from '../core/statement.js';

/**
 * Names one delivery, 64 hex digits over the whole statement: again after a crash it is the same Update. The proof is part
 * of it, so that nobody can have a forgery answered in the place of what the person really says.
 */
export function deliveryIdOf(statement: Statement): string {
  return hashOf(statement);
}

/** Names what was said, however often and by which proof: 64 hex digits over [run, gate, round, by, verb, nonce]. */
export function wordsIdOf({ about, by, verb, nonce }: Statement): string {
  const [gate, round] = about.kind === 'gate' ? [about.gate, about.round] : [null, null];
  return hashOf([about.run, gate, round, by, verb, nonce]);
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}
