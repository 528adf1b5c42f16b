/**
 * The keys of an embedded installation: `gateway` attests what Slack said, `journal` signs appends, `evidence` seals.
 * All lie on one machine under one account, which is why every screen says that separation of duties is nominal there.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import { FirebreakError } from '../core/errors.js';
import type { ServiceKey } from '../core/people.js';
import { makeFile, replaceFile } from './atomic-file.js';
import { readPrivateFile } from './private-file.js';
import type { Workspace } from './workspace.js';

export interface SigningKey {
  /** `gateway-` or `journal-` and the first 8 hex digits of SHA-256 over the public key. */
  id: string;
  privateKey: KeyObject;
  /** SPKI in base64. */
  publicKey: string;
}

export interface Keys {
  gateway: SigningKey;
  journal: SigningKey;
  evidence: Buffer;
}

/** For AES-256. */
const evidenceKeyBytes = 32;

/** The keys of a workspace; those that do not exist yet are made. */
export function openKeys(workspace: Workspace): Keys {
  mkdirSync(workspace.keys, { recursive: true, mode: 0o700 });
  refuseReplaceable(workspace.keys);
  return {
    gateway: signingKey(workspace, 'gateway'),
    journal: signingKey(workspace, 'journal'),
    evidence: evidenceKey(workspace),
  };
}

/**
 * Writes the public halves under `keys:` in `people.yaml`, where every process and every verifier looks them up.
 * Comments and other entries stay; with nothing to add the file is not touched.
 */
export function pinKeys(workspace: Workspace, keys: Keys): void {
  const document = parseDocument(readPeople(workspace));
  const pinned = document.get('keys');
  if (!isMap(document.contents) || (pinned !== undefined && pinned !== null && !isSeq(pinned))) {
    throw new FirebreakError('people.unreadable', `${workspace.people} holds no mapping with a list under \`keys:\`.`, {
      nextStep: 'run `firebreak validate`, and mend what it names.',
      target: workspace.people,
    });
  }
  const known = new Set(isSeq(pinned) ? pinned.items.map((item) => (isMap(item) ? item.get('id') : undefined)) : []);
  const missing = serviceKeys(keys).filter(({ id }) => !known.has(id));
  if (missing.length === 0) return;
  if (isSeq(pinned)) for (const key of missing) pinned.add(document.createNode(key));
  else document.set('keys', document.createNode(missing));
  // Long keys stay on one line, as people compare them by eye.
  replaceFile(workspace.people, document.toString({ lineWidth: 0 }), statSync(workspace.people).mode & 0o777);
}

/** As `people.yaml` spells them. */
function serviceKeys({ gateway, journal }: Keys): { id: string; use: ServiceKey['use']; public: string }[] {
  return [
    { id: gateway.id, use: 'gateway', public: gateway.publicKey },
    { id: journal.id, use: 'journal', public: journal.publicKey },
  ];
}

function readPeople(workspace: Workspace): string {
  if (!existsSync(workspace.people)) {
    throw new FirebreakError(
      'workspace.incomplete',
      `${workspace.people} does not exist, so no key can be pinned in it.`,
      {
        nextStep: 'write people.yaml: who may launch, who may approve.',
        target: workspace.people,
      },
    );
  }
  return readFileSync(workspace.people, 'utf8');
}

function signingKey(workspace: Workspace, use: ServiceKey['use']): SigningKey {
  const pem = kept(join(workspace.keys, `${use}.pem`), () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  const privateKey = createPrivateKey(pem);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const id = `${use}-${createHash('sha256').update(spki).digest('hex').slice(0, 8)}`;
  return { id, privateKey, publicKey: spki.toString('base64') };
}

function evidenceKey(workspace: Workspace): Buffer {
  const file = join(workspace.keys, 'evidence.key');
  const key = kept(file, () => randomBytes(evidenceKeyBytes));
  if (key.length !== evidenceKeyBytes) {
    throw new FirebreakError('keys.damaged', `${file} holds ${key.length} bytes instead of ${evidenceKeyBytes}.`, {
      nextStep: 'put it back from a backup: without it no evidence collected so far can be opened.',
      target: file,
    });
  }
  return key;
}

/** Made once, whichever of the processes that start together is first. */
function kept(file: string, make: () => string | Uint8Array): Buffer {
  if (!existsSync(file)) makeFile(file, make(), 0o600);
  return readPrivateFile(file);
}

/** A folder that others can write to is as good as open keys: they could put their own in place. */
function refuseReplaceable(folder: string): void {
  if ((statSync(folder).mode & 0o022) !== 0) {
    throw new FirebreakError('secret.too-open', `${folder} can be written to by others than its owner.`, {
      nextStep: `run \`chmod 700 ${folder}\`, and make new keys if others use this machine.`,
      target: folder,
    });
  }
}
