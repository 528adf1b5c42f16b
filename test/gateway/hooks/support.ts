// The hooks of docs/hooks.md as a reader would copy them, and senders of both schemes.
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { compileInstallation } from '../../../compiler/installation.js';
import type { Bundle } from '../../../core/installation.js';
import type { Json } from '../../../core/json.js';
import type { Principal, Service } from '../../../core/people.js';
import { projectRoot } from '../../../worker/project.js';
import type { Ground } from '../support.js';

/** By which the gateway of the tests attests. */
export const gatewayKey = generateKeyPairSync('ed25519');

const [hooksYaml = '', principalsYaml = ''] = [
  ...readFileSync(join(projectRoot, 'docs', 'hooks.md'), 'utf8').matchAll(/```yaml\n([^]*?)```/g),
].map(([, text]) => text);

/** Changes of people.yaml and firebreak.yaml as the page says. */
export const withHooks = {
  installation: (text: string) => `${text}\n${hooksYaml}`,
  people: (text: string) => {
    const form = parse(text) as { principals: object };
    return stringify({ ...form, principals: { ...form.principals, ...(parse(principalsYaml) as object) } });
  },
};

export const token = 'f'.repeat(64);
export const key = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** Where the page says that they lie. */
export function writeHookSecrets(root: string): void {
  mkdirSync(join(root, '.firebreak'), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, '.firebreak', 'guardduty-token'), `${token}\n`, { mode: 0o600 });
  writeFileSync(join(root, '.firebreak', 'alerts-key'), `${key}\n`, { mode: 0o600 });
}

function sample(name: 'guardduty-finding' | 'alert'): string {
  return readFileSync(join(projectRoot, 'docs', 'hooks', `${name}.json`), 'utf8');
}

/** The sample finding, about an instance and with an id of its own. */
export function finding(
  instance: string,
  id: string = randomUUID(),
  type = 'UnauthorizedAccess:EC2/TorClient',
): string {
  const event = JSON.parse(sample('guardduty-finding')) as {
    detail: { id: string; type: string; resource: { instanceDetails: { instanceId: string } } };
  };
  event.detail.id = id;
  event.detail.type = type;
  event.detail.resource.instanceDetails.instanceId = instance;
  return JSON.stringify(event);
}

/** The sample alert, likewise. */
export function alert(instance: string, id: string = randomUUID()): string {
  const event = JSON.parse(sample('alert')) as {
    commonLabels: { instance_id: string };
    alerts: { fingerprint: string }[];
  };
  event.commonLabels.instance_id = instance;
  event.alerts = event.alerts.map((each) => ({ ...each, fingerprint: id }));
  return JSON.stringify(event);
}

export interface Signing {
  id?: string;
  /** Seconds that the sender's clock is off. */
  offS?: number;
  secret?: string;
}

/** As the specification says it, and not as the gateway does. */
export function signed(body: string | Uint8Array, { id = 'msg_1', offS = 0, secret = key }: Signing = {}) {
  const stamp = String(Math.floor(Date.now() / 1000) + offS);
  const hmac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const signature = hmac.update(`${id}.${stamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': stamp, 'webhook-signature': `v1,${signature}` };
}

/** The bundle of the ground with the hooks and the services of the page, and the key by which its gateway attests. */
export function hookBundle({ bundle: before, people }: Ground): Bundle {
  const text = 'apiVersion: firebreak/v1\nkind: Installation\nenvironment: test\nsystems: {}\n';
  const { installation } = compileInstallation({ file: 'firebreak.yaml', text: withHooks.installation(text) });
  if (installation === undefined) throw new Error('the hooks of the page do not compile');
  const services = Object.entries(parse(principalsYaml) as Record<string, { service: Service }>).map(
    ([id, { service }]): [string, Principal] => [id, { id, slack: [], ssh: [], service }],
  );
  const publicKey = gatewayKey.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    ...before,
    installation: { ...before.installation, hooks: installation.hooks ?? {} },
    people: {
      ...people,
      principals: { ...people.principals, ...Object.fromEntries(services) },
      keys: [{ id: 'gateway-test', use: 'gateway', publicKey }],
    },
  };
}

export const bearer = { authorization: `Bearer ${token}` };

export interface Answer {
  status: number;
  body: { run: string; incident: string; outcome: string; error?: { code: string; message: string; nextStep: string } };
}

export async function post(
  url: string,
  hook: string,
  body: string | Uint8Array,
  headers: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(`${url}/v1/hooks/${hook}`, {
    method: 'POST',
    body: body as string | Uint8Array<ArrayBuffer>,
    headers,
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] & Json };
}
