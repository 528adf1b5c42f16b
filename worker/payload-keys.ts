/** The keys that payloads are encrypted with, as a process holds them: read once, at its start, and in a form that does not print. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { FirebreakError } from '../core/errors.js';
import type { Installation, SecretRef } from '../core/installation.js';

export interface PayloadKeys {
  /** Encrypts; undefined where none is configured, and payloads stay as they are. */
  active: { id: string; key: KeyObject } | undefined;
  /** Decrypt, by id; the active one is among them. */
  all: ReadonlyMap<string, KeyObject>;
}

export const noPayloadKeys: PayloadKeys = { active: undefined, all: new Map() };

/** 32 bytes, for AES-256, in base64. */
const keyText = /^[A-Za-z0-9+/]{43}=$/;

/**
 * The keys of an installation. Without the active one a process does not start, for it would have to write in the clear. One
 * that only decrypts is told to `onUnreadable` and left out: what is encrypted with it waits, and everything else goes on.
 */
export function readPayloadKeys(
  { temporal }: Pick<Installation, 'temporal'>,
  read: (ref: SecretRef) => string,
  onUnreadable: (error: FirebreakError) => void,
): PayloadKeys {
  if (temporal?.encryption === undefined) return noPayloadKeys;
  const { active: activeId, keys } = temporal.encryption;
  const all = new Map<string, KeyObject>();
  for (const [id, ref] of Object.entries(keys)) {
    const key = readKey(id, () => read(ref));
    if (!(key instanceof FirebreakError)) all.set(id, key);
    else if (id === activeId) throw key;
    else onUnreadable(key);
  }
  const active = all.get(activeId);
  if (active === undefined) throw new Error(`The active key "${activeId}" is not listed (this is a bug).`);
  return { active: { id: activeId, key: active }, all };
}

function readKey(id: string, read: () => string): KeyObject | FirebreakError {
  try {
    const text = read();
    return keyText.test(text)
      ? createSecretKey(text, 'base64')
      : badKey(
          id,
          'It is not 32 bytes in base64.',
          'put it back from a backup, or make one with `openssl rand -base64 32`.',
        );
  } catch (cause) {
    if (cause instanceof FirebreakError) return badKey(id, cause.message, cause.nextStep, cause);
    const why = cause instanceof Error ? cause.message : String(cause);
    return badKey(id, `${why}.`, 'make its file readable for the account that Firebreak runs under.', cause);
  }
}

function badKey(id: string, why: string, nextStep: string, cause?: unknown): FirebreakError {
  return new FirebreakError('payload.bad-key', `The payload key "${id}" cannot be read. ${why}`, { nextStep, cause });
}
