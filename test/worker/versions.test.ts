// Workers of two releases on one real Temporal: runs stay with theirs, containments move, and what an old worker still holds shows.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controlQueue, executorQueue } from '../../core/queues.js';
import { lookAtVersions, pinnedRuns, promote, type WorkerVersion } from '../../worker/versions.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const deployment = 'firebreak';
const older = { deploymentName: deployment, buildId: '0.1.0-older' };
const newer = { deploymentName: deployment, buildId: '0.1.0-newer' };

/** Small, so that what is tried is the versions. */
const runbook = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: keep, version: 1, summary: Keep an instance from being terminated. }
inputs:
  instance: { type: aws-instance }
gates:
  containment: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect
    phase: contain
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.instance }}" }
    gate: containment
`;

let at: TestInstallation;
let where: Parameters<typeof promote>[0];

beforeAll(async () => {
  at = await startInstallation({ workers: false, watchEvery: '1s', runbooks: { 'keep.yaml': runbook } });
  where = { settings: at.temporal, deployment, systems: ['aws'] };
}, 120_000);

afterAll(() => at.stop());

async function launch(which: number): Promise<string> {
  const instance = at.world.seeded.instances[which] ?? '';
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'keep', inputs: { instance } });
  await at.asking(run);
  return run;
}

async function finish(run: string): Promise<void> {
  await at.say('carol', { verb: 'approve', run });
  expect((await at.ended(run)).state).toBe('done');
}

async function version({ buildId }: typeof older): Promise<WorkerVersion | undefined> {
  return (await lookAtVersions(where)).versions.find(({ build }) => build === buildId);
}

/** What Temporal lists is some moments behind what it does. */
async function soon(look: () => Promise<unknown>, what: unknown): Promise<void> {
  await expect.poll(look, { timeout: 15_000, interval: 100 }).toEqual(what);
}

test('a run stays with the release that began it, its containment moves, and the old worker is held until the run has ended', async () => {
  await expect(promote(where, older.buildId)).rejects.toMatchObject({
    code: 'worker.not-ready',
    message: expect.stringContaining(`${controlQueue}, ${executorQueue('aws')}`),
  });
  const stopOlder = await at.startWorkers(older);
  await expect.poll(() => version(older), { timeout: 15_000 }).toMatchObject({ state: 'new', silent: [], runs: [] });
  await promote(where, older.buildId);
  const contained = await launch(0);
  await finish(contained);
  const waits = await launch(1);
  await soon(async () => (await version(older))?.runs, [waits]);

  const stopNewer = await at.startWorkers(newer);
  await expect.poll(() => version(newer), { timeout: 15_000 }).toMatchObject({ state: 'new', silent: [] });
  await promote(where, newer.buildId);
  // The next look at what is in force is the newer release's.
  const held = async () =>
    (await lookAtVersions(where)).versions.map(({ state, runs, containments }) => [state, runs, containments]);
  await soon(held, [
    ['current', [], 1],
    ['left', [waits], 0],
  ]);
  expect(await pinnedRuns(at.temporal)).toEqual([waits]);
  const begun = await launch(2);
  await soon(async () => (await version(newer))?.runs, [begun]);

  await finish(waits);
  await finish(begun);
  await soon(async () => (await version(older))?.runs, []);
  // Not at once: what began a moment before may not be listed yet.
  expect(await version(older)).toMatchObject({ state: 'left', safeToStop: false, silent: [] });
  await stopOlder();
  expect((await at.release(contained)).state).toBe('done');
  await stopNewer();
}, 60_000);
