/** What may be asked for over the API: strict, so that a misspelt field refuses instead of being left out of what is signed. */
import * as z from 'zod';
import { FirebreakError } from '../core/errors.js';
import { nestsTooDeep } from '../core/nesting.js';
import type { PrepareRequest } from './api.js';

const name = z.string().min(1).max(200);
const reason = z.string().max(3_000).optional();

const ask = z.discriminatedUnion('verb', [
  z.strictObject({
    verb: z.enum(['launch', 'plan']),
    runbook: name,
    inputs: z.record(z.string(), z.json()),
    incident: name.optional(),
    reason,
    again: z.boolean().optional(),
    adopt: z.strictObject({ step: name, was: z.record(z.string(), z.json()) }).optional(),
    amends: name.optional(),
  }),
  z.strictObject({ verb: z.literal('release'), of: name, reason }),
  z.strictObject({ verb: z.literal('undo'), run: name, step: name.optional(), reason }),
  z.strictObject({ verb: z.literal('hand-over'), run: name, to: name, reason }),
  z.strictObject({ verb: z.literal('confirm'), run: name, step: name.optional(), reason }),
  z.strictObject({ verb: z.literal('choose'), run: name, choice: name, step: name.optional(), reason }),
  z.strictObject({
    verb: z.enum(['approve', 'deny', 'withdraw', 'retry', 'pause', 'resume', 'skip', 'cancel', 'extend', 'note']),
    run: name,
    gate: name.optional(),
    step: name.optional(),
    byMs: z.int().positive().optional(),
    reason,
  }),
]);

const request = z.strictObject({ ask, by: name });

export function readPrepareRequest(value: unknown): PrepareRequest {
  if (nestsTooDeep(value)) throw malformed('it nests too deep');
  const read = request.safeParse(value);
  if (read.success) return read.data as PrepareRequest;
  throw malformed(z.prettifyError(read.error));
}

function malformed(why: string): FirebreakError {
  return new FirebreakError('request.malformed', `What is asked for cannot be read: ${why}`, {
    nextStep: 'use the firebreak command of the same version as this gateway.',
  });
}
