/**
 * Whether a request comes from Slack, now, and for the first time; decided before anything reads its content. Stricter than
 * Bolt, which accepts timestamps from the future and the same request again for five minutes: the clock may be off by
 * 300 seconds in either direction, and a signature that was seen is answered without being acted on.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { FirebreakError } from '../../core/errors.js';
import type { Digest } from '../../core/json.js';
import type { Store } from '../../journal/store.js';

/** What was verified, and goes into the proof of what was said. */
export interface VerifiedRequest {
  /** As Slack stamped it, in seconds. */
  timestamp: number;
  /** Of the raw bytes; the body itself holds tokens and is not kept. */
  body: Digest;
  signature: string;
}

/** How far Slack's clock and ours may differ; what Slack recommends. */
const clockMaxS = 300;
/** Longer than a signature can be good, whichever way the clocks differ. */
const rememberMs = 2 * clockMaxS * 1000 + 60_000;
/** A payload with a full message and its state stays far below; Slack's own bodies end at a few hundred kilobytes. */
export const bodyMax = 1024 * 1024;

/** Whether Slack signed it. Its time is another question: what was signed once can be sent again by others. */
export function verifySignature(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  signingSecret: string,
): VerifiedRequest {
  const signature = headers['x-slack-signature'];
  const stamp = headers['x-slack-request-timestamp'];
  if (typeof signature !== 'string' || typeof stamp !== 'string')
    throw refused('slack.unsigned', 'It carries no signature of Slack.');
  if (!/^\d{1,12}$/.test(stamp)) throw refused('slack.bad-timestamp', 'Its timestamp is no number of seconds.');
  const expected = `v0=${createHmac('sha256', signingSecret).update(`v0:${stamp}:`).update(body).digest('hex')}`;
  if (!equal(signature, expected))
    throw refused('slack.bad-signature', 'Its signature was not made with the signing secret of this app.');
  return { timestamp: Number(stamp), body: `sha256:${createHash('sha256').update(body).digest('hex')}`, signature };
}

export function refuseWrongTime({ timestamp }: VerifiedRequest, nowMs: number): void {
  const aheadS = timestamp - nowMs / 1000;
  if (Math.abs(aheadS) <= clockMaxS) return;
  throw refused(
    'slack.wrong-time',
    `It is stamped ${Math.round(Math.abs(aheadS))} seconds ${aheadS > 0 ? 'ahead of' : 'behind'} this clock; ${clockMaxS} are allowed. A clock is wrong, or somebody sent an old request again.`,
  );
}

/** When this very request was received before, by this process or an earlier one. */
export async function refuseReplay(store: Store, { signature }: VerifiedRequest, nowMs: number): Promise<void> {
  if (await store.remember(`slack:${signature}`, nowMs, rememberMs)) return;
  throw refused('slack.replayed', 'The very same request was received before; it was not acted on a second time.');
}

/** Slack's probe of the connection carries no signature and asks for nothing: it is answered, and its content is ignored. */
export function isConnectionProbe(body: Uint8Array): boolean {
  return new URLSearchParams(Buffer.from(body).toString()).get('ssl_check') === '1';
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) {
      throw new FirebreakError(
        'slack.body-too-large',
        `A request to the Slack endpoint was larger than ${bodyMax} bytes.`,
        {
          nextStep: 'nothing; Slack sends none of that size.',
        },
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** In a time that does not tell how much of it was right. */
function equal(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function refused(code: string, why: string): FirebreakError {
  return new FirebreakError(code, `A request to the Slack endpoint was refused. ${why}`, {
    nextStep:
      'if it came from Slack, compare the signing secret in firebreak.yaml with the one of the app, and the clock of this machine.',
  });
}
