// Somebody who reached Temporal, with a responder's launch and with what people said in earnest, but not with what they did not say.
import { ModifyInstanceAttributeCommand } from '@aws-sdk/client-ec2';
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
import { ec2Of, groupsOfInstances } from '../support/ec2.js';
import { type Caller, caller, resultOf } from '../support/forgery.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let untouched: string[][];
const retry = { attempts: 1, firstWaitMs: 10 };
const executors = executorQueue('aws');

/** Of two steps, the first of which is taken back if it fails; the run stays open while the second asks. */
const twoSteps = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: two-steps, version: 1, summary: Protect hosts twice. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
  reason: { type: string, min: 5 }
gates:
  first: { need: 1, from: [security-oncall, platform-leads], within: 15m }
  second: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: first
    on_failure: undo
  - id: snapshot
    phase: recover
    uses: aws.snapshot-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: second
`;

beforeAll(async () => {
  at = await startInstallation({
    runbooks: {
      'two-steps.yaml': twoSteps,
      'short-gate.yaml': twoSteps.replace('two-steps', 'short-gate').replace('within: 15m', 'within: 2s'),
    },
  });
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
  return {
    run: asking.ref,
    step,
    plan,
    from: 0,
    to: 1,
    warrant: warrant(asking, statements),
    opens: true,
    closes: true,
    retry,
  };
}

function askingFor({ ref, ask }: Asking, changes: Partial<AskInput>): AskInput {
  const { id, about, allows, spec, excluded, plans, openedAt, deadline, containing } = ask;
  const { gate, round } = about;
  return { run: ref, id, gate, round, allows, spec, excluded, plans, openedAt, deadline, containing, ...changes };
}

async function expectUntouched(): Promise<void> {
  expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
}

async function unprotect(instance: string): Promise<void> {
  const ec2 = ec2Of(at.world);
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: instance, DisableApiTermination: { Value: false } }));
  ec2.destroy();
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
    const answer = await call({
      queue: executors,
      activity: 'carryOut',
      input: carrying(asking, 'quarantine', approvals),
    });
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
    const input = {
      run: ref,
      step: 'collect',
      unit: 'any',
      items: [],
      warrant: { launch },
      opens: true,
      closes: true,
      retry,
    };
    expect(await call({ queue: executors, activity: 'collect', input })).toMatchObject({
      code: 'warrant.other-environment',
    });
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('an approval after the gate ran out does not count, whatever the journal was made to say of its deadline', async () => {
    const inputs = { instances: at.world.seeded.instances.slice(2, 3), reason: 'a reason long enough' };
    const { run, incident } = await at.say('alice', { verb: 'launch', runbook: 'short-gate', inputs });
    const asking = await known(run, incident);
    await at.until(run, ({ needs }) => needs?.code === 'gate.expired');
    const call = await takeOver(asking);
    const deadline = new Date(Date.now() + 3_600_000).toISOString();
    const event = eventOf(asking, 'gate.extended', { id: asking.ask.id, gate: 'first', round: 1, deadline });
    expect(await call({ queue: controlQueue, activity: 'append', input: [event] })).not.toHaveProperty('code');
    const late = at.statement('bob', 'approve', asking.about);
    const answer = await call({ queue: executors, activity: 'carryOut', input: carrying(asking, 'protect', [late]) });
    expect(answer).toMatchObject({ code: 'gate.expired' });
    expect(await at.store.holds({ run, state: 'any' })).toEqual([]);
  });

  test('a step that did not fail is not taken back under the failure rule that people agreed to', async () => {
    const instances = at.world.seeded.instances.slice(1, 2);
    const inputs = { instances, reason: 'a reason long enough' };
    const { run, incident } = await at.say('alice', { verb: 'launch', runbook: 'two-steps', inputs });
    const asking = await known(run, incident);
    const bob = at.statement('bob', 'approve', asking.about);
    await at.door.say(bob);
    await at.until(run, ({ asks }) => asks.some(({ about, state }) => about.gate === 'second' && state === 'asking'));
    const input = { run: asking.ref, step: 'protect', warrant: warrant(asking, [bob]), retry };
    const call = caller(at, `elsewhere-${run}`);
    expect(await call({ queue: executors, activity: 'takeBack', input })).toMatchObject({ code: 'warrant.not-failed' });
    const [hold] = await at.store.holds({ run });
    expect(hold?.state).toBe('in force');
    await at.say('alice', { verb: 'cancel', run });
    await at.say('bob', { verb: 'approve', run, gate: 'first' });
    await at.ended(run);
  });

  test('who asks for a release gets no containment approved as one, and nothing opened by it', async () => {
    const { run, incident } = await at.launch('alice');
    await at.agree(run);
    expect((await at.ended(run, 60_000)).state).toBe('done');
    const contained = await groupsOfInstances(at.world, at.world.seeded.instances);
    const { run: releasing } = await at.say('alice', { verb: 'release', of: incident, reason: 'a release' });
    const asking = await known(releasing, incident);
    const call = await takeOver(asking);
    const [hold] = (await at.door.holds(run)).filter(({ aspect }) => aspect === 'termination-protection');
    if (hold === undefined) throw new Error('nothing is protected');
    // Somebody differs from what is held, so that a plan would contain it again; the card shows just that.
    await unprotect((hold.item as { instance: string }).instance);
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
    await at.agree(again);
    await at.ended(again, 60_000);
    await expectUntouched();
  }, 120_000);
});

describe('what can be written through the control queue', () => {
  test("nobody speaks for a run but its own workflow: a run that goes on cannot be ended in another's words", async () => {
    const asking = await askingRun();
    const call = caller(at, `elsewhere-${asking.run}`);
    const input = { run: asking.ref, action: 'run.done', says: 'all is well', endedAt: new Date().toISOString() };
    const refused = { code: 'control.other-caller' };
    expect(await call({ queue: controlQueue, activity: 'finish', input })).toMatchObject(refused);
    const asked = askingFor(asking, { id: 'forged', round: 9 });
    expect(await call({ queue: controlQueue, activity: 'ask', input: asked })).toMatchObject(refused);
    const said = { run: asking.ref, statement: at.statement('bob', 'approve', asking.about) };
    expect(await call({ queue: controlQueue, activity: 'hear', input: said })).toMatchObject(refused);
    const forged = [eventOf(asking, 'gate.passed', { id: asking.ask.id })];
    expect(await call({ queue: controlQueue, activity: 'append', input: forged })).toMatchObject(refused);
    expect((await at.until(asking.run, () => true)).state).toBe('asking');
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('whoever takes the id of a run writes neither what a gate asks, nor what was held or launched, nor what nobody said', async () => {
    const asking = await askingRun();
    const call = await takeOver(asking);
    const forge = (event: EventDraft) => call({ queue: controlQueue, activity: 'append', input: [event] });
    const { about, ask, ref } = asking;
    const shown = { ...ask, id: 'containment#5', about: { ...about, round: 5 }, plans: ask.plans.slice(0, 1) };
    for (const action of ['gate.asked', 'hold.closed', 'run.launched', 'run.done', 'change.settled'] as const)
      expect(await forge(eventOf(asking, action, shown)), action).toMatchObject({ code: 'control.not-a-workflows' });
    const unsaid = { ...at.statement('bob', 'deny', about), reason: 'bob never said so' };
    expect(await forge({ ...eventOf(asking, 'statement.counted', {}), actor: 'bob', statement: unsaid })).toMatchObject(
      {
        code: 'control.not-said',
      },
    );
    expect(await forge({ ...eventOf(asking, 'gate.extended', {}), actor: 'bob' })).toMatchObject({
      code: 'control.not-a-workflows',
    });
    expect(await forge({ ...eventOf(asking, 'run.resumed', {}), id: `${asking.run}/launched` })).toMatchObject({
      code: 'control.other-run',
    });
    expect(await forge({ ...eventOf(asking, 'run.resumed', {}), chain: 'installation' })).toMatchObject({
      code: 'control.other-run',
    });
    const [plan] = ask.plans;
    if (plan === undefined) throw new Error('nothing is planned');
    const harmless = askingFor(asking, { id: 'forged', round: 5, plans: [{ ...plan, toChange: 0, risk: 'read' }] });
    expect(await call({ queue: controlQueue, activity: 'ask', input: harmless })).toMatchObject({
      code: 'plan.unknown',
    });
    const other = askingFor(asking, { plans: [plan] });
    expect(await call({ queue: controlQueue, activity: 'ask', input: other })).toMatchObject({
      code: 'gate.asked-before',
    });
    expect((await at.store.events({ run: ref.run, actions: ['gate.asked'] })).length).toBe(1);
  });
});

describe('what people can always do', () => {
  test('a flood of rubbish in the name of bob, even with the words of his card, keeps neither bob nor carol from deciding', async () => {
    const asking = await askingRun();
    const handle = at.client.workflow.getHandle(asking.run);
    const bob = at.statement('bob', 'approve', asking.about);
    const wrong = { ...bob, proof: { ...bob.proof, signature: 'x' } };
    const rubbish = [...Array(60).keys()].map((each) => ({ ...wrong, nonce: `rubbish-${each}` }));
    const said = await Promise.allSettled(
      [wrong, ...rubbish].map((statement) => handle.executeUpdate(stateUpdate, { args: [statement] })),
    );
    expect(said.every(({ status }) => status === 'rejected')).toBe(true);
    expect((await at.door.say(bob)).outcome).toMatch(/^counted/);
    await at.say('carol', { verb: 'deny', run: asking.run, reason: 'enough' });
    await at.until(asking.run, ({ state }) => state === 'needs a person');
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test("a forgery of bob's very words, delivered before them by the same door, is not answered in their place", async () => {
    const asking = await askingRun();
    const bob = at.statement('bob', 'approve', asking.about);
    const forgery = { ...bob, proof: { ...bob.proof, signature: 'x' } };
    await expect(at.door.say(forgery)).rejects.toMatchObject({ code: 'proof.signature-wrong' });
    expect((await at.door.say(bob)).outcome).toMatch(/^counted/);
    expect(await at.door.say(bob)).toEqual(await at.door.say(bob));
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('what bob said about other runs, said again here, does not use up what he may be refused', async () => {
    const asking = await askingRun();
    const handle = at.client.workflow.getHandle(asking.run);
    const elsewhere = { ...asking.about, run: 'run-0000000002' };
    const old = [...Array(60).keys()].map(() => at.statement('bob', 'approve', elsewhere));
    await Promise.allSettled(old.map((statement) => handle.executeUpdate(stateUpdate, { args: [statement] })));
    expect((await at.say('bob', { verb: 'approve', run: asking.run })).outcome).toMatch(/^counted/);
    await at.say('alice', { verb: 'cancel', run: asking.run });
    await at.ended(asking.run);
  });

  test('an approval within the time that a responder added to a gate counts, at the executor too', async () => {
    const inputs = { instances: at.world.seeded.instances.slice(2, 3), reason: 'a reason long enough' };
    const { run } = await at.say('alice', { verb: 'launch', runbook: 'short-gate', inputs });
    const { openedAt = '' } = (await at.asking(run)).asks[0] ?? {};
    await at.say('alice', { verb: 'extend', run, byMs: 60_000 });
    await at.until(run, () => Date.now() > Date.parse(openedAt) + 3_000);
    await at.say('bob', { verb: 'approve', run });
    const carriedOut = await at.until(run, ({ steps }) => steps[0]?.state === 'done');
    expect(carriedOut.asks[0]?.state).toBe('passed');
    await at.say('alice', { verb: 'cancel', run });
    await at.say('bob', { verb: 'approve', run, gate: 'first' });
    await at.ended(run);
  });
});

/** An event as a workflow would write it. */
function eventOf({ run, incident }: Asking, action: EventDraft['action'], data: object): EventDraft {
  return {
    chain: incident,
    id: `${run}/engine/900`,
    run,
    occurredAt: new Date().toISOString(),
    actor: 'engine',
    action,
    data: JSON.parse(JSON.stringify(data)) as NonNullable<EventDraft['data']>,
  };
}
