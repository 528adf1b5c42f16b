// One machine, one worker: the next release takes the place of the one that runs, and goes on with everything it finds.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Processes, startProcesses } from '../support/processes.js';
import { patchedRelease } from './support/next.js';
import { ask, type Release, thisRelease, upOf } from './support/release.js';
import { each, finish, openWorkflows, release, runbooks, startHosts, waiting } from './support/runs.js';

let at: Processes;
let next: Release;

beforeAll(async () => {
  next = patchedRelease();
  at = await startProcesses({ watchEvery: '1s', runbooks, up: upOf(thisRelease()) });
});

afterAll(() => at.stop());

test('what waited at gates ends, and what was in force stays so, is watched, and is released', async () => {
  expect(next.build).not.toBe(thisRelease().build);
  const hosts = await startHosts(at, 6);
  const contained = await each(hosts.slice(0, 2), 2, (host) => waiting(at, 'contain', host));
  expect(await each(contained, 2, (run) => finish(at, run))).toEqual(['done', 'done']);
  const asking = await each(hosts.slice(2), 2, (host) => waiting(at, host === hosts[2] ? 'contain' : 'recover', host));

  const since = performance.now();
  await at.replace(upOf(next));
  const tookMs = performance.now() - since;
  expect(await each(asking, 2, (run) => finish(at, run))).toEqual(asking.map(() => 'done'));
  // The next release looks after what the one before it contained.
  const looked = async () =>
    (await at.temporal.workflow.getHandle(`containment-${contained[0]}`).fetchHistory()).events?.some(
      ({ markerRecordedEventAttributes: marker }) => marker?.markerName === 'core_patch',
    );
  await expect.poll(looked, { timeout: 60_000, interval: 500 }).toBe(true);
  expect(await each([...contained, asking[0] ?? ''], 1, (run) => release(at, run))).toEqual(['done', 'done', 'done']);
  expect(await at.holds(contained[0] ?? '')).toEqual([]);
  const begun = await waiting(at, 'recover', hosts[0] ?? '');
  expect(await finish(at, begun)).toBe('done');

  await expect.poll(() => openWorkflows(at), { timeout: 60_000, interval: 500 }).toEqual([]);
  const { findings } = (await ask(next, ['doctor'], at.workspace)) as { findings: { name: string; ok: boolean }[] };
  expect(findings.find(({ name }) => name === 'workers')).toMatchObject({ ok: true });
  console.log(
    `${thisRelease().build} to ${next.build}, one worker: ${asking.length} runs at gates, ${contained.length} containments in force, ` +
      `${(tookMs / 1000).toFixed(1)} s from stopping the old one until the next served: ${(await openWorkflows(at)).length} stranded`,
  );
});
