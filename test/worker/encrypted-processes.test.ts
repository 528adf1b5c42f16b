// The real processes of a workspace with a payload key, and a launch through the door. What they gave to Temporal is read back
// raw, and then by Temporal's own command line with the codec server.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Prepared } from '../../gateway/api.js';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import { serveCodec } from '../../worker/codec-server.js';
import { payloadCodec } from '../../worker/payload-codec.js';
import { readPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { readSecret } from '../../worker/secrets.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { type Up, up } from '../../worker/up.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';
import { writeWorkspace } from '../cli/support.js';
import { type Ground, openGround } from '../gateway/support.js';
import { findSecrets } from '../support/secret-search.js';

const word = `planted-${randomBytes(12).toString('hex')}`;
const secrets = [{ name: 'reason', bytes: Buffer.from(word) }];
const encryption = { active: '2026-11', keys: { '2026-11': { file: 'payload-key' } } };

let ground: Ground;
let workspace: Workspace;
let running: Up;

beforeAll(async () => {
  ground = openGround();
  workspace = workspaceAt(ground.folder);
  writeWorkspace(ground.folder, ground, { listen: `127.0.0.1:${await freePort()}` });
  writeFileSync(join(ground.folder, 'payload-key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  appendFileSync(workspace.installation, `temporal: ${JSON.stringify({ encryption })}\n`);
  running = await up(workspace);
});

afterAll(async () => {
  await running.stop();
  await ground.store.end();
});

async function call(path: string, body?: unknown): Promise<unknown> {
  const { url, token } = readGatewayFile(workspace) ?? { url: '', token: '' };
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return (await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } })).json();
}

async function temporal(...args: string[]): Promise<string> {
  const { address } = running.temporal.connectionOptions;
  const { stdout } = await promisify(execFile)(await findTemporal(), [...args, '--address', address]);
  return stdout;
}

let run: string;

test('gateway and worker understand each other: a launch is judged, and its run goes on', async () => {
  const ask = {
    verb: 'launch',
    runbook: 'aws-host-compromise',
    inputs: { instances: 'i-0ab1c2d3e4f5a6b7c' },
    reason: `beacon to ${word}`,
  } as const;
  const statement = await ground.sign('alice', ask, (await call('/v1/prepare', { ask, by: 'alice' })) as Prepared);
  ({ run } = (await call('/v1/say', { statement })) as { run: string });
  await vi.waitFor(async () => expect(await call(`/v1/runs/${run}`)).toMatchObject({ view: { run } }), {
    timeout: 20_000,
    interval: 100,
  });
  await vi.waitFor(async () => expect(await rawHistory()).toContain('EVENT_TYPE_ACTIVITY_TASK_COMPLETED'), {
    timeout: 20_000,
    interval: 200,
  });
});

async function rawHistory(): Promise<string> {
  return await temporal('workflow', 'show', '-w', run, '-o', 'json');
}

test('what they gave to Temporal is encrypted, in the history and in the database', async () => {
  const history = await rawHistory();
  expect(history).toContain(Buffer.from('binary/encrypted').toString('base64'));
  expect(history).not.toContain(Buffer.from('json/plain').toString('base64'));
  const files = readdirSync(workspace.state).filter((name) => name.startsWith('temporal.db'));
  const places = files.map((name) => ({ where: name, bytes: readFileSync(join(workspace.state, name)) }));
  expect(Buffer.concat(places.map(({ bytes }) => bytes)).includes(run)).toBe(true);
  expect(findSecrets(secrets, [...places, { where: 'history', bytes: Buffer.from(history) }])).toEqual([]);
});

test('Temporal’s own command line shows what was said, with the codec server', async () => {
  const keys = readPayloadKeys(
    { temporal: { encryption } },
    (ref) => readSecret(ref, workspace.root),
    () => undefined,
  );
  const server = await serveCodec(
    { codec: payloadCodec(keys), encodes: false, onFault: () => undefined },
    { host: '127.0.0.1', port: 0 },
  );
  try {
    const shown = await temporal('workflow', 'show', '-w', run, '-o', 'json', '--codec-endpoint', server.url);
    expect(findSecrets(secrets, [{ where: 'shown', bytes: Buffer.from(shown) }])).not.toEqual([]);
    expect(shown).not.toContain(Buffer.from('binary/encrypted').toString('base64'));
  } finally {
    await server.end();
  }
});
