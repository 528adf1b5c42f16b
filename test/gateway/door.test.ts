// Against a real Temporal server that is killed and started again, with the real judging of launches; only what a run does
// after it began is left out, for the door brings words to a run and carries nothing out.
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { controlActivities } from '../../activities/control.js';
import { controlQueue } from '../../core/queues.js';
import { beingDelivered, type Prepare } from '../../gateway/api.js';
import { type Door, openDoor } from '../../gateway/door.js';
import { connectWorker, embedded, openClient } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { installRuntime } from '../../worker/runtime.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { serverReady, startServer } from '../../worker/temporal-server.js';
import { type Ground, type Name, openGround, silent, write, writeAsk, writeHold, writeLaunch } from './support.js';

const dataConverter = dataConverterOf(noPayloadKeys);
let ground: Ground;
let server: ChildProcess;
let place: { port: number; database: string };
let client: Client;
let stopWorker: () => Promise<void>;
let door: Door;

const launch = {
  verb: 'launch',
  runbook: 'aws-host-compromise',
  inputs: { instances: 'i-1' },
  reason: 'beacon seen',
  again: true, // each test has a run of its own, of the same launch
} as const;

beforeAll(async () => {
  installRuntime(silent);
  ground = openGround();
  place = { port: await freePort(), database: join(ground.folder, 'temporal.db') };
  client = openClient(embedded(place.port), dataConverter);
  await startTemporal();
  await startWorker();
});

async function startWorker(): Promise<void> {
  const connection = await connectWorker(embedded(place.port));
  const worker = await Worker.create({
    connection,
    taskQueue: controlQueue,
    dataConverter,
    workflowsPath: fileURLToPath(new URL('workflows/answering.ts', import.meta.url)),
    activities: controlActivities({
      store: ground.store,
      bundle: () => Promise.resolve(ground.bundle),
      evidenceKey: new Uint8Array(32),
      readSecret: () => 'unused',
      secrets: () => [],
      log: silent,
    }),
  });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await connection.close();
  };
}

afterAll(async () => {
  await stopWorker();
  await client.connection.close();
  await killTemporal();
  await ground.store.end();
});

beforeEach(() => {
  door = open();
});

afterEach(() => door.end());

function open(): Door {
  return openDoor({
    client,
    store: ground.store,
    bundle: () => Promise.resolve(ground.bundle),
    log: silent,
    answerMs: 2_000,
    redeliverMs: 200,
  });
}

async function startTemporal(): Promise<void> {
  server = startServer(await findTemporal(), place);
  await serverReady(embedded(place.port));
}

async function killTemporal(): Promise<void> {
  server.kill('SIGKILL');
  await once(server, 'exit');
}

async function speak(name: Name, ask: Prepare, nonce?: string) {
  const prepared = await door.prepare(ask, name, nonce === undefined ? {} : { nonce });
  return ground.sign(name, ask, prepared);
}

/** A run that the engine has and whose gate asks. */
async function askingRun(): Promise<string> {
  const { run, incident } = await door.say(await speak('alice', launch));
  const view = await door.view(run);
  await writeAsk(ground.store, { run, incident, launch: view?.view.launch ?? 'sha256:' });
  return run;
}

let counter = 0;
function ids() {
  counter += 1;
  const tail = String(counter).padStart(10, '0');
  return { run: `run-${tail}`, incident: `inc-${tail}` };
}

test('a launch that was signed starts its run, and saying it again starts no second', async () => {
  const statement = await speak('alice', launch);
  const said = await door.say(statement);
  expect(said).toMatchObject({ outcome: 'launched' });
  expect(await door.say(statement)).toEqual(said);
  expect(await door.view(said.run)).toMatchObject({
    view: { state: 'planning', requester: 'alice', incident: said.incident },
  });
  expect((await ground.store.events({ run: said.run })).filter(({ action }) => action === 'run.launched')).toHaveLength(
    1,
  );
});

test('a launch that does not count is refused to the face with what to do, and is on the record', async () => {
  const prepared = await door.prepare(launch, 'alice');
  const forged = { ...(await ground.sign('dave', launch, prepared)), by: 'alice' };
  await expect(door.say(forged)).rejects.toMatchObject({
    code: 'proof.identity-mismatch',
    nextStep: expect.stringContaining('speak as') as string,
  });
  expect(await door.view(prepared.run)).toMatchObject({ view: { state: 'refused' } });
});

test('a launch of what was never prepared is refused', async () => {
  const prepared = await door.prepare(launch, 'alice');
  if (prepared.about.kind !== 'launch') throw new Error('no launch');
  const about = { ...prepared.about, inputs: ground.bundle.digest };
  await expect(door.say(await ground.sign('alice', launch, { ...prepared, about }))).rejects.toMatchObject({
    code: 'launch.not-prepared',
  });
});

test('two clicks on one card are one approval, also at the same time', async () => {
  const run = await askingRun();
  const statement = await speak('bob', { verb: 'approve', run }, 'nonce-of-the-card');
  const [one, other] = await Promise.all([door.say(statement), door.say(statement)]);
  expect([one.outcome, other.outcome]).toEqual(['heard 1', 'heard 1']);
  expect(await door.say(statement)).toMatchObject({ outcome: 'heard 1' });
  expect(await door.say(await speak('carol', { verb: 'approve', run }))).toMatchObject({ outcome: 'heard 2' });
});

test('a refusal by the run comes back with its code, its reason and what to do next', async () => {
  const run = await askingRun();
  await expect(door.say(await speak('bob', { verb: 'deny', run }))).rejects.toMatchObject({
    code: 'gate.requester-excluded',
    message: 'Whoever asked for this cannot also decide it.',
    nextStep: expect.stringContaining('ask one of the people') as string,
  });
  expect(await ground.store.waiting()).toEqual([]);
});

test('when the run takes its time the word is kept and said to be so, and is delivered once', async () => {
  const run = await askingRun();
  const statement = await speak('bob', { verb: 'approve', run, reason: 'slowly' });
  let kept = false;
  expect(await door.say(statement, () => (kept = true))).toMatchObject({ outcome: beingDelivered });
  expect(kept).toBe(true);
  await vi.waitFor(async () => expect(await ground.store.waiting()).toEqual([]), { timeout: 15_000 });
  expect(await door.say(statement)).toMatchObject({ outcome: 'heard 1' });
});

test('what was said while Temporal was killed is delivered by the next gateway, once', async () => {
  const run = await askingRun();
  const statement = await speak('bob', { verb: 'approve', run });
  // Stopped with it: a worker that met the absence would come back later than the server, and be waited for here.
  await stopWorker();
  await killTemporal();
  expect(await door.say(statement)).toMatchObject({ outcome: beingDelivered });
  await door.end();
  expect(await ground.store.waiting()).toHaveLength(1);
  await startTemporal();
  await startWorker();
  door = open();
  await vi.waitFor(async () => expect(await ground.store.waiting()).toEqual([]), { timeout: 40_000 });
  expect(await door.say(statement)).toMatchObject({ outcome: 'heard 1' });
}, 60_000);

test('a launch that was said while Temporal was killed can be seen and followed, blocks an equal one, and is delivered once', async () => {
  const inputs = { instances: 'i-kept' };
  const statement = await speak('alice', { ...launch, inputs });
  const { run } = statement.about;
  await stopWorker();
  await killTemporal();
  expect(await door.say(statement)).toMatchObject({ outcome: beingDelivered });
  const known = { run, verb: 'launch', runbook: 'aws-host-compromise', by: 'alice', reason: 'beacon seen' };
  expect(await door.waiting()).toMatchObject([known]);
  expect(await door.holds(run)).toEqual([]);
  expect(await door.events(run, 0, 0)).toEqual({ events: [], next: 0 });
  await expect(door.prepare({ ...launch, inputs, again: false }, 'bob')).rejects.toMatchObject({
    code: 'launch.equal-run-open',
    message: expect.stringMatching(`${run}.*received from alice at .*, being delivered`) as string,
  });
  await startTemporal();
  // Temporal has it by now and no worker takes it up: still nobody else knows of it.
  await vi.waitFor(async () => expect((await client.workflow.getHandle(run).describe()).status.name).toBe('RUNNING'), {
    timeout: 40_000,
  });
  expect(await door.waiting()).toMatchObject([known]);
  await startWorker();
  const following = door.events(run, 0, 40_000);
  expect((await following).events[0]).toMatchObject({ action: 'run.launched' });
  await vi.waitFor(async () => expect(await ground.store.waiting()).toEqual([]), { timeout: 40_000 });
  expect(await door.waiting()).toEqual([]);
  expect(await ground.store.events({ run, actions: ['run.launched'] })).toHaveLength(1);
}, 120_000);

test('a run that ended refuses a cancel, on the record, and says how to go on', async () => {
  const run = await askingRun();
  const statement = await speak('alice', { verb: 'cancel', run, reason: 'wrong host' });
  await door.say(statement);
  const late = await speak('bob', { verb: 'cancel', run });
  const incident = (await door.view(run))?.view.incident ?? '';
  await write(ground.store, { run, incident, launch: 'sha256:' }, 'run.cancelled', {});
  await expect(door.say(late)).rejects.toMatchObject({
    code: 'run.ended',
    message: expect.stringContaining('ended cancelled') as string,
    nextStep: expect.stringContaining('firebreak run') as string,
  });
  expect(await ground.store.events({ run, actions: ['statement.refused'] })).toMatchObject([
    { actor: 'bob', data: { code: 'run.ended', verb: 'cancel' } },
  ]);
});

test('a run that only the journal still knows is refused as such, not left waiting', async () => {
  const written = await writeLaunch(ground.store, ids());
  await writeAsk(ground.store, written);
  await expect(door.say(await speak('bob', { verb: 'approve', run: written.run }))).rejects.toMatchObject({
    code: 'run.ended',
    message: expect.stringContaining('Temporal knows no such open run') as string,
  });
});

test('a note about a run that left nothing is judged and journaled by the gateway', async () => {
  const written = await writeLaunch(ground.store, ids());
  await write(ground.store, written, 'run.done', {});
  const note = { verb: 'note', run: written.run, reason: 'owner informed' } as const;
  const statement = await speak('bob', note);
  expect(await door.say(statement)).toMatchObject({ outcome: 'noted' });
  expect(await door.say(statement)).toMatchObject({ outcome: 'noted' });
  expect((await door.view(written.run))?.view.notes).toMatchObject([{ by: 'bob', text: 'owner informed' }]);
  const prepared = await door.prepare(note, 'bob');
  await expect(door.say(await ground.sign('dave', note, prepared))).rejects.toMatchObject({
    code: 'person.not-a-responder',
  });
  expect((await door.view(written.run))?.view).toMatchObject({ notes: [{ by: 'bob' }], refusals: [{ by: 'dave' }] });
});

test('where something is still in force its containment hears notes and extensions', async () => {
  const written = await writeLaunch(ground.store, ids());
  await writeHold(ground.store, written, 'eni-contained');
  await write(ground.store, written, 'run.done', {});
  await client.workflow.start('containment', { workflowId: `containment-${written.run}`, taskQueue: controlQueue });
  expect(await door.say(await speak('bob', { verb: 'extend', run: written.run, byMs: 3_600_000 }))).toMatchObject({
    outcome: 'heard 1',
  });
  expect(await door.say(await speak('bob', { verb: 'note', run: written.run, reason: 'still needed' }))).toMatchObject({
    outcome: 'heard 2',
  });
});

test('an extension of what ended and holds nothing is refused', async () => {
  const written = await writeLaunch(ground.store, ids());
  await write(ground.store, written, 'run.done', {});
  await expect(door.say(await speak('bob', { verb: 'extend', run: written.run, byMs: 60_000 }))).rejects.toMatchObject({
    code: 'run.ended',
  });
});

test('what is no statement, or says a verb about the wrong thing, is neither kept nor delivered', async () => {
  const run = await askingRun();
  const statement = await speak('bob', { verb: 'approve', run });
  for (const wrong of [
    { ...statement, version: 2 },
    { ...statement, extra: true },
    { ...statement, verb: 'launch' },
    { ...statement, about: { ...statement.about, run: `containment-${run}` } },
  ]) {
    await expect(door.say(wrong as typeof statement)).rejects.toMatchObject({ code: 'statement.malformed' });
  }
  expect(await ground.store.waiting()).toEqual([]);
});

test('a secret that somebody typed into a reason is refused before it is written down', async () => {
  const run = await askingRun();
  const ask = { verb: 'note', run, reason: 'the bot token is xoxb-000000000000-abcdefgh' } as const;
  const prepared = await door.prepare(ask, 'bob');
  await expect(door.say(await ground.sign('bob', ask, prepared))).rejects.toMatchObject({
    code: 'statement.holds-a-secret',
  });
  expect(await ground.store.waiting()).toEqual([]);
});

test('somebody who waits for events is told as soon as there is one, and not before', async () => {
  const written = await writeLaunch(ground.store, ids());
  const { next } = await door.events(written.run, 0, 0);
  const waiting = door.events(written.run, next, 10_000);
  await write(ground.store, written, 'step.started', {});
  expect((await waiting).events.map(({ action }) => action)).toEqual(['step.started']);
  expect(await door.events(written.run, next + 1, 50)).toEqual({ events: [], next: next + 1 });
});

test('holds are listed for all, for a run and for an incident', async () => {
  const written = await writeLaunch(ground.store, ids());
  await writeHold(ground.store, written, 'eni-listed');
  for (const of of [undefined, written.run, written.incident]) {
    expect((await door.holds(of)).map(({ target }) => target.id)).toContain('eni-listed');
  }
  const empty = await writeLaunch(ground.store, ids());
  expect(await door.holds(empty.run)).toEqual([]);
  await expect(door.holds('run-zzzzzzzzzz')).rejects.toMatchObject({ code: 'run.unknown' });
  await expect(door.holds('inc-zzzzzzzzzz')).rejects.toMatchObject({ code: 'incident.unknown' });
});
