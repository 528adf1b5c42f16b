/**
 * Where the journal's database is, read from the one secret that says so. Only what is understood is accepted: a parameter that
 * the driver would take differently from what its author meant could send the password to another host, or in the clear.
 */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { FirebreakError } from '../../core/errors.js';

export interface Address {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Over TLS with the server's name checked; false only on the loopback. */
  ssl: false | { ca?: string };
  /** For messages: without the user and the password. */
  shown: string;
}

const portDefault = 5432;
const form = 'postgres://USER:PASSWORD@HOST:PORT/DATABASE';

/** Refuses without repeating what was given, for it holds the password. */
export function addressOf(url: string): Address {
  if (!URL.canParse(url)) throw refused('is not a URL');
  const parsed = new URL(url);
  if (!['postgres:', 'postgresql:'].includes(parsed.protocol)) throw refused('does not begin with postgres://');
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const user = decoded(parsed.username);
  const password = decoded(parsed.password);
  const database = decoded(parsed.pathname.slice(1));
  const missing = Object.entries({ user, password, host, database }).find(([, value]) => value === '');
  if (missing !== undefined) throw refused(`has no ${missing[0]}`);
  const port = parsed.port === '' ? portDefault : Number(parsed.port);
  const ssl = tlsOf(parsed.searchParams, host);
  return { host, port, user, password, database, ssl, shown: `postgres://${parsed.hostname}:${port}/${database}` };
}

/** What of an address nobody may find written down: the whole, and the password as it is spelt there and as it is. */
export function secretsIn(url: string): string[] {
  return [url, addressOf(url).password, new URL(url).password];
}

function tlsOf(parameters: URLSearchParams, host: string): Address['ssl'] {
  const { sslmode, sslrootcert, ...unknown } = Object.fromEntries(parameters) as Record<string, string>;
  const stranger = Object.keys(unknown)[0];
  if (stranger !== undefined) throw refused(`has the unknown parameter ${JSON.stringify(stranger)}`);
  if (sslmode === 'verify-full') return sslrootcert === undefined ? {} : { ca: certificates(sslrootcert) };
  if (sslmode !== undefined && sslmode !== 'disable') throw refused('has an sslmode other than verify-full');
  if (sslrootcert !== undefined) throw refused('has an sslrootcert, which only sslmode=verify-full uses');
  if (!isLoopback(host)) throw refused('leads over a network and has no sslmode=verify-full');
  return false;
}

function certificates(file: string): string {
  if (!isAbsolute(file)) throw refused('has an sslrootcert that is no absolute path');
  if (!existsSync(file)) throw refused(`names the sslrootcert ${file}, which does not exist`);
  return readFileSync(file, 'utf8');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('has a % that is not followed by two hex digits'); // The driver's error would repeat the text.
  }
}

function refused(why: string): FirebreakError {
  return new FirebreakError('journal.bad-address', `The address of the journal's PostgreSQL ${why}.`, {
    nextStep: `write ${form} into the secret, and ?sslmode=verify-full at its end unless the server is on this machine.`,
  });
}
