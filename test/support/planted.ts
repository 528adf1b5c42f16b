// Every credential of a sandbox workspace, each of its own and unlike anything else, so that wherever one turns up it is known.
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import { personKey, sandboxPeople } from '../../sandbox/people.js';
import type { SandboxState } from '../../sandbox/slack/state.js';
import type { Workspace } from '../../worker/workspace.js';
import type { ProcessesOptions } from './processes.js';
import type { Secret } from './secret-search.js';

/** With the signs that base64, URLs and forms spell otherwise. */
export function plantCredentials(): Required<NonNullable<ProcessesOptions['planted']>> {
  return {
    credentials: {
      accessKeyId: `AKIA${random(8).toUpperCase()}`,
      secretAccessKey: `${random(6)}/${random(6)}+${random(6)}`,
    },
    slackSecrets: { botToken: `xoxb-${random(6)}-${random(12)}`, signingSecret: random(16) },
  };
}

/** All that must stay where it is kept, once the processes have run: what was planted, and what they made themselves. */
export function secretsOf(
  workspace: Workspace,
  { credentials, slackSecrets }: ReturnType<typeof plantCredentials>,
  slack: SandboxState,
): Secret[] {
  const token = readGatewayFile(workspace)?.token ?? '';
  return [
    text('AWS access key id', credentials.accessKeyId),
    text('AWS secret access key', credentials.secretAccessKey),
    text('Slack bot token', slackSecrets.botToken),
    text('Slack signing secret', slackSecrets.signingSecret),
    text("the gateway's token", token),
    ...['gateway', 'journal'].map((use) => ({
      name: `the ${use}'s private key`,
      bytes: seedOf(readFileSync(join(workspace.keys, `${use}.pem`), 'utf8')),
    })),
    { name: 'the key of the evidence', bytes: readFileSync(join(workspace.keys, 'evidence.key')) },
    ...sandboxPeople.map((person) => ({
      name: `${person}'s private key`,
      bytes: sshSeedOf(personKey(workspace.root, person)),
    })),
    // What a request of Slack carries besides: whoever has it can answer in the app's name.
    text('the token in requests of Slack', 'legacy-verification-token'),
    ...[...slack.responseUrls.keys()].map((path) => text('a response_url', path.split('/').at(-1) ?? '')),
    ...[...slack.triggers.keys()].map((id) => text('a trigger id', id.split('.').at(-1) ?? '')),
  ];
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

function text(name: string, value: string): Secret {
  return { name, bytes: Buffer.from(value) };
}

/** The 32 bytes that an Ed25519 key is made from. */
function seedOf(pem: string): Buffer {
  return Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url');
}

/** The same of a key that ssh-keygen made: there the public half follows them. */
function sshSeedOf(file: string): Buffer {
  const body = Buffer.from(readFileSync(file, 'utf8').replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const half = Buffer.from(readFileSync(`${file}.pub`, 'utf8').split(' ')[1] ?? '', 'base64').subarray(-32);
  const seed = body.subarray(body.lastIndexOf(half) - 32, body.lastIndexOf(half));
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const made = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })).export({
    type: 'spki',
    format: 'der',
  });
  if (!made.subarray(-32).equals(half)) throw new Error(`${file} is not read as it was written.`);
  return seed;
}
