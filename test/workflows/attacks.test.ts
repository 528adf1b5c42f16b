// Somebody who reached Temporal, with a responder's launch and with what people said in earnest, but not with what they did not say.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AskInput, CarryOutInput, RunRef, Warrant } from '../../activities/contract.js';
import type { EventDraft } from '../../core/event.js';
import type { Digest } from '../../core/json.js';
import type { PlanRef } from '../../core/plan.js';
import { controlQueue, executorQueue } from '../../core/queues.js';
import type { AskView } from '../../core/run-view.js';
import type { GateAbout, Statement } from '../../core/statement.js';
import { digestOf } from '../../journal/digest.js';
import { stateUpdate } from '../../workflows/statements.js';
import { groupsOfInstances } from '../support/ec2.js';
import { type Caller, caller, resultOf } from '../support/forgery.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let untouched: string[][];
const retry = { attempts: 1, firstWaitMs: 10 };
const executors = executorQueue('aws');

beforeAll(async () => {
  at = await startInstallation();
  untouched = await groupsOfInstances(at.world, at.world.seeded.instances);
}, 120_000);

afterAll(() => at.stop());

/** A run that asks, and all that an attacker can read of it. */
interface Asking {
  run: string;
  incident: string;
  ref: RunRef;
  launch: Statement;
  ask: AskView;
  about: GateAbout;
}

async function askingRun(instances = at.world.seeded.instances.slice(0, 1)): Promise<Asking> {
  const { run, incident } = await at.launch('alice', { instances, reason: 'a reason long enough' });
  return known(run, incident);
}

async function known(run: string, incident: string): Promise<Asking> {
  const view = await at.asking(run);
  const launch = (await at.events(run, 'run.launched'))[0]?.statement;
  const ask = view.asks.at(-1);
  if (launch === undefined || ask === undefined) throw new Error('nothing asks');
  const ref = { run, incident, launch: digestOf(launch.about), requester: launch.by };
  return { run, incident, ref, launch, ask, about: ask.about };
}

/** The run is ended from outside, so that its workflow id can be taken. */
async function takeOver(asking: Asking): Promise<Caller> {
  await at.client.workflow.getHandle(asking.run).terminate('taken over');
  return caller(at, asking.run);
}

function planOf({ ask }: Asking, step: string): PlanRef {
  const plan = ask.plans.find((each) => each.step === step);
  if (plan === undefined) throw new Error(`${step} has no plan`);
  return plan;
}

function warrant({ launch, about }: Asking, statements: Statement[]): Warrant {
  return { launch, gate: { gate: about.gate, round: about.round, plan: about.plan, statements } };
}

function carrying(asking: Asking, step: string, statements: Statement[], plan = planOf(asking, step)): CarryOutInput {
  return { run: asking.ref, step, plan, from: 0, to: 1, warrant: warrant(asking, statements), whole: true, retry };
}

function askingFor({ ref, ask }: Asking, changes: Partial<AskInput>): AskInput {
  const { id, about, allows, spec, excluded, plans, openedAt, deadline, containing } = ask;
  const { gate, round } = about;
  return { run: ref, id, gate, round, allows, spec, excluded, plans, openedAt, deadline, containing, ...changes };
}

async function expectUntouched(): Promise<void> {
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
}

async function agree(run: string): Promise<void> {
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.say('carol', { verb: 'approve', run });
}

describe('what executors take from the journal and from whoever calls', () => {
  test('whoever leaves out that somebody took an approval back gets nothing done with it', async () => {
    const asking = await askingRun();
    const bob = at.statement('bob', 'approve', asking.about);
    const carol = at.statement('carol', 'approve', asking.about);
    await at.door.say(bob);
    await at.door.say(at.statement('bob', 'withdraw', asking.about));
    await at.door.say(carol);
    const input = carrying(asking, 'quarantine', [bob, carol]);
    const call = caller(at, `elsewhere-${asking.run}`);
    expect(await call({ queue: executors, activity: 'carryOut', input })).toMatchObject({
      code: 'warrant.statement-left-out',
    });
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
    await expectUntouched();
  });

  test('whoever leaves out a denial gets nothing done with the approvals', async () => {
    const asking = await askingRun();
    const bob = at.statement('bob', 'approve', asking.about);
    await at.door.say(bob);
    await at.say('carol', { verb: 'deny', run: asking.run, reason: 'the wrong host' });
    const late = at.statement('carol', 'approve', asking.about);
    const input = carrying(asking, 'quarantine', [bob, late]);
    const call = caller(at, `elsewhere-${asking.run}`);
    expect(await call({ queue: executors, activity: 'carryOut', input })).toMatchObject({
      code: 'warrant.statement-left-out',
    });
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('a run that was cancelled carries out nothing more, although its approvals are still valid', async () => {
    const asking = await askingRun();
    const approvals = ['bob', 'carol'].map((by) => at.statement(by, 'approve', asking.about));
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
    const call = caller(at, `elsewhere-${asking.run}`);
    const answer = await call({ queue: executors, activity: 'carryOut', input: carrying(asking, 'quarantine', approvals) });
    expect(answer).toMatchObject({ code: 'warrant.run-ended' });
    await expectUntouched();
  });

  test("one step's plan is not carried out under another step's gate", async () => {
    const asking = await askingRun();
    const approvals = ['bob', 'carol'].map((by) => at.statement(by, 'approve', asking.about));
    const call = await takeOver(asking);
    const input = carrying(asking, 'quarantine', approvals, planOf(asking, 'protect'));
    expect(await call({ queue: executors, activity: 'carryOut', input })).toMatchObject({ code: 'plan.unknown' });
    const forged = resultOf(
      await call({
        queue: executors,
        activity: 'plan',
        input: {
          run: asking.ref,
          step: 'quarantine',
          round: 1,
          unit: 'aws.protect-instance@1',
          items: [{ instance: at.world.seeded.instances[0] }],
          onFailure: 'continue',
          retry,
        },
      }),
    ) as PlanRef;
    const other = carrying(asking, 'quarantine', approvals, forged);
    expect(await call({ queue: executors, activity: 'carryOut', input: other })).toMatchObject({
      code: 'warrant.other-unit',
    });
    await expectUntouched();
  });

  test('an asking that was not about carrying out approves nothing that could be carried out', async () => {
    const asking = await askingRun();
    const call = await takeOver(asking);
    const cancel = askingFor(asking, { id: 'containment#7', round: 7, allows: 'cancel' });
    expect(await call({ queue: controlQueue, activity: 'ask', input: cancel })).toMatchObject({
      code: 'gate.request-with-plans',
    });
  });

  test('a launch and approvals of another environment count for nothing here', async () => {
    const asking = await askingRun();
    if (asking.launch.about.kind !== 'launch') throw new Error('no launch');
    const about = { ...asking.launch.about, run: 'run-0000000001', environment: 'elsewhere' };
    await expect(at.door.say(at.statement('alice', 'launch', about))).rejects.toMatchObject({
      code: 'about.other-environment',
    });
    const launch = at.statement('alice', 'launch', about);
    const ref = { ...asking.ref, run: about.run, launch: digestOf(about) };
    const call = caller(at, `elsewhere-${asking.run}`);
    const input = { run: ref, step: 'collect', unit: 'any', items: [], warrant: { launch }, whole: true, retry };
    expect(await call({ queue: executors, activity: 'collect', input })).toMatchObject({
      code: 'warrant.other-environment',
    });
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('who asks for a release gets no containment approved as one, and nothing opened by it', async () => {
    const { run, incident } = await at.launch('alice');
    await agree(run);
    expect((await at.ended(run, 60_000)).state).toBe('done');
    const contained = await groupsOfInstances(at.world, at.world.seeded.instances);
    const { run: releasing } = await at.say('alice', { verb: 'release', of: incident, reason: 'a release' });
    const asking = await known(releasing, incident);
    const call = await takeOver(asking);
    const [instance = ''] = at.world.seeded.instances;
    await at.world.aws.shim.faults.clear();
    const [hold] = (await at.door.holds(run)).filter(({ aspect }) => aspect === 'termination-protection');
    if (hold === undefined) throw new Error('nothing is protected');
    // Somebody differs from what is held, so that a plan would contain it again; the card shows just that.
    await unprotect(instance);
    const plan = resultOf(
      await call({
        queue: executors,
        activity: 'plan',
        input: {
          run: asking.ref,
          step: asking.ask.plans[0]?.step,
          round: 2,
          unit: hold.unit,
          items: [hold.item],
          onFailure: 'continue',
          retry,
        },
      }),
    ) as PlanRef;
    expect(plan.toChange).toBe(1);
    const asked = askingFor(asking, { id: 'again', round: 2, plans: [plan] });
    const { plan: digest } = resultOf(await call({ queue: controlQueue, activity: 'ask', input: asked })) as {
      plan: Digest;
    };
    const about = { ...asking.about, round: 2, plan: digest };
    const approvals = ['bob', 'carol'].map((by) => at.statement(by, 'approve', about));
    const input = carrying({ ...asking, about }, plan.step, approvals, plan);
    const answer = await call({ queue: executors, activity: 'carryOut', input });
    expect(answer).toMatchObject({ result: { counts: { applied: 0, outside: 1 } } });
    expect((await at.store.hold(hold.id))?.state).toBe('in force');
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(contained);
    const { run: again } = await at.say('alice', { verb: 'release', of: run, reason: 'end of test' });
    await agree(again);
    await at.ended(again, 60_000);
    await expectUntouched();
  }, 120_000);
});
