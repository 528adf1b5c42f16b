/** The people and keys of the tests, with real SSH keys: alice and carol sign with Ed25519, bob with ECDSA, dave with RSA. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonical } from '../../../core/canonical.js';
import type { Iso } from '../../../core/json.js';
import type { People, ServiceKey } from '../../../core/people.js';
import { type About, signedPart, type Statement } from '../../../core/statement.js';
import type { Verb } from '../../../core/verbs.js';
import { digestOf } from '../../../journal/digest.js';
import { attest } from '../../../journal/proof.js';
import { signerOf } from '../../../journal/signer.js';
import { fingerprintOf, signWithSsh } from '../../../journal/ssh-signature.js';
import type { Signer } from '../../../journal/store.js';

export type Name = 'alice' | 'bob' | 'carol' | 'dave';
const names: Name[] = ['alice', 'bob', 'carol', 'dave'];
const keyTypes: Record<Name, string[]> = {
  alice: ['-t', 'ed25519'],
  bob: ['-t', 'ecdsa', '-b', '256'],
  carol: ['-t', 'ed25519'],
  dave: ['-t', 'rsa', '-b', '2048'],
};

export interface Said {
  verb: Verb;
  about: About;
  by: Name;
  at: Iso;
  nonce: string;
  reason?: string;
  validUntil?: Iso;
}

export interface Cast {
  folder: string;
  people: People;
  gateway: Signer;
  journal: Signer;
  /** Private key file of a person; the public one lies beside it. */
  keyFile: (name: Name) => string;
  bySlack: (said: Said) => Statement;
  bySsh: (said: Said) => Promise<Statement>;
  end: () => void;
}

const team = 'T1';

/** Makes a person's key with the real program. */
export function makeKey(folder: string, name: string, type: string[]): string {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', ...type, '-N', '', '-C', `${name}@example.org`, '-f', file]);
  return file;
}

export function serviceKey(
  id: string,
  use: ServiceKey['use'],
): { privateKey: KeyObject; service: ServiceKey; signer: Signer } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const service = { id, use, publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') };
  return { privateKey, service, signer: signerOf({ id, privateKey }) };
}

export function assemble(): Cast {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-cast-'));
  const files = Object.fromEntries(names.map((name) => [name, makeKey(folder, name, keyTypes[name])])) as Record<
    Name,
    string
  >;
  const line = (name: Name): string => readFileSync(`${files[name]}.pub`, 'utf8').trim();
  const gateway = serviceKey('gateway-1', 'gateway');
  const journal = serviceKey('journal-1', 'journal');
  const people: People = {
    principals: Object.fromEntries(
      names.map((name) => [
        name,
        { id: name, name: `${name} example`, slack: [{ team, user: `U-${name}` }], ssh: [line(name)] },
      ]),
    ),
    groups: { responders: ['alice', 'bob'], 'security-oncall': ['alice', 'bob', 'carol', 'dave'] },
    responders: ['responders'],
    keys: [gateway.service, journal.service],
  };
  return {
    folder,
    people,
    gateway: gateway.signer,
    journal: journal.signer,
    keyFile: (name) => files[name],
    bySlack: (said) => attest({ ...words(said), proof: slackWords(said) }, gateway.signer),
    bySsh: async (said) => {
      const unsigned: Statement = {
        ...words(said),
        proof: { kind: 'ssh', key: fingerprintOf(line(said.by)), signature: '' },
      };
      const signature = await signWithSsh({ keyFile: files[said.by], text: canonical(signedPart(unsigned)) });
      return { ...unsigned, proof: { ...unsigned.proof, signature } };
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function words({ validUntil, ...said }: Said): Omit<Statement, 'proof'> {
  return { version: 1, ...said, validUntil: validUntil ?? new Date(Date.parse(said.at) + 3_600_000).toISOString() };
}

export function slackWords({ by, at, nonce }: Said): {
  kind: 'slack';
  request: { team: string; user: string; timestamp: number; body: ReturnType<typeof digestOf>; action: string };
  account: { deleted: boolean; bot: boolean; restricted: boolean; stranger: boolean; team: string; askedAt: Iso };
} {
  return {
    kind: 'slack',
    request: {
      team,
      user: `U-${by}`,
      timestamp: Math.floor(Date.parse(at) / 1000),
      body: digestOf({ nonce }),
      action: 'approve',
    },
    account: { deleted: false, bot: false, restricted: false, stranger: false, team, askedAt: at },
  };
}
