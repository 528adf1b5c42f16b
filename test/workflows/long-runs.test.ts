// Runs that continue as new at every few events, and runs of which nothing is cached, so that every task replays: real Temporal.
import { afterEach, expect, test } from 'vitest';
import { groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;

afterEach(() => at.stop());

async function mainJob(): Promise<{ run: string; incident: string }> {
  const before = await groupsOfInstances(at.world, at.world.seeded.instances);
  const { run, incident } = await at.launch();
  const asking = await at.asking(run);
  const about = asking.asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  const bob = at.statement('bob', 'approve', about);
  const first = await at.door.say(bob);
  await at.say('alice', { verb: 'note', run, reason: 'one more event' });
  await at.say('alice', { verb: 'extend', run, byMs: 60_000 });
  // The same word again, later and perhaps to the next run of the chain: one answer, one vote.
  const handle = at.client.workflow.getHandle(run);
  const again = await handle.executeUpdate<{ outcome: string }, [typeof bob]>('state', {
    args: [bob],
    updateId: `later-${run}`,
  });
  expect(again.outcome).toBe(first.outcome);
  await at.say('carol', { verb: 'approve', run });
  const done = await at.ended(run, 90_000);
  expect(done.state, JSON.stringify(done.steps)).toBe('done');
  expect((await at.events(run, 'statement.counted')).filter(({ data }) => data?.['verb'] === 'approve').length).toBe(2);
  expect(new Set((await groupsOfInstances(at.world, at.world.seeded.instances)).flat()).size).toBe(1);
  expect((await at.release(incident)).state).toBe('done');
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(before);
  return { run, incident };
}

test('a run that continues as new in the middle forgets nobody and nothing', async () => {
  at = await startInstallation({
    temporalArguments: ['--dynamic-config-value=limit.historyCount.suggestContinueAsNew=40'],
  });
  const { run } = await mainJob();
  let runs = 0;
  for await (const each of at.client.workflow.list({ query: `WorkflowId = '${run}'` }))
    runs += each.workflowId === run ? 1 : 0;
  expect(runs).toBeGreaterThan(1);
  const events = await at.store.events({ run });
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
}, 240_000);

test('with nothing cached, so that every task replays from the beginning, the main job ends the same', async () => {
  at = await startInstallation({ maxCachedWorkflows: 0 });
  expect(await mainJob()).toMatchObject({ run: expect.stringMatching(/^run-/) as string });
}, 240_000);
