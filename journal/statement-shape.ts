/** What a statement looks like, for whatever comes in from outside; who said it and whether it counts is decided elsewhere. */
import * as z from 'zod';
import { canonical } from '../core/canonical.js';
import { type Statement, statementCharsMax } from '../core/statement.js';
import { verbs } from '../core/verbs.js';

const text = z.string().min(1).max(1_000);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** UTC with milliseconds: one way to write each moment. */
const moment = z.iso.datetime({ precision: 3 });

const about = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('launch'),
    run: text,
    incident: text,
    runbook: digest,
    bundle: digest,
    inputs: digest,
    environment: text,
    adopts: z.strictObject({ step: text, was: digest }).optional(),
    amends: text.optional(),
  }),
  z.strictObject({
    kind: z.literal('gate'),
    run: text,
    launch: digest,
    gate: text,
    round: z.int().min(1),
    plan: digest,
  }),
  z.strictObject({
    kind: z.literal('run'),
    run: text,
    launch: digest,
    step: text.optional(),
    byMs: z.int().optional(),
    to: text.optional(),
    choice: text.optional(),
  }),
]);

const slackProof = z.strictObject({
  kind: z.literal('slack'),
  key: text,
  request: z.strictObject({
    team: text,
    user: text,
    enterprise: text.optional(),
    timestamp: z.int().min(0),
    body: digest,
    command: z.string().optional(),
    action: z.string().optional(),
  }),
  account: z.strictObject({
    deleted: z.boolean(),
    bot: z.boolean(),
    restricted: z.boolean(),
    stranger: z.boolean(),
    team: text,
    askedAt: moment,
  }),
  signature: z.string(),
});

const hookProof = z.strictObject({
  kind: z.literal('hook'),
  key: text,
  request: z.strictObject({
    hook: text,
    scheme: z.enum(['standard-webhooks', 'bearer']),
    id: text,
    timestamp: z.int().min(0),
    body: digest,
  }),
  signature: z.string(),
});

const sshProof = z.strictObject({ kind: z.literal('ssh'), key: text, signature: z.string() });

const statementShape = z.strictObject({
  version: z.literal(1),
  verb: z.enum(verbs),
  about,
  by: text,
  at: moment,
  validUntil: moment,
  nonce: text,
  reason: z.string().optional(),
  proof: z.discriminatedUnion('kind', [slackProof, hookProof, sshProof]),
});

export type ReadStatement = { statement: Statement } | { statement?: never; code: string; reason: string };

/** The statement, or why it is none. Never throws. */
export function readStatement(value: unknown): ReadStatement {
  if (charsOf(value) > statementCharsMax)
    return { code: 'statement.malformed', reason: 'This is not a statement: it is too long or not JSON.' };
  if (typeof value === 'object' && value !== null && (value as { proof?: unknown }).proof == null) {
    return { code: 'proof.missing', reason: 'Nothing shows who said this: it carries no proof.' };
  }
  const read = statementShape.safeParse(value);
  // The value itself, not a copy: what was signed is what was sent.
  if (read.success) return { statement: value as Statement };
  const { path, message } = read.error.issues[0] ?? { path: [], message: 'unreadable' };
  const where = path.length === 0 ? '' : ` at "${path.join('.')}"`;
  return { code: 'statement.malformed', reason: `This is not a statement${where}: ${message}.` };
}

/** Infinite for what has no canonical form: a cycle, a depth without end, a value that is not JSON. */
function charsOf(value: unknown): number {
  try {
    return canonical(value).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
