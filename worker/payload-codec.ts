/**
 * Encrypts payloads on their way to Temporal and decrypts them on their way back: AES-256-GCM over the whole payload, its own
 * metadata included. It stands outside of the workflow sandbox, so that workflows and their bundle know of no key.
 *
 * A payload that was never encrypted is read as it is, for runs from before there were keys. So whoever can write to Temporal
 * can put another in the place of an encrypted one: this keeps secrets, and who may do what rests on signed statements.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { FirebreakError } from '../core/errors.js';
import type { PayloadKeys } from './payload-keys.js';

/** As Temporal's own examples name them, so that its tools show them for what they are. */
const encodingField = 'encoding';
const keyIdField = 'encryption-key-id';
const cipherField = 'encryption-cipher';
const encrypted = 'binary/encrypted';
const cipherName = 'AES-256-GCM';

const algorithm = 'aes-256-gcm';
/** Random for each payload, and before the ciphertext. At 2^32 payloads under one key, two that are equal become thinkable. */
const nonceBytes = 12;
/** After the ciphertext. */
const tagBytes = 16;

const wire = proto.temporal.api.common.v1.Payload;

export function payloadCodec(keys: PayloadKeys): PayloadCodec {
  return {
    encode: async (payloads) => payloads.map((payload) => encrypt(payload, keys)),
    decode: async (payloads) => payloads.map((payload) => decrypt(payload, keys)),
  };
}

function encrypt(payload: Payload, { active }: PayloadKeys): Payload {
  if (active === undefined) return payload;
  const { id, key } = active;
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(boundTo(id));
  const data = Buffer.concat([
    nonce,
    cipher.update(wire.encode(payload).finish()),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const metadata = {
    [encodingField]: Buffer.from(encrypted),
    [cipherField]: Buffer.from(cipherName),
    [keyIdField]: Buffer.from(id),
  };
  return { metadata, data };
}

function decrypt(payload: Payload, { all }: PayloadKeys): Payload {
  const encoding = field(payload, encodingField);
  const id = field(payload, keyIdField);
  if (encoding !== encrypted && id === undefined) return payload;
  if (encoding !== encrypted || id === undefined || field(payload, cipherField) !== cipherName)
    throw unreadable(id, 'its metadata is not as Firebreak writes it');
  const key = all.get(id);
  if (key === undefined) throw unknownKey(id);
  const data = payload.data ?? new Uint8Array();
  if (data.length < nonceBytes + tagBytes) throw unreadable(id, 'it is cut short');
  const end = data.length - tagBytes;
  try {
    const decipher = createDecipheriv(algorithm, key, data.subarray(0, nonceBytes), { authTagLength: tagBytes })
      .setAAD(boundTo(id))
      .setAuthTag(data.subarray(end));
    return wire.decode(Buffer.concat([decipher.update(data.subarray(nonceBytes, end)), decipher.final()]));
  } catch {
    throw unreadable(id, 'it was changed, or encrypted with another key of that id');
  }
}

/** What stands in the clear beside a ciphertext cannot be changed without its being refused. */
function boundTo(id: string): Buffer {
  return Buffer.from([encrypted, cipherName, id].join('\n'));
}

function field({ metadata }: Payload, name: string): string | undefined {
  const bytes = metadata?.[name];
  return bytes == null ? undefined : Buffer.from(bytes).toString('utf8');
}

function unknownKey(id: string): FirebreakError {
  return new FirebreakError(
    'payload.unknown-key',
    `A payload is encrypted with the key ${shown(id)}, which this process does not have.`,
    {
      nextStep:
        'list that key under `temporal.encryption.keys` in firebreak.yaml, see with `firebreak doctor` that it can be read, and start Firebreak again; runs that need it wait.',
    },
  );
}

function unreadable(id: string | undefined, why: string): FirebreakError {
  const named = id === undefined ? 'A payload that names no key' : `A payload that names the key ${shown(id)}`;
  return new FirebreakError('payload.unreadable', `${named} cannot be decrypted: ${why}.`, {
    nextStep:
      'see whether the key in firebreak.yaml is still the one of that id, from a backup if need be; if it is, look at who can write to Temporal.',
  });
}

/** Longer than any key's id; what stands in a payload may be anything. */
const shownMax = 64;

function shown(id: string): string {
  return JSON.stringify(id.slice(0, shownMax));
}
