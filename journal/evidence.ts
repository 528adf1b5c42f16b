/**
 * Evidence at rest: AES-256-GCM, so that a copy of the store gives nothing away and an altered item does not open.
 * A sealed item is `version (1) · key id (4) · IV (12) · tag (16) · ciphertext`; version and key id are authenticated, too.
 * That it is the right item, its SHA-256 in the journal says: compare it after opening.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { FirebreakError } from '../core/errors.js';

const version = 1;
const keyBytes = 32;
const keyIdBytes = 4;
const ivBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes;
const leastBytes = headBytes + ivBytes + tagBytes;

export function seal(key: Uint8Array, bytes: Uint8Array): Buffer {
  const head = Buffer.concat([Buffer.of(version), keyIdOf(key)]);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(head);
  const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([head, iv, cipher.getAuthTag(), body]);
}

export function open(key: Uint8Array, sealed: Uint8Array): Buffer {
  const all = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (all.length < leastBytes || all[0] !== version) {
    throw refuse(
      'evidence.unreadable',
      'This is no sealed evidence of a known version.',
      'open it with the Firebreak that sealed it.',
    );
  }
  const head = all.subarray(0, headBytes);
  if (!head.subarray(1).equals(keyIdOf(key))) {
    throw refuse(
      'evidence.other-key',
      'This evidence was sealed with another key.',
      'use the evidence key of the installation that collected it.',
    );
  }
  const iv = all.subarray(headBytes, headBytes + ivBytes);
  const tag = all.subarray(headBytes + ivBytes, leastBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(head).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(all.subarray(leastBytes)), decipher.final()]);
  } catch (error) {
    throw refuse(
      'evidence.altered',
      'This evidence was altered after it was sealed.',
      'keep the altered copy and its backups, and find out who could write to the store.',
      error,
    );
  }
}

/** Tells keys apart without telling anything about them. */
function keyIdOf(key: Uint8Array): Buffer {
  if (key.length !== keyBytes) {
    throw refuse(
      'evidence.key-malformed',
      `An evidence key has ${keyBytes} bytes; this one has ${key.length}.`,
      'restore the key file from its backup.',
    );
  }
  return createHmac('sha256', key).update('firebreak evidence key id').digest().subarray(0, keyIdBytes);
}

function refuse(code: string, message: string, nextStep: string, cause?: unknown): FirebreakError {
  return new FirebreakError(code, message, { nextStep, cause });
}
