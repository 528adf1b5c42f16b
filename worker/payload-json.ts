/** Payloads as Temporal's tools send them to a codec server and want them back: protobuf's JSON, bytes in base64. */
import type { Payload } from '@temporalio/common';
import * as z from 'zod';
import { FirebreakError } from '../core/errors.js';

const bytes = z
  .base64()
  .nullish()
  .transform((text) => Buffer.from(text ?? '', 'base64'));
const metadata = z
  .record(z.string(), bytes)
  .nullish()
  .transform((fields) => fields ?? {});
const payloadForm = z.object({ metadata, data: bytes });
const bodyForm = z.object({ payloads: z.array(payloadForm) });

export function readPayloads(body: unknown): Payload[] {
  const read = bodyForm.safeParse(body);
  if (read.success) return read.data.payloads;
  throw new FirebreakError('request.malformed', `The body holds no payloads: ${z.prettifyError(read.error)}.`, {
    nextStep: 'send { "payloads": [{ "metadata": { NAME: BASE64 }, "data": BASE64 }] }, as Temporal does.',
  });
}

export function writePayloads(payloads: Payload[]): object {
  return { payloads: payloads.map((each) => ({ metadata: asText(each.metadata ?? {}), data: base64(each.data) })) };
}

function asText(fields: Record<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, base64(value)]));
}

function base64(value: Uint8Array | null | undefined): string {
  return Buffer.from(value ?? []).toString('base64');
}
