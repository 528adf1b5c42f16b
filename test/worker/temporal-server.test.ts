// A real server with its database in a file; it is killed with SIGKILL, and a worker goes on against its successor.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectWorker, embedded, openClient } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { serverReady, startServer } from '../../worker/temporal-server.js';

const taskQueue = 'test';
const dataConverter = dataConverterOf(noPayloadKeys);
let executable: string;
let server: ChildProcess;
let place: { port: number; database: string };
let client: Client;
let stopWorker: () => Promise<void>;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  executable = await findTemporal();
  place = { port: await freePort(), database: join(mkdtempSync(join(tmpdir(), 'firebreak-temporal-')), 'temporal.db') };
  await start();
  const settings = embedded(place.port);
  client = openClient(settings, dataConverter);
  const connection = await connectWorker(settings);
  const worker = await Worker.create({
    connection,
    taskQueue,
    dataConverter,
    workflowsPath: fileURLToPath(new URL('workflows/listen.ts', import.meta.url)),
    activities: { repeat: (word: string) => Promise.resolve(word) },
    stickyQueueScheduleToStartTimeout: '2 s',
  });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await connection.close();
  };
});

afterAll(async () => {
  await stopWorker();
  await client.connection.close();
  server.kill('SIGKILL');
});

async function start(): Promise<void> {
  server = startServer(executable, place);
  await serverReady(embedded(place.port));
}

async function killAndRestart(): Promise<void> {
  const died = once(server, 'exit');
  server.kill('SIGKILL');
  expect(await died).toEqual([null, 'SIGKILL']);
  await start();
}

test('whatever the server has acknowledged is there after a SIGKILL, and the run goes on', async () => {
  const words = ['one', 'two', 'three', 'four', 'five'];
  const handle = await client.workflow.start('listen', { workflowId: 'killed', taskQueue, args: [words.length] });
  for (const word of words) {
    await handle.signal('wordSignal', word);
    await killAndRestart();
  }
  expect(await handle.result()).toEqual(words);
});

test('what was said is answered within seconds of the server’s return', async () => {
  const handle = await client.workflow.start('listen', { workflowId: 'answered', taskQueue, args: [2] });
  await handle.executeUpdate('word', { args: ['before'] });
  await killAndRestart();
  const backMs = Date.now();
  await handle.executeUpdate('word', { args: ['after'] });
  const answeredMs = Date.now() - backMs;
  expect(await handle.result()).toEqual(['before', 'after']);
  expect(answeredMs).toBeLessThan(10_000);
});

test('an ended run can be looked at for a month', async () => {
  const { config } = await client.connection.workflowService.describeNamespace({ namespace: 'default' });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 60 * 60);
});

test('a failure reaches the client whole, and lies on the server only as a payload that the codec covers', async () => {
  const handle = await client.workflow.start('fails', { workflowId: 'failed', taskQueue, args: ['the host is gone'] });
  await expect(handle.result()).rejects.toMatchObject({
    cause: expect.objectContaining({ message: 'the host is gone' }),
  });
  const { events } = await handle.fetchHistory();
  const failure = events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
  expect(failure).toMatchObject({ message: 'Encoded failure', stackTrace: '' });
  expect(failure?.encodedAttributes).toBeDefined();
});
