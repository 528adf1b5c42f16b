/** OpenSSH public keys: reading, naming by fingerprint, and checking what they signed. */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { FirebreakError } from '../../core/errors.js';
import { strictBase64 } from '../signer.js';
import { malformed, readWire, unsigned } from './wire.js';

export type SshKeyType = 'ssh-ed25519' | 'ecdsa-sha2-nistp256' | 'ssh-rsa';

export interface SshPublicKey {
  type: SshKeyType;
  /** `SHA256:...`, as `ssh-keygen -l` prints it. */
  fingerprint: string;
  key: KeyObject;
}

/** Shorter RSA keys can be broken by whoever an incident is about. */
const rsaBitsMin = 2048;
/** No key or signature that people use is longer. */
const lineCharsMax = 16_384;

const pointBytes = 32;
const uncompressed = 4;

/** Reads a line as in a `.pub` file or in `people.yaml`: type, base64, and perhaps a comment. */
export function parsePublicKey(line: string): SshPublicKey {
  if (line.length > lineCharsMax) throw malformed('it is too long');
  const [type, base64] = line.trim().split(/[ \t]+/);
  const blob = base64 === undefined ? undefined : strictBase64(base64);
  if (blob === undefined || blob.length === 0) throw malformed('a key is written as its type, a blank and base64');
  const key = readPublicKey(blob);
  if (key.type !== type) throw malformed(`the line says ${type} and the key ${key.type}`);
  return key;
}

/** The name of a key, from its line. */
export function fingerprintOf(line: string): string {
  return parsePublicKey(line).fingerprint;
}

/** Reads a key's binary form, as it also stands in a signature. */
export function readPublicKey(blob: Buffer): SshPublicKey {
  const wire = readWire(blob);
  const type = wire.string().toString('latin1');
  const jwk = readJwk(type, () => wire.string());
  wire.end();
  return { type: type as SshKeyType, fingerprint: fingerprint(blob), key: toKeyObject(jwk) };
}

/** Whether an SSH signature blob is by this key over this data. */
export function isSignedByKey({ type, key }: SshPublicKey, data: Buffer, blob: Buffer): boolean {
  const wire = readWire(blob);
  const algorithm = wire.string().toString('latin1');
  const signature = wire.string();
  wire.end();
  switch (type) {
    case 'ssh-ed25519':
      return algorithm === type && signature.length === 64 && verify(null, data, key, signature);
    case 'ecdsa-sha2-nistp256':
      return algorithm === type && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, fixedSize(signature));
    case 'ssh-rsa': {
      const hash = rsaHash(algorithm);
      return hash !== undefined && verify(hash, data, key, signature);
    }
  }
}

/** SHA-1 signatures (`ssh-rsa`) can be forged and are no signatures. */
function rsaHash(algorithm: string): 'sha512' | 'sha256' | undefined {
  if (algorithm === 'rsa-sha2-512') return 'sha512';
  return algorithm === 'rsa-sha2-256' ? 'sha256' : undefined;
}

function fixedSize(signature: Buffer): Buffer {
  const wire = readWire(signature);
  const numbers = [unsigned(wire.string(), pointBytes), unsigned(wire.string(), pointBytes)];
  wire.end();
  return Buffer.concat(numbers);
}

function readJwk(type: string, next: () => Buffer): JsonWebKey {
  switch (type) {
    case 'ssh-ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: sized(next(), pointBytes).toString('base64url') };
    case 'ecdsa-sha2-nistp256': {
      if (next().toString('latin1') !== 'nistp256') throw malformed('its curve is not the one of its type');
      const point = sized(next(), 1 + 2 * pointBytes);
      if (point[0] !== uncompressed) throw malformed('its point is compressed');
      const x = point.subarray(1, 1 + pointBytes).toString('base64url');
      return { kty: 'EC', crv: 'P-256', x, y: point.subarray(1 + pointBytes).toString('base64url') };
    }
    case 'ssh-rsa': {
      const [e, n] = [trimmed(next()), trimmed(next())];
      if (n.length * 8 < rsaBitsMin) throw unsupported(`an RSA key of fewer than ${rsaBitsMin} bits`);
      return { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
    }
    default:
      throw unsupported(`a key of type "${type.slice(0, 60)}"`);
  }
}

function toKeyObject(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (error) {
    throw new FirebreakError('ssh.malformed', 'This is no SSH key: its numbers are no key of its type.', {
      nextStep: 'copy the key again from its .pub file.',
      cause: error,
    });
  }
}

function trimmed(number: Buffer): Buffer {
  return unsigned(number, number.length).subarray(number.findIndex((byte) => byte !== 0));
}

function sized(bytes: Buffer, count: number): Buffer {
  if (bytes.length !== count) throw malformed(`a part has ${bytes.length} bytes instead of ${count}`);
  return bytes;
}

function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

function unsupported(what: string): FirebreakError {
  return new FirebreakError('ssh.key-unsupported', `Firebreak cannot check ${what}.`, {
    nextStep: 'use an Ed25519 key, an ECDSA key on P-256, or an RSA key of 3072 bits.',
  });
}
