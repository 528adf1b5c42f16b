// Runs that are ended past Firebreak: real Temporal, real store; AWS is the emulator behind the shim.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ orphansMs: 100 });
}, 120_000);

afterAll(() => at.stop());

test('a run terminated at Temporal is failed for everybody, says why, and takes no more approvals', async () => {
  const { run } = await at.launch();
  const about = (await at.asking(run)).asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  await at.client.workflow.getHandle(run).terminate('by hand');
  const view = await at.ended(run);
  expect(view.state).toBe('failed');
  expect(view.says).toContain('past Firebreak (terminated)');
  expect(view.asks.map(({ state }) => state)).toEqual(['closed']);
  const ends = await at.events(run, 'run.failed');
  expect(ends.map(({ id, actor }) => [id, actor])).toEqual([[`orphaned-${run}`, 'gateway']]);
  expect(ends[0]?.outcome).toContain('past Firebreak (terminated)');
  await expect(at.say('bob', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.not-asking' });
  await expect(at.door.say(at.statement('bob', 'approve', about))).rejects.toMatchObject({
    code: 'run.ended',
    message: expect.stringContaining('past Firebreak (terminated)') as string,
  });
});

test('runs that go on, and those that ended in order, are left alone', async () => {
  const asking = await at.launch();
  const cancelled = await at.launch();
  await at.asking(asking.run);
  await at.asking(cancelled.run);
  await at.say('alice', { verb: 'cancel', run: cancelled.run });
  await at.ended(cancelled.run);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect((await at.door.view(asking.run))?.view.state).toBe('asking');
  expect((await at.events(cancelled.run, 'run.failed')).length).toBe(0);
});
