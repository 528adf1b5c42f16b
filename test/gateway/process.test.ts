// The gateway as a process of its own, without Temporal: it starts, keeps what is said, comes back after a kill with the same
// token, and ends with its parent.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { beingDelivered, type Health, type Prepared } from '../../gateway/api.js';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import { freePort } from '../../worker/ports.js';
import { built } from '../../worker/project.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';
import { writeWorkspace } from '../cli/support.js';
import { type Ground, openGround } from './support.js';

let ground: Ground;
let workspace: Workspace;
let gateway: ChildProcess;
let nowhere: number;

beforeEach(async () => {
  ground = openGround();
  workspace = workspaceAt(ground.folder);
  nowhere = await freePort();
  writeWorkspace(ground.folder, ground, { listen: `127.0.0.1:${await freePort()}` });
  await start();
});

afterEach(async () => {
  if (gateway.exitCode === null && gateway.signalCode === null) {
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
  }
  await ground.store.end();
});

async function start(): Promise<void> {
  gateway = fork(built('gateway', 'main.js'), {
    env: {
      PATH: process.env['PATH'],
      FIREBREAK_WORKSPACE: ground.folder,
      FIREBREAK_LOG: 'silent',
      TEMPORAL_ADDRESS: `127.0.0.1:${nowhere}`,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [said] = (await once(gateway, 'message')) as [unknown];
  expect(said).toBe('ready');
}

function file() {
  const found = readGatewayFile(workspace);
  if (found === undefined) throw new Error('the gateway has not said where it is');
  return found;
}

async function call(path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const { url, token } = file();
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}

test('it serves without Temporal, says so, and its token is readable by its owner alone', async () => {
  const { status, body } = await call('/v1/health');
  const { parts } = body as Health;
  expect(status).toBe(503);
  expect(Object.fromEntries(parts.map(({ name, ok }) => [name, ok]))).toEqual({
    journal: true,
    configuration: true,
    temporal: false,
  });
  expect(statSync(workspace.gateway).mode & 0o777).toBe(0o600);
  expect((await call('/v1/runs')).status).toBe(200);
});

test('what was said while Temporal was away outlives a kill, and the token does, too', async () => {
  const ask = {
    verb: 'launch',
    runbook: 'aws-host-compromise',
    inputs: { instances: 'i-0ab1c2d3e4f5a6b7c' },
    reason: 'beacon to a bad host',
  } as const;
  const { body } = await call('/v1/prepare', { ask, by: 'alice' });
  const statement = await ground.sign('alice', ask, body as Prepared);
  expect(await call('/v1/say', { statement })).toMatchObject({ status: 202, body: { outcome: beingDelivered } });
  const { token, pid } = file();
  gateway.kill('SIGKILL');
  await once(gateway, 'exit');
  await start();
  expect(file().token).toBe(token);
  expect(file().pid).not.toBe(pid);
  const store = openSqliteStore({ file: workspace.journal, signer: ground.signer });
  expect(await store.waiting()).toMatchObject([{ message: { verb: 'launch', by: 'alice' } }]);
  await store.end();
});

test('it ends in order when its parent is gone', async () => {
  gateway.disconnect();
  const [code] = (await once(gateway, 'exit')) as [number | null];
  expect(code).toBe(0);
});
