// The gateway as a process of its own, killed between what it accepted and the launch, with Temporal away and then back.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readGatewayFile } from '../../../gateway/gateway-file.js';
import { embedded, openClient } from '../../../worker/connection.js';
import { dataConverterOf } from '../../../worker/data-converter.js';
import { openKeys, pinKeys } from '../../../worker/keys.js';
import { noPayloadKeys } from '../../../worker/payload-keys.js';
import { freePort } from '../../../worker/ports.js';
import { built } from '../../../worker/project.js';
import { findTemporal } from '../../../worker/temporal-executable.js';
import { serverReady, startServer } from '../../../worker/temporal-server.js';
import { openWorkspace, type Workspace, workspaceAt } from '../../../worker/workspace.js';
import { writeWorkspace } from '../../cli/support.js';
import { editFile } from '../../support/installation.js';
import { type Ground, openGround } from '../support.js';
import { alert, bearer, finding, post, signed, withHooks, writeHookSecrets } from './support.js';

let ground: Ground;
let workspace: Workspace;
let gateway: ChildProcess;
let temporalPort: number;
let temporal: ChildProcess | undefined;

beforeEach(async () => {
  ground = openGround();
  temporalPort = await freePort();
  writeWorkspace(ground.folder, ground, { listen: `127.0.0.1:${await freePort()}` });
  workspace = openWorkspace(workspaceAt(ground.folder));
  editFile(workspace.installation, withHooks.installation);
  editFile(workspace.people, withHooks.people);
  pinKeys(workspace, openKeys(workspace));
  writeHookSecrets(ground.folder);
  await start();
});

afterEach(async () => {
  await kill(gateway);
  if (temporal !== undefined) await kill(temporal);
  temporal = undefined;
  await ground.store.end();
});

async function kill(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill('SIGKILL');
  await once(process, 'exit');
}

async function start(): Promise<void> {
  gateway = fork(built('gateway', 'main.js'), {
    env: {
      PATH: process.env['PATH'],
      FIREBREAK_WORKSPACE: ground.folder,
      FIREBREAK_LOG: 'silent',
      TEMPORAL_ADDRESS: `127.0.0.1:${temporalPort}`,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [said] = (await once(gateway, 'message')) as [unknown];
  expect(said).toBe('ready');
}

const url = () => readGatewayFile(workspace)?.url ?? '';

test('accepted, killed, sent again, and Temporal back: exactly one run of each alert', async () => {
  const body = alert('i-0ab1c2d3e4f5a6b7c');
  const accepted = await post(url(), 'alerts', body, signed(body));
  expect(accepted).toMatchObject({ status: 202, body: { outcome: 'accepted' } });
  await kill(gateway);
  await start();
  const { run } = accepted.body;
  expect(await post(url(), 'alerts', body, signed(body, { id: 'msg_2' }))).toMatchObject({
    status: 200,
    body: { outcome: 'launched before', run },
  });
  temporal = startServer(await findTemporal(), { port: temporalPort, database: join(ground.folder, 'temporal.db') });
  await serverReady(embedded(temporalPort));
  const client = openClient(embedded(temporalPort), dataConverterOf(noPayloadKeys));
  const open = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { workflowId } of client.workflow.list()) found.push(workflowId);
    return found;
  };
  await expect.poll(open, { timeout: 15_000, interval: 200 }).toEqual([run]);
  // Nobody works on it here, so it stays as it began; nothing that is sent again or redelivered begins another one.
  await kill(gateway);
  await start();
  const other = finding('i-0ab1c2d3e4f5a6b7d');
  const second = await post(url(), 'guardduty', other, bearer);
  expect(second.status).toBe(202);
  for (const each of [1, 2])
    expect((await post(url(), 'guardduty', other, bearer)).body, String(each)).toMatchObject({ run: second.body.run });
  await expect
    .poll(async () => (await open()).toSorted(), { timeout: 15_000 })
    .toEqual([run, second.body.run].toSorted());
  await client.connection.close();
}, 60_000);
