/**
 * What must never be written down: applied to everything before it reaches the journal, a log or Slack.
 * Better one word too many than one secret: what looks like a secret goes, even if it was none. References to secrets
 * (`{ env: 'NAME' }`) stay, for they are what a responder needs. Every pattern runs in time linear in the text.
 */
import type { Json } from './json.js';

export const redacted = '[redacted]';

/** A shorter known secret would tear holes into ordinary words. */
const knownLengthMin = 6;

/** Field names whose value is a secret, with or without a prefix: `slackToken`, `db_password`, `X-Api-Key`. */
const secretKeys =
  /(^|[-_.\s])(authorization|cookie|set[-_]cookie|password|passwd|passphrase|secret|token|api[-_]?key|private[-_]?key|secret[-_]?access[-_]?key|signing[-_]?secret|client[-_]?secret|response_url)$/i;
const secretCamelKeys =
  /(Authorization|Cookie|Password|Passphrase|Secret|Token|ApiKey|PrivateKey|SecretKey|SecretAccessKey|SigningSecret|ResponseUrl)$/;
const secretCamelStarts = /^(apiKey|privateKey|secretKey|responseUrl)$/;

/** Shapes of secrets that are known by their looks, wherever they stand in a text. Each holds a sign that base64 lacks. */
const secretTexts = [
  // Up to its end line, or to the end of the text where it was cut.
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,40}-----)?/g,
  /\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}/g,
  /\bxapp-[A-Za-z0-9-]{8,}/g,
  /https:\/\/hooks\.slack(?:-gov)?\.com\/[A-Za-z0-9/_-]+/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bglpat-[A-Za-z0-9_-]{16,}/g,
  /\bnpm_[A-Za-z0-9]{30,}/g,
  /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g,
  /\bhv[sbr]\.[A-Za-z0-9_-]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
];

/** Shapes of which only the last part is secret; what names it stays. */
const secretParts = [
  /(authorization["']?\s{0,3}[:=]\s{0,3}["']?[a-z]{1,20}\s{1,3})[A-Za-z0-9._~+/=-]{4,}/gi,
  // A digit tells a credential from prose such as "basic authentication".
  /(\b(?:Bearer|Basic)\s{1,3})(?=[A-Za-z._~+/=-]{0,200}[0-9])[A-Za-z0-9._~+/=-]{12,}/gi,
  /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)/gi,
  /((?:password|passwd|passphrase|secret|token|api[-_]?key|secret[-_]?access[-_]?key)["']?\s{0,3}=\s{0,3}["']?)[^\s"'&,;[\]]{6,}/gi,
  /("(?:[\w-]{0,40}[-_])?(?:password|passwd|passphrase|secret|token|api[-_]?key|secret[-_]?access[-_]?key)"\s{0,3}:\s{0,3}")[^"\\[\]]{1,}/gi,
];

/** A sign of at least one of the shapes; most texts bear none, and are spared the rest. */
const secretSigns =
  /PRIVATE KEY|xox|xapp-|hooks\.slack|gh[pousr]_|github_pat_|glpat-|npm_|k_(?:live|test)_|hv[sbr]\.|eyJ|bearer|basic|:\/\/|authorization|passw|passphrase|secret|token|api[-_]?key/i;

/** A copy without secrets: `known` are values that this process holds and that must not appear, whatever they look like. */
export function redact(value: Json, known: readonly string[] = []): Json {
  return redactValue(value, spellings(known));
}

/** A text without secrets; see `redact`. */
export function redactText(text: string, known: readonly string[] = []): string {
  return redactWords(text, spellings(known));
}

function redactValue(value: Json, known: readonly string[]): Json {
  if (typeof value === 'string') return redactWords(value, known);
  if (Array.isArray(value)) return value.map((each) => redactValue(each, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      redactWords(key, known),
      isSecretKey(key) ? withoutScalars(each, known) : redactValue(each, known),
    ]),
  );
}

/** Under a secret's name every scalar goes; objects are references and are only searched. */
function withoutScalars(value: Json, known: readonly string[]): Json {
  if (typeof value === 'string' || typeof value === 'number') return redacted;
  if (Array.isArray(value)) return value.map((each) => withoutScalars(each, known));
  return redactValue(value, known);
}

function isSecretKey(key: string): boolean {
  return secretKeys.test(key) || secretCamelKeys.test(key) || secretCamelStarts.test(key);
}

function redactWords(text: string, known: readonly string[]): string {
  const unknown = known.reduce(
    (left, secret) => (left.includes(secret) ? left.replaceAll(secret, redacted) : left),
    text,
  );
  if (!secretSigns.test(unknown)) return unknown;
  const shaped = secretTexts.reduce((left, shape) => left.replaceAll(shape, redacted), unknown);
  return secretParts.reduce((left, shape) => left.replaceAll(shape, `$1${redacted}`), shaped);
}

/** As each secret may be spelt, the longest first, so that one that begins like another leaves no tail. */
function spellings(known: readonly string[]): string[] {
  return [...new Set(known.flatMap(spellingsOf))]
    .filter((secret) => secret.length >= knownLengthMin && !redacted.includes(secret))
    .toSorted((a, b) => b.length - a.length);
}

function spellingsOf(secret: string): string[] {
  // Shorter than this its encoded forms would tear holes, too.
  if (secret.length < knownLengthMin) return [secret];
  const bytes = new TextEncoder().encode(secret);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  const url = inUrl(secret);
  const base64 = [0, 1, 2].map((before) => inBase64(bytes, before));
  const json = [inJson(secret), inJson(secret).replaceAll('/', '\\/')];
  return [
    secret,
    ...json,
    ...json.map(inJson), // a document within a document
    secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    ...[url, `%${hex.join('%')}`].flatMap((each) => [
      each,
      withEscapes(each, 'toLowerCase'),
      withEscapes(each, 'toUpperCase'),
    ]),
    hex.join(''),
    hex.join('').toUpperCase(),
    ...base64,
    ...base64.map((each) => each.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** As in a URL; a secret that is no well-formed text has no such form. */
function inUrl(secret: string): string {
  try {
    return encodeURIComponent(secret);
  } catch {
    return secret;
  }
}

/** `%2f` and `%2F` are the same; only the escapes change their case. */
function withEscapes(url: string, to: 'toLowerCase' | 'toUpperCase'): string {
  return url.replaceAll(/%[0-9A-Fa-f]{2}/g, (escape) => escape[to]());
}

/** The digits that no neighbour has a part in, where so many bytes (modulo three) stand before the secret: `user:secret`. */
function inBase64(bytes: Uint8Array, before: number): string {
  const padded = String.fromCharCode(...Array<number>(before).fill(0), ...bytes);
  return btoa(padded).slice(Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6));
}
