/** Signatures of services: Ed25519 over a text, in base64. People sign with SSH keys, see `ssh/signature.ts`. */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Signer } from './store.js';

/** Ed25519 signatures have one length; another length is not looked at. */
const signatureBytes = 64;

/** Parsed public keys by their text, because parsing costs as much as verifying; emptied when full. */
const parsed = new Map<string, KeyObject | undefined>();
const parsedMax = 256;

/** Signs in the name of a service's key. */
export function signerOf(key: { id: string; privateKey: KeyObject }): Signer {
  return { key: key.id, sign: (text) => sign(null, Buffer.from(text), key.privateKey).toString('base64') };
}

/** Whether the signature is by this key (SPKI, base64) over exactly this text. Anything unreadable is simply not a signature. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const key = publicKeyOf(publicKey);
  const bytes = strictBase64(signature);
  return key !== undefined && bytes?.length === signatureBytes && verify(null, Buffer.from(text), key, bytes);
}

/** The bytes of a base64 text in its one canonical form; undefined for any other text, so that no two texts say the same. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function publicKeyOf(text: string): KeyObject | undefined {
  if (!parsed.has(text)) {
    if (parsed.size >= parsedMax) parsed.clear();
    parsed.set(text, readPublicKey(text));
  }
  return parsed.get(text);
}

function readPublicKey(text: string): KeyObject | undefined {
  const der = strictBase64(text);
  if (der === undefined) return undefined;
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined; // Not a key: nothing can be signed by it.
  }
}
