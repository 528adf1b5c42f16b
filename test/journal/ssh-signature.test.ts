// Every signature here is made or checked by the real ssh-keygen, so that agreement with OpenSSH is shown and not assumed.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FirebreakError } from '../../core/errors.js';
import { fingerprintOf, parsePublicKey, signWithSsh, verifySshSignature } from '../../journal/ssh-signature.js';
import { makeKey } from './support/cast.js';

const text = '{"by":"alice","verb":"approve"}';
const types: Record<string, string[]> = {
  ed25519: ['-t', 'ed25519'],
  ecdsa: ['-t', 'ecdsa', '-b', '256'],
  rsa: ['-t', 'rsa', '-b', '3072'],
};
let folder = '';
const keyFiles: Record<string, string> = {};
const publicLine = (file: string): string => readFileSync(`${file}.pub`, 'utf8').trim();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-ssh-'));
  for (const [name, type] of Object.entries(types)) keyFiles[name] = makeKey(folder, name, type);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What OpenSSH itself thinks of a signature. */
function checkedByOpenSsh(file: string, signature: string, namespace: string, said: string): boolean {
  writeFileSync(join(folder, 'signers'), `alice ${publicLine(file)}\n`);
  writeFileSync(join(folder, 'signature'), signature);
  const parameters = [
    '-Y',
    'verify',
    '-f',
    join(folder, 'signers'),
    '-I',
    'alice',
    '-n',
    namespace,
    '-s',
    join(folder, 'signature'),
  ];
  return spawnSync('ssh-keygen', parameters, { input: said }).status === 0;
}

describe.each(Object.keys(types))('a signature with a key of type %s', (type) => {
  const file = (): string => keyFiles[type] as string;

  test('is accepted here and by OpenSSH, and names the key as ssh-keygen -l does', async () => {
    for (let time = 0; time < 8; time += 1) {
      // Repeated, because an ECDSA number is shorter than 32 bytes or has a leading zero only now and then.
      const said = `${text}${time}`;
      const signature = await signWithSsh({ keyFile: file(), text: said });
      const listed = execFileSync('ssh-keygen', ['-l', '-f', `${file()}.pub`], { encoding: 'utf8' }).split(' ')[1];
      expect(verifySshSignature(signature, said)).toEqual({ fingerprint: listed });
      expect(fingerprintOf(publicLine(file()))).toBe(listed);
      expect(checkedByOpenSsh(file(), signature, 'firebreak', said)).toBe(true);
    }
  });

  test('is refused for any other text, as OpenSSH refuses it', async () => {
    const signature = await signWithSsh({ keyFile: file(), text });
    expect(() => verifySshSignature(signature, `${text} `)).toThrow(
      expect.objectContaining({ code: 'ssh.signature-wrong' }),
    );
    expect(checkedByOpenSsh(file(), signature, 'firebreak', `${text} `)).toBe(false);
  });

  test('is refused when it was made for another purpose, such as signing a commit', async () => {
    const signature = await signWithSsh({ keyFile: file(), text, namespace: 'git' });
    expect(() => verifySshSignature(signature, text)).toThrow(expect.objectContaining({ code: 'ssh.namespace-wrong' }));
    expect(verifySshSignature(signature, text, 'git')).toEqual({ fingerprint: fingerprintOf(publicLine(file())) });
  });

  test('is refused with any bit of it changed, and the refusal is always a typed one', async () => {
    const signature = await signWithSsh({ keyFile: file(), text });
    const body = Buffer.from(signature.split('\n').slice(1, -2).join(''), 'base64');
    for (let at = 0; at < body.length; at += 1) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(() => verifySshSignature(armoured(changed), text), `byte ${at}`).toThrow(FirebreakError);
    }
  });

  test('is refused when anything follows it inside its armour', async () => {
    const signature = await signWithSsh({ keyFile: file(), text });
    const body = Buffer.from(signature.split('\n').slice(1, -2).join(''), 'base64');
    expect(verifySshSignature(armoured(body), text).fingerprint).toBe(fingerprintOf(publicLine(file())));
    expect(() => verifySshSignature(armoured(Buffer.concat([body, Buffer.of(0)])), text)).toThrow(
      expect.objectContaining({ code: 'ssh.malformed' }),
    );
  });
});

test('a signature by SHA-256 is accepted like one by SHA-512, for OpenSSH makes both', () => {
  const file = keyFiles['rsa'] as string;
  const run = spawnSync('ssh-keygen', ['-Y', 'sign', '-n', 'firebreak', '-O', 'hashalg=sha256', '-f', file], {
    input: text,
    encoding: 'utf8',
  });
  expect(run.status).toBe(0);
  expect(verifySshSignature(run.stdout, text).fingerprint).toBe(fingerprintOf(publicLine(file)));
});

test('keys that cannot be checked are named and refused: DSA-like types, another curve, short RSA', () => {
  const curve = makeKey(folder, 'p384', ['-t', 'ecdsa', '-b', '384']);
  expect(() => parsePublicKey(publicLine(curve))).toThrow(expect.objectContaining({ code: 'ssh.key-unsupported' }));
  const short = makeKey(folder, 'rsa1024', ['-t', 'rsa', '-b', '1024']);
  expect(() => parsePublicKey(publicLine(short))).toThrow(expect.objectContaining({ code: 'ssh.key-unsupported' }));
});

test('a public key whose line says another type than its bytes is refused', () => {
  const line = publicLine(keyFiles['ed25519'] as string).replace('ssh-ed25519', 'ssh-rsa');
  expect(() => parsePublicKey(line)).toThrow(expect.objectContaining({ code: 'ssh.malformed' }));
});

test('a missing ssh-keygen is said to be missing', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = folder;
  try {
    await expect(signWithSsh({ keyFile: keyFiles['ed25519'] as string, text })).rejects.toMatchObject({
      code: 'ssh.program-missing',
    });
  } finally {
    process.env['PATH'] = path;
  }
});

test('a key that is not there, or that others can read, is refused with the reason that ssh-keygen gives', async () => {
  await expect(signWithSsh({ keyFile: join(folder, 'nowhere'), text })).rejects.toMatchObject({
    code: 'ssh.key-refused',
    message: expect.stringContaining('No such file') as string,
  });
  const open = join(folder, 'open');
  copyFileSync(keyFiles['ed25519'] as string, open);
  chmodSync(open, 0o644);
  await expect(signWithSsh({ keyFile: open, text })).rejects.toMatchObject({ code: 'ssh.key-refused' });
});

test('no text, however broken, is anything but a typed refusal', async () => {
  const good = await signWithSsh({ keyFile: keyFiles['ecdsa'] as string, text });
  const line = publicLine(keyFiles['rsa'] as string);
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => armoured(Buffer.from(each)));
  const framed = fc
    .array(fc.uint8Array({ maxLength: 80 }), { maxLength: 8 })
    .map((parts) =>
      armoured(
        Buffer.concat([
          Buffer.from('SSHSIG\0\0\0\x01', 'latin1'),
          ...parts.map((part) => Buffer.concat([Buffer.of(0, 0, 0, part.length), part])),
        ]),
      ),
    );
  const cut = fc.nat(good.length - 2).map((length) => good.slice(0, length));
  const swapped = fc
    .tuple(fc.nat(good.length - 2), fc.string({ minLength: 1, maxLength: 3 }))
    .map(([at, put]) => `${good.slice(0, at)}${put}${good.slice(at)}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), bytes, framed, cut, swapped), (signature) => {
      expect(() => verifySshSignature(signature, text)).toThrow(FirebreakError);
    }),
    { numRuns: 3_000 },
  );
  const lines = fc.oneof(
    fc.string(),
    fc.uint8Array({ maxLength: 100 }).map((each) => `ssh-ed25519 ${Buffer.from(each).toString('base64')}`),
    fc.nat(line.split(' ').slice(0, 2).join(' ').length - 2).map((length) => line.slice(0, length)),
  );
  fc.assert(
    fc.property(lines, (each) => {
      expect(() => parsePublicKey(each)).toThrow(FirebreakError);
    }),
    { numRuns: 2_000 },
  );
});

function armoured(body: Buffer): string {
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}
