/**
 * SSH signatures of texts (SSHSIG, OpenSSH's PROTOCOL.sshsig): made by the person's own `ssh-keygen`, checked here without it,
 * so that a timeline can be verified where there is none.
 */
import { createHash } from 'node:crypto';
import { FirebreakError } from '../core/errors.js';
import { isSignedByKey, readPublicKey } from './ssh/public-key.js';
import { malformed, readWire, wireString } from './ssh/wire.js';
import { strictBase64 } from './signer.js';

export { signWithSsh } from './ssh/sign.js';
export { fingerprintOf, parsePublicKey } from './ssh/public-key.js';

/** What the signature is for: one made for git or for files says nothing here. */
const sshNamespace = 'firebreak';

const magic = 'SSHSIG';
const version = 1;
/** An RSA signature of 16,384 bits with its key is a third of this. */
const armouredCharsMax = 20_000;
const armour = /^-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,76}\n)+)-----END SSH SIGNATURE-----\n?$/;

/**
 * Checks an armoured signature over a text, and says by which key it is: `SHA256:...`. Whether that key is anybody's,
 * the caller decides. Throws `ssh.malformed`, `ssh.key-unsupported`, `ssh.namespace-wrong` or `ssh.signature-wrong`.
 */
export function verifySshSignature(
  armoured: string,
  text: string,
  namespace: string = sshNamespace,
): { fingerprint: string } {
  const wire = readWire(disarm(armoured));
  if (wire.bytes(magic.length).toString('latin1') !== magic) throw malformed('it does not begin with SSHSIG');
  if (wire.uint32() !== version) throw malformed('its version is unknown');
  const key = readPublicKey(wire.string());
  const namespaceOf = wire.string().toString();
  const reserved = wire.string();
  const hash = wire.string().toString('latin1');
  const signature = wire.string();
  wire.end();
  if (namespaceOf !== namespace) {
    throw new FirebreakError(
      'ssh.namespace-wrong',
      `This signature was made for "${namespaceOf.slice(0, 60)}", not for "${namespace}".`,
      {
        nextStep: `sign with \`ssh-keygen -Y sign -n ${namespace}\`.`,
      },
    );
  }
  if (hash !== 'sha512' && hash !== 'sha256') throw malformed('its hash is neither sha512 nor sha256');
  const digest = createHash(hash).update(text).digest();
  const signed = Buffer.concat([
    Buffer.from(magic),
    ...[namespace, reserved, hash, digest].map((part) => wireString(part)),
  ]);
  if (!isSignedByKey(key, signed, signature)) {
    throw new FirebreakError(
      'ssh.signature-wrong',
      `The signature does not fit the text and the key ${key.fingerprint}.`,
      {
        nextStep: 'sign exactly what is to be said, and send it unchanged.',
      },
    );
  }
  return { fingerprint: key.fingerprint };
}

function disarm(armoured: string): Buffer {
  const lines = armoured.length > armouredCharsMax ? null : armour.exec(armoured);
  const bytes = lines === null ? undefined : strictBase64((lines[1] ?? '').replaceAll('\n', ''));
  if (bytes === undefined) throw malformed('it is not armoured as `ssh-keygen -Y sign` does');
  return bytes;
}
