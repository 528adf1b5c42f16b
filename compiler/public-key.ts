/** Whether a public key that people wrote down is one, so that a wrong paste is found now and not at the first signature. */
import { createPublicKey } from 'node:crypto';

export type KeyText = { blob: string; fault?: undefined } | { fault: string };

/** Key types whose signatures are verified (`journal/ssh`); sizes below which a key is refused, in bits. */
const sshTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'];
const rsaBitsMin = 2048;

/** An OpenSSH public key, `ssh-ed25519 AAAA... comment`; `blob` is the key itself, whatever its comment. */
export function sshKey(text: string): KeyText {
  const [type = '', base64 = ''] = text.trim().split(/\s+/);
  if (/[\r\n]/.test(text.trim())) return { fault: 'it is more than one line' };
  if (!sshTypes.includes(type)) return { fault: `its type is none of ${sshTypes.join(', ')}` };
  const bytes = fromBase64(base64);
  if (bytes === undefined) return { fault: 'its second part is not base64' };
  const fields = lengthPrefixed(bytes);
  if (fields === undefined || fields[0]?.toString('latin1') !== type) return { fault: 'it is cut off or altered' };
  const fault =
    type === 'ssh-rsa' ? rsaFault(fields) : type === 'ssh-ed25519' ? ed25519Fault(fields) : ecdsaFault(fields);
  return fault === undefined ? { blob: bytes.toString('base64') } : { fault };
}

function ed25519Fault([, point, ...more]: Buffer[]): string | undefined {
  return point?.length === 32 && more.length === 0 ? undefined : 'it is cut off or altered';
}

function ecdsaFault([, curve, point, ...more]: Buffer[]): string | undefined {
  const isWhole =
    curve?.toString('latin1') === 'nistp256' && point?.length === 65 && point[0] === 4 && more.length === 0;
  return isWhole ? undefined : 'it is cut off or altered';
}

function rsaFault([, exponent, modulus, ...more]: Buffer[]): string | undefined {
  if (exponent === undefined || modulus === undefined || more.length > 0) return 'it is cut off or altered';
  // A leading zero byte keeps the number positive.
  const bits = modulus.toString('hex').replace(/^(00)+/, '').length * 4;
  return bits >= rsaBitsMin ? undefined : `it has fewer than ${rsaBitsMin} bits`;
}

/** An Ed25519 public key as SPKI in base64. */
export function ed25519Key(text: string): KeyText {
  const bytes = fromBase64(text);
  if (bytes === undefined) return { fault: 'it is not base64' };
  try {
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519'
      ? { blob: bytes.toString('base64') }
      : { fault: `it is a key for ${key.asymmetricKeyType ?? 'something else'}` };
  } catch {
    // What OpenSSL says of it helps nobody; that it is no key does.
    return { fault: 'it is no SPKI public key' };
  }
}

function fromBase64(text: string): Buffer | undefined {
  return text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
    ? Buffer.from(text, 'base64')
    : undefined;
}

/** The fields of an SSH blob: four bytes of length each, then the bytes. Undefined when they do not come out even. */
function lengthPrefixed(bytes: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
