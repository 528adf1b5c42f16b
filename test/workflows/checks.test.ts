// Checks, what is done until they find what is awaited, and targets that are found within a bound that people agreed to:
// real Temporal, real store, AWS is the emulator behind the shim; every task replays its run.
import { CreateTagsCommand, DeleteTagsCommand } from '@aws-sdk/client-ec2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CheckResult, RunRef, Warrant } from '../../activities/contract.js';
import type { Digest, Json } from '../../core/json.js';
import type { PlanRef } from '../../core/plan.js';
import { executorQueue } from '../../core/queues.js';
import { digestOf } from '../../journal/digest.js';
import { exportJsonl } from '../../journal/export.js';
import { signerOf } from '../../journal/signer.js';
import { verifyTimeline } from '../../journal/verify.js';
import { ec2Of } from '../support/ec2.js';
import type { ForgedAnswer } from '../support/forged-workflow.js';
import { type Caller, caller, resultOf } from '../support/forgery.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const head = (name: string): string => `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Protect what is found. }
`;

/** Both steps name one gate: it asks once, before anything is found for the second. */
const foundLater = `${head('found-later')}inputs:
  first: { type: aws-instance }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect-first
    phase: recover
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.first }}" }
    gate: change
  - id: find
    phase: investigate
    uses: aws.find-instances@1
    with: { tag: role=web }
  - id: protect-found
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ steps.find.found.filter(x, x.state == "running") }}
    bound: 2
    with: { instance: "\${{ item.instance }}" }
    gate: change
`;

const awaited = `${head('awaited')}inputs:
  tag: { type: string }
steps:
  - id: wait
    phase: investigate
    uses: aws.find-instances@1
    with: { tag: "\${{ inputs.tag }}" }
    until: \${{ size(found) > 0 && found.all(x, x.state == "running") }}
    every: 1s
    within: 3s
    retry: { attempts: 1 }
    on_failure: ask
`;

let at: TestInstallation;
let hosts: string[];

beforeAll(async () => {
  at = await startInstallation({
    runbooks: { 'found-later.yaml': foundLater, 'awaited.yaml': awaited },
    maxCachedWorkflows: 0,
  });
  hosts = at.world.seeded.instances;
}, 120_000);
beforeEach(() => tagged([]));
afterAll(() => at.stop());

/** These hosts, and no others, carry `role=web`. */
async function tagged(which: string[]): Promise<void> {
  const ec2 = ec2Of(at.world);
  const Tags = [{ Key: 'role', Value: 'web' }];
  await ec2.send(new DeleteTagsCommand({ Resources: hosts, Tags }));
  if (which.length > 0) await ec2.send(new CreateTagsCommand({ Resources: which, Tags }));
  ec2.destroy();
}

const problemsOf = async (incident: string) => {
  const { people } = await at.door.bundle();
  const timeline = await exportJsonl(at.store, incident, { people, signer: signerOf(at.keys.journal) });
  return verifyTimeline(timeline, { people }).problems;
};

async function launched(): Promise<{ run: string; incident: string }> {
  const [first = ''] = hosts;
  const { run, incident } = await at.say('alice', { verb: 'launch', runbook: 'found-later', inputs: { first } });
  await at.asking(run);
  return { run, incident };
}

/** Takes back what the run did, so that the next test begins as this one did. */
async function takenBack(run: string): Promise<void> {
  const undo = await at.say('alice', { verb: 'undo', run, reason: 'the next test' });
  await at.asking(undo.run);
  await at.say('bob', { verb: 'approve', run: undo.run });
  expect((await at.ended(undo.run)).state).toBe('done');
}

test('people agree once to so many targets, before anybody knows which; what is found then is done without asking', async () => {
  const [, second = '', third = ''] = hosts;
  await tagged([second, third]);
  const { run, incident } = await launched();
  const [ask] = (await at.asking(run)).asks;
  expect(ask?.plans.map(({ step, toChange, atMost }) => [step, toChange, atMost])).toEqual([
    ['protect-first', 2, undefined],
    ['protect-found', 0, 2],
  ]);
  await at.say('bob', { verb: 'approve', run });
  const view = await at.ended(run);
  expect(view.steps.map(({ id, state, counts }) => [id, state, counts['applied'] ?? counts['found']])).toEqual([
    ['protect-first', 'done', 2],
    ['find', 'done', 2],
    ['protect-found', 'done', 4],
  ]);
  expect(view.asks.length).toBe(1);
  expect(await problemsOf(incident)).toEqual([]);
  await takenBack(run);
}, 60_000);

test('more than people agreed to is asked about by itself, target by target', async () => {
  await tagged(hosts);
  const { run, incident } = await launched();
  await at.say('bob', { verb: 'approve', run });
  const { asks } = await at.until(run, ({ asks: all }) => all.length === 2);
  // The first is so already; of the others nothing was done yet.
  expect(asks[1]?.plans).toMatchObject([{ step: 'protect-found', items: 3, toChange: 4, already: 2 }]);
  await at.say('carol', { verb: 'approve', run });
  expect((await at.ended(run)).steps.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
  expect(await problemsOf(incident)).toEqual([]);
  await takenBack(run);
}, 60_000);

describe('somebody who took the place of the workflow, with what people agreed to in earnest', () => {
  let call: Caller;
  let base: { run: RunRef; step: string; retry: { attempts: number; firstWaitMs: number } };
  let warrant: Warrant;

  beforeEach(async () => {
    await tagged(hosts.slice(1));
    const { run, incident } = await launched();
    const [begun] = await at.events(run, 'run.launched');
    const about = (await at.asking(run)).asks[0]?.about;
    const launch = begun?.statement;
    if (about === undefined || launch === undefined) throw new Error('it does not ask');
    const approval = at.statement('bob', 'approve', about);
    await at.client.workflow.getHandle(run).terminate('taken over');
    call = caller(at, `elsewhere-${run}`);
    base = {
      run: { run, incident, launch: digestOf(launch.about), requester: 'alice' },
      step: 'protect-found',
      retry: { attempts: 1, firstWaitMs: 10 },
    };
    const { gate, round, plan } = about;
    warrant = { launch, gate: { gate, round, plan, statements: [approval] } };
  }, 60_000);

  async function found(): Promise<Record<string, Digest>> {
    const input = { ...base, step: 'find', items: [{ tag: 'role=web' }], warrant, opens: true };
    const result = resultOf(await call({ queue: executorQueue('aws'), activity: 'check', input })) as CheckResult;
    return { find: result.found };
  }

  async function carryOut(
    instances: string[],
    by: Record<string, Digest> | undefined,
    adopts: { adopts?: Digest } = {},
  ): Promise<ForgedAnswer> {
    const items = instances.map((instance) => ({ instance }));
    const planned = { ...base, round: 1, unit: 'aws.protect-instance@1', items, onFailure: 'stop', ...adopts };
    const plan = resultOf(await call({ queue: executorQueue('aws'), activity: 'plan', input: planned })) as PlanRef;
    const brought = by === undefined ? warrant : { ...warrant, found: by };
    const input = { ...base, plan, from: 0, to: items.length, warrant: brought, opens: true, closes: true };
    return call({ queue: executorQueue('aws'), activity: 'carryOut', input });
  }

  test('works on nothing that was not found', async () => {
    const by = await found();
    expect(await carryOut([hosts[0] ?? ''], by)).toMatchObject({ code: 'warrant.foreign-item' });
    expect(await carryOut(hosts.slice(1), undefined)).toMatchObject({ code: 'warrant.foreign-item' });
  }, 60_000);

  test('finds nothing that is not on record', async () => {
    const made: Json = [{ instance: hosts[0] ?? '', state: 'running', image: 'ami-1', launchedAt: '' }];
    await at.store.putDocument('found', digestOf(made), made);
    const by = { find: digestOf(made) };
    expect(await carryOut([hosts[0] ?? ''], by)).toMatchObject({ code: 'warrant.found-unknown' });
  }, 60_000);

  test('gets nothing done of more than people agreed to, not even a part', async () => {
    await tagged(hosts);
    const by = await found();
    const answer = await carryOut(hosts.slice(1, 2), by);
    expect(answer).toMatchObject({ result: { counts: { applied: 0, outside: 2 } } });
  }, 60_000);

  test('tells nobody what was there before: a number of targets is no agreement to that', async () => {
    const [, second = ''] = hosts;
    const was: Json = { [`${second}#termination-protection`]: 'false' };
    await at.store.putDocument('adopted', digestOf(was), was);
    const answer = await carryOut([second], await found(), { adopts: digestOf(was) });
    expect(answer).toMatchObject({ result: { counts: { applied: 1, outside: 1 } } });
    const { run } = base.run;
    expect((await at.store.holds({ run, state: 'open' })).map(({ aspect }) => aspect)).toEqual([
      'delete-on-termination',
    ]);
    await takenBack(run);
  }, 60_000);
});

test('what is told of targets that are still to be found is agreed to once they are: a release would put it back', async () => {
  const [first = '', second = ''] = hosts;
  await tagged([second]);
  const { run, incident } = await at.say('alice', {
    verb: 'launch',
    runbook: 'found-later',
    inputs: { first },
    adopt: { step: 'protect-found', was: { [`${second}#termination-protection`]: 'false' } },
  });
  const [ask] = (await at.asking(run)).asks;
  expect(ask?.plans.map(({ step }) => step)).toEqual(['protect-first']);
  await at.say('bob', { verb: 'approve', run });
  const { asks } = await at.until(run, ({ asks: all }) => all.length === 2);
  expect(asks[1]?.plans).toMatchObject([{ step: 'protect-found', toChange: 2 }]);
  const { shows } = await at.door.prepare({ verb: 'approve', run }, 'carol');
  expect(shows.join('\n')).toContain('as somebody tells it, a release puts back');
  await at.say('carol', { verb: 'approve', run });
  expect((await at.ended(run)).state).toBe('done');
  expect(await problemsOf(incident)).toEqual([]);
  await takenBack(run);
}, 60_000);

test('a plan looks as well, and says what would be done to what it finds', async () => {
  await tagged(hosts.slice(1, 2));
  const inputs = { first: hosts[0] ?? '' };
  const { run } = await at.say('alice', { verb: 'plan', runbook: 'found-later', inputs });
  const view = await at.ended(run);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  const { steps } = await at.door.plan(run);
  expect(steps.map(({ step, changes }) => [step, changes.map(({ item }) => item)])).toEqual([
    ['protect-first', [{ instance: hosts[0] }, { instance: hosts[0] }]],
    ['protect-found', [{ instance: hosts[1] }, { instance: hosts[1] }]],
  ]);
}, 60_000);

test('a plan leaves out what its condition leaves out', async () => {
  const inputs = { reason: 'a stolen laptop' };
  const { run } = await at.say('alice', { verb: 'plan', runbook: 'aws-credential-compromise', inputs });
  const view = await at.ended(run);
  expect([view.state, view.steps.map(({ state }) => state)]).toEqual([
    'done',
    ['skipped', 'skipped', 'skipped', 'skipped'],
  ]);
}, 60_000);

test('it looks again until what it waits for is so', async () => {
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'awaited', inputs: { tag: 'role=web' } });
  await sleep(1_500);
  await tagged(hosts.slice(0, 1));
  const view = await at.ended(run);
  expect(view).toMatchObject({ state: 'done', steps: [{ state: 'done', counts: { found: 1 } }] });
  expect(view.steps[0]?.counts['looks']).toBeGreaterThan(1);
  // Each finding once, however often it was looked for.
  expect((await at.events(run, 'step.found')).map(({ data }) => data?.['count'])).toEqual([0, 1]);
}, 60_000);

test('when its time is over a person decides: a retry looks for as long again', async () => {
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'awaited', inputs: { tag: 'role=web' } });
  const view = await at.until(run, ({ state }) => state === 'needs a person');
  expect(view.needs).toMatchObject({
    code: 'until.not-met',
    why: 'What step "wait" waits for was not so within 3s.',
  });
  await tagged(hosts.slice(0, 1));
  await at.say('alice', { verb: 'retry', run });
  expect((await at.ended(run)).state).toBe('done');
}, 60_000);

test('nor is it held against a retry how long a look could not be made', async () => {
  at.world.aws.shim.faults.add({ action: 'DescribeInstances', kind: 'error' });
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'awaited', inputs: { tag: 'role=web' } });
  const { needs } = await at.until(run, ({ state }) => state === 'needs a person');
  expect(needs?.code).not.toBe('until.not-met');
  // Longer than it was to wait.
  await sleep(3_500);
  at.world.aws.shim.faults.clear();
  await at.say('alice', { verb: 'retry', run });
  await at.until(run, ({ state, steps }) => state === 'needs a person' && (steps[0]?.counts['looks'] ?? 0) > 0);
  expect((await at.until(run, () => true)).steps[0]?.counts['looks']).toBeGreaterThan(1);
  await at.say('alice', { verb: 'cancel', run });
}, 60_000);
