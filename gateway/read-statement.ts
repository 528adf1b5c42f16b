/**
 * What the door takes: a whole statement about the right kind of thing, without secrets in it. Whether it was really said,
 * and whether it counts, is ruled by the engine; what is no statement is neither kept nor delivered.
 */
import * as z from 'zod';
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import { redact } from '../core/redact.js';
import type { Json } from '../core/json.js';
import type { About, Statement } from '../core/statement.js';
import type { Verb } from '../core/verbs.js';
import { readStatement as readShape } from '../journal/statement-shape.js';
import type { SayRequest } from './api.js';

/** What each verb is said about. */
const kindOf: Record<Verb, About['kind']> = {
  launch: 'launch',
  plan: 'launch',
  release: 'launch',
  undo: 'launch',
  approve: 'gate',
  deny: 'gate',
  withdraw: 'gate',
  retry: 'run',
  pause: 'run',
  resume: 'run',
  skip: 'run',
  cancel: 'run',
  extend: 'run',
  'hand-over': 'run',
  note: 'run',
  confirm: 'run',
  choose: 'run',
};

/** A run id becomes a workflow id, and must not reach another workflow, such as a containment, by its name. */
const runId = /^run-[0-9a-z]{10}$/;
const incidentId = /^inc-[0-9a-z]{10}$/;

/** The value as a statement; throws `statement.malformed` or `statement.holds-a-secret`. */
export function readStatement(value: unknown): Statement {
  const { statement, reason } = { reason: '', ...readShape(value) };
  if (statement === undefined) throw malformed(reason);
  const { verb, about } = statement;
  if (about.kind !== kindOf[verb])
    throw malformed(`"${verb}" is said about a ${kindOf[verb]}, not about a ${about.kind}.`);
  if (!runId.test(about.run)) throw malformed(`"${about.run}" is no run id.`);
  if (about.kind === 'launch' && !incidentId.test(about.incident))
    throw malformed(`"${about.incident}" is no incident id.`);
  refuseSecrets(statement);
  return statement;
}

/** The body of `/v1/say`. */
export function readSayRequest(value: unknown): SayRequest {
  const read = z.strictObject({ statement: z.unknown() }).safeParse(value);
  if (!read.success) throw malformed(z.prettifyError(read.error));
  return { statement: readStatement(read.data.statement) };
}

/** Before it is kept: what is written down cannot be taken back, and redacted it could not be proven. */
function refuseSecrets(statement: Statement): void {
  const words = canonical(statement);
  if (canonical(redact(JSON.parse(words) as Json)) === words) return;
  throw new FirebreakError(
    'statement.holds-a-secret',
    'The statement holds something that looks like a secret, and secrets are not kept.',
    {
      nextStep: 'say it again without; and replace the secret where it is used, for it was typed.',
    },
  );
}

function malformed(why: string): FirebreakError {
  return new FirebreakError('statement.malformed', `The statement cannot be read: ${why}`, {
    nextStep: 'prepare it again, and sign what was prepared, unchanged.',
  });
}
