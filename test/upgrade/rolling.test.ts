// Two releases at once, runs waiting at gates, containments in force, and launches all the while: nobody is left without a worker.
import { readFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataConverterOf } from '../../worker/data-converter.js';
import { embedded } from '../../worker/connection.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { freePort } from '../../worker/ports.js';
import { findTemporal } from '../../worker/temporal-executable.js';
import { serverReady, startServer } from '../../worker/temporal-server.js';
import { notFollowed } from '../support/golden/histories.js';
import { type Processes, startProcesses } from '../support/processes.js';
import { otherRelease } from './support/next.js';
import { ask, end, kill, type Release, start, thisRelease, upOf } from './support/release.js';
import { each, finish, type Kind, openWorkflows, release, runbooks, startHosts, waiting } from './support/runs.js';
import { scaleOf } from './support/scale.js';

const scale = scaleOf();
const old = thisRelease();
/** What a person or two do at once. */
const hands = 4;

let next: Release;
let at: Processes;
let server: ChildProcess;
let port: number;
let beside: ChildProcess | undefined;

beforeAll(async () => {
  next = otherRelease();
  port = await freePort();
  server = startServer(await findTemporal(), { port, database: join(next.root, 'temporal.db') });
  await serverReady(embedded(port));
  at = await startProcesses({
    watchEvery: scale.watchEvery,
    runbooks,
    installation: (text) => `${text}temporal: { deployment: firebreak }\n`,
    up: upOf(old, port),
  });
});

afterAll(async () => {
  await at.stop();
  if (beside !== undefined) await end(beside);
  await end(server);
});

/** The next release's worker, beside all that is there. */
function startBeside(): ChildProcess {
  const child = start(next, ['worker', 'run'], at.workspace, env());
  child.stdout?.resume();
  return child;
}

interface Workers {
  ok: boolean;
  says: string;
  nextStep?: string;
  data: {
    versions: {
      build: string;
      state: string;
      runs: { run: string; waitsFor: string | null }[];
      containments: number;
      safeToStop: boolean;
    }[];
  };
}

async function doctor(): Promise<Workers> {
  const { findings } = (await ask(next, ['doctor'], at.workspace, env())) as {
    findings: (Workers & { name: string })[];
  };
  const found = findings.find(({ name }) => name === 'workers');
  if (found === undefined) throw new Error('doctor says nothing of the workers.');
  return found;
}

async function held(build: string): Promise<Workers['data']['versions'][number] | undefined> {
  return (await doctor()).data.versions.find((version) => version.build === build);
}

function env(): NodeJS.ProcessEnv {
  return { TEMPORAL_ADDRESS: `127.0.0.1:${port}` };
}

interface Launched {
  /** How it ended; what went wrong, where that cannot be told. */
  state: string;
  tookMs: number;
}

async function launch(host: string): Promise<Launched> {
  const since = performance.now();
  const state = await waiting(at, 'recover', host)
    .then((run) => finish(at, run))
    .catch((error: unknown) => String(error));
  return { state, tookMs: performance.now() - since };
}

/** Launches all the time, each on a host of its own, and sees each to its end. */
function launching(hosts: string[]): { stop: () => Promise<Launched[]> } {
  let going = true;
  let underWay = 0;
  const ended: Promise<Launched>[] = [];
  const loop = (async () => {
    for (const host of hosts) {
      await sleep(scale.launchEveryMs);
      if (!going) break;
      if (underWay >= hands) continue;
      underWay += 1;
      ended.push(launch(host).finally(() => (underWay -= 1)));
    }
  })();
  return {
    stop: async () => {
      going = false;
      await loop;
      return Promise.all(ended);
    },
  };
}

/** How long each part of the test took, told with its figures. */
const laps: string[] = [];
let lapSince = 0;
function lap(what: string): void {
  laps.push(`${what} ${((performance.now() - lapSince) / 1000).toFixed(1)} s`);
  lapSince = performance.now();
}

/** Every fifth of those that wait begins to contain only after the next release is promoted. */
const kindOf = (nth: number): Kind => (nth % 5 === 0 ? 'contain' : 'recover');

async function allEnd(runs: string[]): Promise<void> {
  expect(new Set(await each(runs, hands, (run) => finish(at, run)))).toEqual(new Set(['done']));
}

test('a rolling upgrade under load strands nothing: all finish or release', async () => {
  lapSince = performance.now();
  expect(next.build).not.toBe(old.build);
  await expect
    .poll(async () => (await doctor()).nextStep, { timeout: 30_000 })
    .toContain(`worker promote ${old.build}`);
  expect(await ask(old, ['worker', 'promote'], at.workspace, env())).toMatchObject({
    current: old.build,
    before: null,
  });

  const hosts = await startHosts(at, scale.contained + scale.waiting + 400);
  const take = (count: number): string[] => hosts.splice(0, count);
  const contained = await each(take(scale.contained), hands, (host) => waiting(at, 'contain', host));
  await allEnd(contained);
  const asking = await each(take(scale.waiting), hands, (host, nth) => waiting(at, kindOf(nth), host));
  await expect.poll(async () => (await held(old.build))?.runs.length, { timeout: 30_000 }).toBe(scale.waiting);
  expect((await held(old.build))?.runs[0]).toMatchObject({ waitsFor: 'gate keep' });
  lap('begun in');

  // What follows is only worth something if a run that came to the other release could not go on.
  const history = await at.temporal.workflow.getHandle(asking[0] ?? '').fetchHistory();
  const code = readFileSync(join(next.root, 'dist', 'versioned-workflow-bundle.js'), 'utf8');
  const golden = [{ name: 'waiting', workflowId: 'waiting', history }];
  expect(Object.keys(await notFollowed(code, golden, dataConverterOf(noPayloadKeys)))).toEqual(['waiting']);

  const load = launching(hosts);
  await expect(ask(next, ['worker', 'promote'], at.workspace, env())).resolves.toMatchObject({
    error: { code: 'worker.not-ready' },
  });
  beside = startBeside();
  await expect.poll(async () => (await held(next.build))?.state, { timeout: 60_000 }).toBe('new');
  expect(await ask(next, ['worker', 'promote'], at.workspace, env())).toMatchObject({
    current: next.build,
    before: old.build,
  });
  lap('promoted in');
  // All that is in force is the next release's now, at its next look.
  await expect
    .poll(async () => (await held(next.build))?.containments, { timeout: 120_000, interval: 1_000 })
    .toBe(scale.contained);
  lap('containments moved in');
  const left = await held(old.build);
  expect(left).toMatchObject({ state: 'left', safeToStop: false, containments: 0 });
  expect(left?.runs.map(({ run }) => run)).toEqual(expect.arrayContaining(asking));

  // Half of them while both releases work; one of those in force, too.
  const half = Math.floor(asking.length / 2);
  await allEnd(asking.slice(0, half));
  expect(await release(at, contained[0] ?? '')).toBe('done');
  // Either may be lost meanwhile, and the old one's gateway with it: it is started again, and its runs go on.
  await kill(beside);
  beside = startBeside();
  await at.replace(upOf(old, port));
  await allEnd(asking.slice(half));
  lap('runs at gates ended in');

  await expect.poll(async () => (await held(old.build))?.safeToStop, { timeout: 240_000, interval: 2_000 }).toBe(true);
  await at.replace(upOf(next, port));
  await end(beside);
  lap('the old one stopped after another');
  const loaded = await load.stop();
  expect(loaded.length).toBeGreaterThan(5);
  expect(loaded.filter(({ state }) => state !== 'done')).toEqual([]);
  const inForce = [...contained, ...asking.filter((_run, nth) => kindOf(nth) === 'contain')];
  const released = await each(inForce.slice(1), hands, (run) => release(at, run));
  expect(new Set(released)).toEqual(new Set(['done']));
  for (const run of inForce) expect(await at.holds(run), run).toEqual([]);

  let open: string[] = [];
  await expect.poll(async () => (open = await openWorkflows(at)), { timeout: 120_000, interval: 1_000 }).toEqual([]);
  lap('all released in');
  const last = await doctor();
  expect(last.ok).toBe(true);
  // The old one may still be listed, for its workers asked a moment ago; it holds nothing.
  expect(last.data.versions.map(({ build, state, runs, containments }) => [build, state, runs, containments])).toEqual(
    [
      [next.build, 'current', [], 0],
      [old.build, 'left', [], 0],
    ].slice(0, last.data.versions.length),
  );
  const slowestMs = Math.max(...loaded.map(({ tookMs }) => tookMs));
  console.log(
    `${old.build} to ${next.build}: ${asking.length} runs at gates, ${contained.length} containments in force and ` +
      `${inForce.length - contained.length} more from runs at gates, ${loaded.length} runs launched meanwhile ` +
      `(the slowest ${(slowestMs / 1000).toFixed(1)} s from launch to done): ${open.length} stranded\n${laps.join(', ')}`,
  );
});
