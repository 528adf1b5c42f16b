// A real server and real workers with keys that come, rotate and go. What the server keeps is read back raw: as it would be by
// whoever holds its database.
import { type ChildProcess } from 'node:child_process';
import { createSecretKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, type ProtoFailure } from '@temporalio/common';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, type NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { workflowTaskTimeoutMs } from '../../core/queues.js';
import { connectWorker, embedded, openClient, type TemporalSettings } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { noPayloadKeys, type PayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { built } from '../../worker/project.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { serverReady, startServer } from '../../worker/temporal-server.js';
import { findSecrets, type Place, type Secret } from '../support/secret-search.js';

const History = proto.temporal.api.history.v1.History;
const taskQueue = 'test';
/** A task that was given to a worker as it ended is given to the next one that soon. */
const onQueue = { taskQueue, workflowTaskTimeout: workflowTaskTimeoutMs };

let server: ChildProcess;
let folder: string;
let settings: TemporalSettings;
let connection: NativeConnection;
let workflowBundle: { code: string };
const soon = { timeout: 20_000, interval: 100 };
const clients: Client[] = [];
/** What workers log. */
const errors: unknown[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', ({ meta }) => errors.push(meta?.['error'])) });
  folder = mkdtempSync(join(tmpdir(), 'firebreak-encrypted-'));
  const port = await freePort();
  settings = embedded(port);
  server = startServer(await findTemporal(), { port, database: join(folder, 'temporal.db') });
  await serverReady(settings);
  connection = await connectWorker(settings);
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('workflows/listen.ts', import.meta.url)),
    failureConverterPath: built('worker', 'failure-converter.js'),
    logger: new DefaultLogger('WARN'),
  });
});

afterAll(async () => {
  for (const client of clients) await client.connection.close();
  await connection.close();
  if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
});

type KeyId = 'old' | 'new';
const keyOf = { old: createSecretKey(randomBytes(32)), new: createSecretKey(randomBytes(32)) };

/** The first is the active one. */
function keys(first: KeyId, ...more: KeyId[]): PayloadKeys {
  return { active: { id: first, key: keyOf[first] }, all: new Map([first, ...more].map((id) => [id, keyOf[id]])) };
}

/** Said in runs that are encrypted: in the end the server's database is searched for all of it. */
const secrets: Secret[] = [];

function secretWord(): string {
  const word = `planted ${randomBytes(12).toString('hex')}`;
  secrets.push(named(word));
  return word;
}

function named(word: string): Secret {
  return { name: word, bytes: Buffer.from(word) };
}

function clientWith(of: PayloadKeys): Client {
  const client = openClient(settings, dataConverterOf(of));
  clients.push(client);
  return client;
}

/** Does it while a worker runs, one that caches nothing, so that each task replays its run from the history as it is kept. */
async function working(of: PayloadKeys, what: () => Promise<unknown>): Promise<void> {
  const worker = await Worker.create({
    connection,
    taskQueue,
    dataConverter: dataConverterOf(of),
    workflowBundle,
    activities: { repeat: unreliably() },
    maxCachedWorkflows: 0,
  });
  await worker.runUntil(what);
}

/** Fails once for each word, and says what the word was. */
function unreliably(): (word: string) => Promise<string> {
  const heard = new Set<string>();
  return async (word) => {
    if (heard.has(word)) return word;
    heard.add(word);
    throw new ApplicationFailure(`cannot repeat ${word}`, 'test.deaf', false, [word]);
  };
}

/** What the server gives to whoever asks, as it came over the wire. */
async function historyOf(handle: WorkflowHandle): Promise<Place> {
  return { where: handle.workflowId, bytes: History.encode(await handle.fetchHistory()).finish() };
}

async function failures(handle: WorkflowHandle): Promise<ProtoFailure[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? [])
    .map(
      (event) =>
        event.activityTaskStartedEventAttributes?.lastFailure ??
        event.workflowTaskFailedEventAttributes?.failure ??
        event.workflowExecutionFailedEventAttributes?.failure,
    )
    .filter((failure) => failure != null);
}

/** Says it, and waits until it went through the activity, so that nothing is under way when the worker ends. */
async function repeated(handle: WorkflowHandle, word: string): Promise<void> {
  await handle.executeUpdate('word', { args: [word] });
  await vi.waitFor(async () => {
    const { events } = await handle.fetchHistory();
    expect(events?.some(({ activityTaskCompletedEventAttributes: completed }) => completed != null)).toBe(true);
  }, soon);
}

/** A run that hears the word by signal and update, passes it through an activity that fails with it, and gives it back. */
async function everywhere(workflowId: string, of: PayloadKeys, word: string): Promise<WorkflowHandle> {
  const { workflow } = clientWith(of);
  const told = { memo: { said: word }, staticSummary: word };
  const handle = await workflow.start('listen', { workflowId, ...onQueue, args: [2], ...told });
  await handle.signal('wordSignal', `signal ${word}`);
  await working(of, async () => {
    await handle.executeUpdate('word', { args: [`update ${word}`] });
    // Which of the two comes first is the server's to say.
    expect((await handle.result()).toSorted()).toEqual([`signal ${word}`, `update ${word}`]);
  });
  return handle;
}

test('without keys the word is in the history, so that the search for it can be believed', async () => {
  const handle = await everywhere('plain', noPayloadKeys, 'said in the clear');
  const found = findSecrets([named('said in the clear')], [await historyOf(handle)]);
  expect(found.map(({ spelling }) => spelling)).toContain('raw');
});

test('with a key it is in no history, in no spelling, and whoever has the key reads it as before', async () => {
  const word = secretWord();
  const handle = await everywhere('encrypted', keys('new'), word);
  const history = await historyOf(handle);
  expect(history.bytes.length).toBeGreaterThan(1_000);
  expect(findSecrets(secrets, [history])).toEqual([]);
  expect((await handle.describe()).memo).toEqual({ said: word });
});

test('failures are encrypted, their messages, stack traces and details, and reach whoever has the key whole', async () => {
  const word = secretWord();
  const { workflow } = clientWith(keys('new'));
  const handle = await workflow.start('fails', { workflowId: 'failed', ...onQueue, args: [word] });
  await working(keys('new'), () =>
    expect(handle.result()).rejects.toMatchObject({
      cause: expect.objectContaining({ message: word, type: 'test.failed' }) as unknown,
    }),
  );
  const found = [...(await failures(handle)), ...(await failures(workflow.getHandle('encrypted')))];
  expect(found).toHaveLength(3); // of the run that fails, and of an activity for each word of the other
  for (const failure of found) {
    expect(failure).toMatchObject({ message: 'Encoded failure', stackTrace: '' });
    expect(String(failure.encodedAttributes?.metadata?.['encoding'])).toBe('binary/encrypted');
  }
  expect(findSecrets(secrets, [await historyOf(handle)])).toEqual([]);
});

test('an update that is refused says why only to whoever has the key', async () => {
  const word = `${secretWord()}${' and more'.repeat(20)}`;
  const handle = await clientWith(keys('new')).workflow.start('listen', {
    workflowId: 'refused',
    ...onQueue,
    args: [1],
  });
  await working(keys('new'), async () => {
    await expect(handle.executeUpdate('word', { args: [word] })).rejects.toMatchObject({
      cause: expect.objectContaining({ message: `too long: ${word}` }) as unknown,
    });
    expect(findSecrets(secrets, [await historyOf(handle)])).toEqual([]);
    await handle.terminate();
  });
});

test('an encrypted history replays with the key, and is refused by name without it', async () => {
  const history = await clientWith(keys('new')).workflow.getHandle('encrypted').fetchHistory();
  const replay = (of: PayloadKeys) =>
    Worker.runReplayHistory({ workflowBundle, dataConverter: dataConverterOf(of) }, history, 'encrypted');
  await replay(keys('new'));
  await replay(keys('old', 'new'));
  await expect(replay(noPayloadKeys)).rejects.toThrow('workflow task failure');
  expect(errors.at(-1)).toMatchObject({
    code: 'payload.unknown-key',
    message: expect.stringContaining('"new"') as string,
  });
});

test('the bundle that workflows run from knows nothing of keys', () => {
  for (const code of [workflowBundle.code, readFileSync(built('workflow-bundle.js'), 'utf8')])
    expect(code).not.toContain('binary/encrypted');
});

test('a run from before there were keys goes on with them, and what it hears from then on is encrypted', async () => {
  const [before, after] = ['heard in the clear', secretWord()];
  const handle = await clientWith(noPayloadKeys).workflow.start('listen', {
    workflowId: 'before',
    ...onQueue,
    args: [2],
  });
  await working(noPayloadKeys, () => repeated(handle, before));
  const later = clientWith(keys('new')).workflow.getHandle('before');
  await working(keys('new'), async () => {
    await later.executeUpdate('word', { args: [after] });
    expect(await later.result()).toEqual([before, after]);
  });
  const history = await historyOf(later);
  expect(findSecrets([named(before)], [history])).not.toEqual([]);
  expect(findSecrets(secrets, [history])).toEqual([]);
});

test('keys rotate under a run: what was written with the old one is read, and the new one writes', async () => {
  const { workflow } = clientWith(keys('old'));
  await workflow.start('listen', { workflowId: 'rotated', ...onQueue, args: [2] });
  await working(keys('old'), () => repeated(workflow.getHandle('rotated'), 'first'));
  const handle = clientWith(keys('new', 'old')).workflow.getHandle('rotated');
  await working(keys('new', 'old'), async () => {
    await handle.executeUpdate('word', { args: ['second'] });
    expect(await handle.result()).toEqual(['first', 'second']);
  });
  const { events } = await handle.fetchHistory();
  const heard = (events ?? []).flatMap(
    ({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) =>
      accepted?.acceptedRequest?.input?.args?.payloads ?? [],
  );
  expect(heard.map(({ metadata }) => String(metadata?.['encryption-key-id']))).toEqual(['old', 'new']);
});

test('a run whose key is away waits, and goes on when the key is back', async () => {
  const word = secretWord();
  const handle = await clientWith(keys('old', 'new')).workflow.start('listen', {
    workflowId: 'waits',
    ...onQueue,
    args: [1],
  });
  await handle.signal('wordSignal', word);
  await working(keys('new'), () => vi.waitFor(async () => expect(await failures(handle)).not.toEqual([]), soon));
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await working(keys('new', 'old'), async () => expect(await handle.result()).toEqual([word]));
  expect(findSecrets(secrets, [await historyOf(handle)])).toEqual([]);
});

test('the database of the server holds nothing of what was said in encrypted runs', async () => {
  const gone = once(server, 'exit');
  server.kill('SIGTERM');
  await gone;
  const places = readdirSync(folder).map((name) => ({ where: name, bytes: readFileSync(join(folder, name)) }));
  expect(findSecrets([named('said in the clear')], places)).not.toEqual([]);
  expect(secrets.length).toBeGreaterThan(3);
  expect(findSecrets(secrets, places)).toEqual([]);
});
