/**
 * A whole installation for a test: real Temporal, EC2 calls to moto behind the shim, the real store, workers and door in this
 * process. People speak with statements that the gateway's key attests, as they do from Slack.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { EngineDeps } from '../../activities/deps.js';
import type { Event, EventAction } from '../../core/event.js';
import type { Json } from '../../core/json.js';
import type { RunView } from '../../core/run-view.js';
import type { About, Statement } from '../../core/statement.js';
import type { Verb } from '../../core/verbs.js';
import { type Door, openDoor } from '../../gateway/door.js';
import type { Prepare, Prepared } from '../../gateway/api.js';
import { attest } from '../../journal/proof.js';
import { signerOf } from '../../journal/signer.js';
import type { Store } from '../../journal/store.js';
import { openWorld, type World } from '../../sandbox/world.js';
import { bundleSource } from '../../worker/bundle-source.js';
import { connectWorker, embedded, openClient, type TemporalSettings } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { type Keys, openKeys, pinKeys } from '../../worker/keys.js';
import { openLog } from '../../worker/log.js';
import { openStore } from '../../worker/open-store.js';
import { readPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { createWorkers } from '../../worker/run-worker.js';
import { installRuntime } from '../../worker/runtime.js';
import { readSecret } from '../../worker/secrets.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { serverArguments, serverReady } from '../../worker/temporal-server.js';
import { workspaceAt } from '../../worker/workspace.js';

export interface TestInstallation {
  root: string;
  world: World;
  store: Store;
  door: Door;
  client: Client;
  keys: Keys;
  temporal: TemporalSettings;
  connection: NativeConnection;
  /** With the payload keys of `firebreak.yaml`, if it names any. */
  dataConverter: DataConverter;
  deps: EngineDeps;
  log: Logger;
  /** What `by` says, attested; nothing is delivered. */
  statement(by: string, verb: Verb, about: About, changes?: Partial<Statement> & { slackUser?: string }): Statement;
  /** Prepares and says it, as Slack does; gives the run. */
  say(by: string, ask: Prepare): Promise<{ run: string; incident: string; outcome: string; prepared: Prepared }>;
  launch(
    by?: string,
    inputs?: Record<string, Json>,
    more?: { incident?: string },
  ): Promise<{ run: string; incident: string }>;
  /** Waits until the run, as its events show it, is so; fails with what it is instead. */
  until(run: string, what: (view: RunView) => boolean, withinMs?: number): Promise<RunView>;
  ended(run: string, withinMs?: number): Promise<RunView>;
  asking(run: string, withinMs?: number): Promise<RunView>;
  /** bob and carol approve, once it asks. */
  agree(run: string): Promise<void>;
  /** alice asks for the release of a run's or an incident's holds, bob and carol agree; how that run ended. */
  release(of: string): Promise<RunView>;
  events(run: string, action?: EventAction): Promise<Event[]>;
  /** Gives how to stop just these. A test may stop those that are up and start others, or others beside them. */
  startWorkers(version?: WorkerDeploymentVersion): Promise<() => Promise<void>>;
  stopWorkers(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestOptions {
  watchEvery?: string;
  /** More runbooks, by file name; the shipped ones are there too. */
  runbooks?: Record<string, string>;
  /** 0: nothing is cached, so that every task replays its run from the beginning; so with `FIREBREAK_TEST_NO_CACHE=1` too. */
  maxCachedWorkflows?: number;
  /** False: the test starts workers of its own, such as processes. */
  workers?: false;
  /** Between two looks of the gateway for runs that were ended past Firebreak; none, unless a test is about them. */
  orphansMs?: number;
  /** More arguments for the Temporal server. */
  temporalArguments?: string[];
  /** Keeps the journal in this PostgreSQL database in place of the workspace's file. */
  postgres?: string;
  /** Changes the texts of people.yaml and firebreak.yaml before anything starts. */
  people?: (text: string) => string;
  installation?: (text: string) => string;
}

/** Statements of tests are valid for as long as an approval is by default. */
const validMs = 60 * 60_000;

export async function startInstallation(options: TestOptions = {}): Promise<TestInstallation> {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-test-'));
  const world = await openWorld({ root, watchEvery: options.watchEvery ?? '1m' });
  editFile(join(root, 'people.yaml'), options.people);
  editFile(join(root, 'firebreak.yaml'), options.installation);
  if (options.postgres !== undefined) keepJournalIn(root, options.postgres);
  if (options.runbooks !== undefined) {
    cpSync(workspaceAt(root).runbooks, join(root, 'runbooks'), { recursive: true });
    for (const [file, text] of Object.entries(options.runbooks)) writeFileSync(join(root, 'runbooks', file), text);
  }
  const workspace = workspaceAt(root);
  const keys = openKeys(workspace);
  pinKeys(workspace, keys);
  const known = new Set<string>();
  const log = openLog({ process: 'test', known });
  installRuntime(log);
  const bundle = bundleSource(workspace, log);
  const { installation } = await bundle();
  const store = await openStore({ workspace, installation, signer: signerOf(keys.journal), known });
  // Last of what may fail, so that a test with a bad runbook leaves no server behind.
  const port = await freePort();
  const serverArgs = [...serverArguments({ port, database: workspace.temporal }), ...(options.temporalArguments ?? [])];
  const server = spawn(await findTemporal(), serverArgs, { stdio: 'ignore' });
  const temporal = embedded(port);
  await serverReady(temporal);
  const dataConverter = dataConverterOf(
    readPayloadKeys(
      installation,
      (ref) => readSecret(ref, root),
      (error) => {
        throw error;
      },
    ),
  );
  const client = openClient(temporal, dataConverter);
  const connection = await connectWorker(temporal);
  const deps: EngineDeps = {
    store,
    bundle,
    evidenceKey: keys.evidence,
    log,
    readSecret: (ref) => readSecret(ref, root),
    secrets: () => [],
  };
  const door = openDoor({
    client,
    store,
    bundle,
    log,
    answerMs: 20_000,
    orphansMs: options.orphansMs ?? 24 * 60 * 60_000,
  });
  let nonce = 0;

  const statement: TestInstallation['statement'] = (by, verb, about, { slackUser, ...changes } = {}) => {
    nonce += 1;
    const now = changes.at === undefined ? Date.now() : Date.parse(changes.at);
    const user = slackUser ?? `U0${by.toUpperCase()}`;
    const team = world.slack.state.users.get(user)?.team ?? 'T0SANDBOX';
    return attest(
      {
        version: 1,
        verb,
        about,
        by,
        at: new Date(now).toISOString(),
        validUntil: new Date(now + validMs).toISOString(),
        nonce: `test-${nonce}`,
        ...changes,
        proof: {
          kind: 'slack',
          request: { team, user, timestamp: Math.floor(now / 1000), body: `sha256:${'0'.repeat(64)}` },
          account: {
            deleted: false,
            bot: false,
            restricted: false,
            stranger: false,
            team,
            askedAt: new Date(now).toISOString(),
          },
        },
      },
      signerOf(keys.gateway),
    );
  };

  const say: TestInstallation['say'] = async (by, ask) => {
    // Tests launch the same again, on purpose.
    const prepared = await door.prepare(ask.verb === 'launch' ? { again: true, ...ask } : ask, by);
    const reason =
      ask.reason ?? ('inputs' in ask && typeof ask.inputs['reason'] === 'string' ? ask.inputs['reason'] : undefined);
    const said = await door.say(
      statement(by, ask.verb, prepared.about, { nonce: prepared.nonce, ...(reason === undefined ? {} : { reason }) }),
    );
    return { ...said, prepared };
  };

  const until: TestInstallation['until'] = async (run, what, withinMs = 30_000) => {
    const end = Date.now() + withinMs;
    for (;;) {
      const view = (await door.view(run))?.view;
      if (view !== undefined && what(view)) return view;
      if (Date.now() > end) throw new Error(`${run} did not come so far; it is ${JSON.stringify(view, undefined, 1)}`);
      await sleep(50);
    }
  };

  const states = ['done', 'failed', 'cancelled', 'refused'];
  const ended: TestInstallation['ended'] = (run, withinMs) =>
    until(run, ({ state }) => states.includes(state), withinMs);
  const asking: TestInstallation['asking'] = (run, withinMs) =>
    until(run, ({ asks }) => asks.some(({ state }) => state === 'asking'), withinMs);
  const agree: TestInstallation['agree'] = async (run) => {
    await asking(run);
    await say('bob', { verb: 'approve', run });
    await say('carol', { verb: 'approve', run });
  };
  const release: TestInstallation['release'] = async (of) => {
    const { run } = await say('alice', { verb: 'release', of, reason: 'hosts were rebuilt' });
    await agree(run);
    return ended(run, 90_000);
  };

  const running = new Set<() => Promise<void>>();
  const startWorkers: TestInstallation['startWorkers'] = async (version) => {
    const maxCachedWorkflows = options.maxCachedWorkflows ?? (nothingCached() ? 0 : undefined);
    const made = await createWorkers({
      connection,
      namespace: temporal.namespace,
      dataConverter,
      deps,
      systems: Object.keys(installation.systems),
      version,
      ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
    });
    const ran = made.run();
    const stop = async (): Promise<void> => {
      running.delete(stop);
      made.shutdown();
      await ran;
    };
    running.add(stop);
    return stop;
  };
  const stopWorkers = async (): Promise<void> => {
    await Promise.all([...running].map((stop) => stop()));
  };
  if (options.workers !== false) await startWorkers();

  return {
    root,
    world,
    store,
    door,
    client,
    keys,
    temporal,
    connection,
    dataConverter,
    deps,
    log,
    statement,
    say,
    launch: (
      by = 'alice',
      inputs = { instances: world.seeded.instances, reason: 'beacon to a known bad host' },
      more = {},
    ) => say(by, { verb: 'launch', runbook: 'aws-host-compromise', inputs, ...more }),
    until,
    ended,
    asking,
    agree,
    release,
    events: async (run, action) =>
      (await store.events({ run })).filter((event) => action === undefined || event.action === action),
    startWorkers,
    stopWorkers,
    stop: async () => {
      await door.end();
      await stopWorkers();
      await connection.close();
      await client.connection.close();
      server.kill('SIGTERM');
      if (server.exitCode === null) await once(server, 'exit');
      await store.end();
      await world.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function nothingCached(env: NodeJS.ProcessEnv = process.env): boolean {
  const text = env['FIREBREAK_TEST_NO_CACHE'] ?? '0';
  if (text === '0' || text === '1') return text === '1';
  throw new Error(`FIREBREAK_TEST_NO_CACHE is "0" or "1", not "${text}".`);
}

/** As an administrator does: the address into a private file, and a reference to it into `firebreak.yaml`. */
function keepJournalIn(root: string, url: string): void {
  writeFileSync(join(root, 'secrets', 'journal-url'), url, { mode: 0o600 });
  editFile(
    join(root, 'firebreak.yaml'),
    (text) => `${text}journal: { postgres: { url: { file: secrets/journal-url } } }\n`,
  );
}

export function editFile(file: string, change: ((text: string) => string) | undefined): void {
  if (change !== undefined) writeFileSync(file, change(readFileSync(file, 'utf8')));
}
