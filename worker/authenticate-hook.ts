/**
 * Whether a request comes from the sender of a hook; decided over the raw bytes, before anything reads them. With
 * `standard-webhooks` (standardwebhooks.com) the sender signs id, time and body of each request, so that nothing of it can be
 * changed and nothing old be sent again. With `bearer` it shows a constant token: whoever has seen one request can make others.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { FirebreakError } from '../core/errors.js';
import type { Digest } from '../core/json.js';
import type { HookScheme } from '../core/statement.js';
import { sha256 } from '../journal/digest.js';
import { carriesToken } from './bearer.js';

/** What was verified, and goes into the proof of the launch. */
export interface AuthenticRequest {
  scheme: HookScheme;
  /** In seconds: as signed, or when it arrived where nothing is. */
  timestamp: number;
  /** Of the raw bytes. */
  body: Digest;
  /** The sender's own name of this message; absent where nothing is signed. */
  message?: string;
}

/** How far the sender's clock and ours may differ. */
const clockMaxS = 300;
/** As the specification wants it. */
const keyBytesMin = 24;
/** What `openssl rand -hex 16` gives. */
const tokenCharsMin = 32;
/** More signatures than anybody has keys to rotate. */
const signaturesMax = 10;

/** Each of several secrets is good. Throws `hook.bad-secret` for one that is none, in words that do not repeat it. */
export function checkSecret(scheme: HookScheme, secret: string): void {
  if (scheme === 'standard-webhooks') keyOf(secret);
  else if (secret.length < tokenCharsMin || !/^[\x21-\x7e]+$/.test(secret))
    throw badSecret(`a token of at least ${tokenCharsMin} characters without spaces`, 'openssl rand -hex 32');
}

/** Whether the sender made this request. Its time is another question: what was signed once can be sent again by others. */
export function authenticate(
  scheme: HookScheme,
  header: (name: string) => string | undefined,
  body: Uint8Array,
  secrets: string[],
  nowMs: number,
): AuthenticRequest {
  const digest = sha256(body);
  if (scheme === 'bearer') {
    if (!secrets.some((secret) => carriesToken(header('authorization'), secret)))
      throw unauthentic('hook.bad-token', 'It does not carry the token of this hook.');
    return { scheme, timestamp: Math.floor(nowMs / 1000), body: digest };
  }
  const [message, stamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header);
  if (message === undefined || stamp === undefined || signatures === undefined)
    throw unauthentic('hook.unsigned', 'It lacks webhook-id, webhook-timestamp or webhook-signature.');
  if (!/^\d{1,12}$/.test(stamp)) throw unauthentic('hook.bad-timestamp', 'Its timestamp is no number of seconds.');
  const given = signatures
    .split(' ')
    .slice(0, signaturesMax)
    .flatMap((each) => (each.startsWith('v1,') ? [each.slice('v1,'.length)] : []));
  const expected = secrets.map((secret) => signatureOf(secret, message, stamp, body));
  if (!given.some((each) => expected.some((good) => equal(each, good))))
    throw unauthentic('hook.bad-signature', 'Its signature was not made with a secret of this hook, over these bytes.');
  return { scheme, timestamp: Number(stamp), body: digest, message };
}

export function isWrongTime({ timestamp }: AuthenticRequest, nowMs: number): boolean {
  return Math.abs(timestamp - nowMs / 1000) > clockMaxS;
}

export function refuseWrongTime(request: AuthenticRequest, nowMs: number): void {
  if (!isWrongTime(request, nowMs)) return;
  const aheadS = request.timestamp - nowMs / 1000;
  const away = `${Math.round(Math.abs(aheadS))} seconds ${aheadS > 0 ? 'ahead of' : 'behind'}`;
  throw unauthentic(
    'hook.wrong-time',
    `It is stamped ${away} this clock; ${clockMaxS} are allowed. A clock is wrong, or somebody sent an old request again.`,
  );
}

/** The base64 of an HMAC-SHA256 over `id.timestamp.body`. */
export function signatureOf(secret: string, message: string, stamp: string, body: Uint8Array): string {
  return createHmac('sha256', keyOf(secret)).update(`${message}.${stamp}.`).update(body).digest('base64');
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : '';
  const key = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < keyBytesMin)
    throw badSecret(`"whsec_" and at least ${keyBytesMin} bytes in base64`, 'echo "whsec_$(openssl rand -base64 32)"');
  return key;
}

/** In a time that does not tell how much of it was right. */
function equal(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function badSecret(must: string, make: string): FirebreakError {
  return new FirebreakError('hook.bad-secret', `A secret of a hook must be ${must}.`, {
    nextStep: `make one with \`${make}\`, for the sender and the file or variable that firebreak.yaml names.`,
  });
}

function unauthentic(code: string, why: string): FirebreakError {
  return new FirebreakError(code, `A request to a hook was refused. ${why}`, {
    nextStep:
      'compare the secret and the clock of the sender with those of the gateway; `firebreak hook sign` shows a good one.',
  });
}
