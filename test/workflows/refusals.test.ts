// What must not count: real Temporal, real store, statements attested as from Slack; AWS is the emulator behind the shim.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shortId } from '../../core/ids.js';
import type { GateAbout } from '../../core/statement.js';
import { stateUpdate } from '../../workflows/statements.js';
import { groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { forge, unproven } from '../support/forgery.js';

let at: TestInstallation;
let untouched: string[][];

beforeAll(async () => {
  // bob has a second Slack account.
  at = await startInstallation({
    people: (text) =>
      text.replace(/^( +)- team: T0SANDBOX\n +user: U0BOB\n/m, '$&$1- team: T0SANDBOX\n$1  user: U0BOBTWO\n'),
  });
  untouched = await groupsOfInstances(at.world, at.world.seeded.instances);
}, 120_000);

afterAll(() => at.stop());

/** A run that asks, about one host. */
async function askingRun(): Promise<{ run: string; incident: string; about: GateAbout }> {
  const [instance = ''] = at.world.seeded.instances;
  const { run, incident } = await at.launch('alice', { instances: [instance], reason: 'a reason long enough' });
  const view = await at.asking(run);
  const about = view.asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  return { run, incident, about };
}

async function refusalOnRecord(run: string, code: string): Promise<string> {
  const refused = await at.events(run, 'statement.refused');
  const found = refused.find((event) => event.data?.['code'] === code);
  expect(
    found,
    `${code} is not in the timeline, which has ${JSON.stringify(refused.map(({ data }) => data?.['code']))}`,
  ).toBeDefined();
  return JSON.stringify(found?.data?.['reason']);
}

async function refusedWarrants(run: string): Promise<unknown[]> {
  return (await at.events(run, 'warrant.refused')).map(({ data }) => data?.['code']);
}

describe('at a gate', () => {
  test('the requester, somebody outside the groups and a second word of the same person are refused, with a reason, on the record', async () => {
    const { run, about } = await askingRun();
    await expect(at.say('alice', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.requester-excluded' });
    await expect(at.say('dave', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.not-eligible' });
    await at.say('bob', { verb: 'approve', run });
    await expect(at.door.say(at.statement('bob', 'approve', about))).rejects.toMatchObject({
      code: 'gate.already-decided',
    });
    expect(await refusalOnRecord(run, 'gate.requester-excluded')).toMatch(/somebody else must/);
    expect(await refusalOnRecord(run, 'gate.not-eligible')).toMatch(/security-oncall or platform-leads/);
    expect(await refusalOnRecord(run, 'gate.already-decided')).toMatch(/withdraw it first/);
    expect((await at.until(run, () => true)).state).toBe('asking');
    await at.say('alice', { verb: 'cancel', run });
    expect((await at.ended(run)).state).toBe('cancelled');
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test('an approval of another effect, from an hour ahead, or for another run counts for nothing', async () => {
    const { run, about } = await askingRun();
    const other = { ...about, plan: `sha256:${'f'.repeat(64)}` as const };
    await expect(at.door.say(at.statement('bob', 'approve', other))).rejects.toMatchObject({
      code: 'about.other-effect',
    });
    const ahead = new Date(Date.now() + 3_600_000).toISOString();
    await expect(at.door.say(at.statement('bob', 'approve', about, { at: ahead }))).rejects.toMatchObject({
      code: 'statement.from-the-future',
    });
    const foreign = at.statement('bob', 'approve', { ...about, launch: `sha256:${'e'.repeat(64)}` });
    await expect(at.door.say(foreign)).rejects.toMatchObject({ code: 'about.other-effect' });
    const refused = await at.events(run, 'statement.refused');
    expect(refused.map(({ actor, data }) => [actor, data?.['code']])).toEqual([
      ['bob', 'about.other-effect'],
      ['bob', 'statement.from-the-future'],
      ['bob', 'about.other-effect'],
    ]);
    expect(await refusalOnRecord(run, 'about.other-effect')).toMatch(/not what was shown when this was said/);
    expect(await refusalOnRecord(run, 'statement.from-the-future')).toMatch(/which is still to come/);
    expect(await at.events(run, 'statement.counted')).toEqual([]);
    await at.say('alice', { verb: 'cancel', run });
  });

  test('one person with two Slack accounts is one person', async () => {
    const { run, about } = await askingRun();
    await at.door.say(at.statement('bob', 'approve', about));
    const second = at.statement('bob', 'approve', about, { slackUser: 'U0BOBTWO' });
    await expect(at.door.say(second)).rejects.toMatchObject({ code: 'gate.already-decided' });
    await expect(at.door.say(at.statement('carol', 'approve', about, { slackUser: 'U0BOBTWO' }))).rejects.toMatchObject(
      { code: 'proof.identity-mismatch' },
    );
    expect((await at.until(run, () => true)).state).toBe('asking');
    await at.say('alice', { verb: 'cancel', run });
  });

  test('two clicks with one nonce are one word, and the second gets the answer of the first', async () => {
    const { run, about } = await askingRun();
    const [first, second] = await Promise.all([
      at.door.say(at.statement('bob', 'approve', about, { nonce: 'card' })),
      at.door.say(at.statement('bob', 'approve', about, { nonce: 'card' })),
    ]);
    expect(second.outcome).toBe(first.outcome);
    expect((await at.events(run, 'statement.counted')).length).toBe(1);
    await at.say('alice', { verb: 'cancel', run });
  });

  test('two people at the same moment pass a gate of two exactly once', async () => {
    const { run, incident, about } = await askingRun();
    await Promise.all([
      at.door.say(at.statement('bob', 'approve', about)),
      at.door.say(at.statement('carol', 'approve', about)),
    ]);
    expect((await at.ended(run, 60_000)).state).toBe('done');
    expect((await at.events(run, 'gate.passed')).length).toBe(1);
    const release = await at.say('alice', { verb: 'release', of: incident, reason: 'test is over' });
    await at.asking(release.run);
    await at.say('bob', { verb: 'approve', run: release.run });
    await at.say('carol', { verb: 'approve', run: release.run });
    expect((await at.ended(release.run, 60_000)).state).toBe('done');
  }, 120_000);

  test('a denial stops: the run waits for a person, and a retry asks anew', async () => {
    const { run, about } = await askingRun();
    await at.say('bob', { verb: 'deny', run, reason: 'these are the wrong hosts' });
    const waiting = await at.until(run, ({ state }) => state === 'needs a person');
    expect(waiting.needs).toMatchObject({ code: 'gate.denied' });
    await expect(at.door.say(at.statement('carol', 'approve', about))).rejects.toMatchObject({ code: 'gate.denied' });
    await at.say('alice', { verb: 'retry', run });
    const again = await at.until(run, (view) => view.asks.some(({ state }) => state === 'asking'));
    expect(again.asks.at(-1)?.about.round).toBe(2);
    // About everything that was denied, also what is only reached later.
    const [first, second] = again.asks.map(({ plans }) => plans.map(({ step }) => step));
    expect(second).toEqual(first);
    expect(first).toContain('isolate');
    await at.say('alice', { verb: 'cancel', run });
    expect((await at.ended(run)).state).toBe('cancelled');
  });
});

describe('around the door', () => {
  test('a statement sent straight to Temporal without a proof counts for nothing', async () => {
    const { run, about } = await askingRun();
    const said = at.statement('bob', 'approve', about);
    const send = (statement: unknown) =>
      at.client.workflow.getHandle(run).executeUpdate(stateUpdate, { args: [statement as never] });
    await expect(send(unproven(said))).rejects.toMatchObject({
      cause: { type: 'proof.signature-wrong' },
    });
    await expect(send({ ...said, nonce: 'other', proof: {} })).rejects.toMatchObject({
      cause: { type: 'statement.malformed' },
    });
    const refused = await at.events(run, 'statement.refused');
    expect(refused.map(({ data }) => data?.['code'])).toEqual(['proof.signature-wrong', 'statement.malformed']);
    await at.say('alice', { verb: 'cancel', run });
  });

  test('work given straight to the executor with the gates removed is refused, for it believes nobody', async () => {
    const { run, refusal } = await forge(at, 'gates removed');
    expect(refusal).toMatchObject({ code: 'warrant.runbook-unknown' });
    expect(await refusedWarrants(run)).toEqual(['warrant.runbook-unknown']);
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test("the real runbook with nobody's approval lets the executor change nothing", async () => {
    const { counts } = await forge(at, 'no approval');
    expect(counts).toMatchObject({ applied: 0, outside: 2 });
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test("one person's approval is not two, whatever the asking claims to need", async () => {
    const { run, refusal } = await forge(at, 'one approval');
    expect(refusal).toMatchObject({ code: 'warrant.not-approved' });
    expect(await refusedWarrants(run)).toEqual(['warrant.not-approved']);
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test('an approval that its author never proved is refused by the executor too, and is on the record', async () => {
    const { run, refusal } = await forge(at, 'an approval that nobody proved');
    expect(refusal).toMatchObject({ code: 'proof.signature-wrong' });
    expect(await refusedWarrants(run)).toEqual(['proof.signature-wrong']);
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test('an instance that does not follow from what was launched is refused, and is on the record', async () => {
    const { run, refusal } = await forge(at, 'an item that was not launched');
    expect(refusal).toMatchObject({ code: 'warrant.foreign-item' });
    expect(await refusedWarrants(run)).toEqual(['warrant.foreign-item']);
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  });

  test('a run started straight at Temporal whose runbook is not the launched one is refused before it begins', async () => {
    const launched = await askingRun();
    const launch = (await at.events(launched.run, 'run.launched'))[0]?.statement;
    // A name that no run has: the one launched may end in any character.
    const run = shortId('run', randomBytes(10));
    const runbook = Object.values((await at.door.bundle()).runbooks)[0];
    const input = { run, incident: launched.incident, runbook, inputs: { instances: [] }, launch };
    const result = await at.client.workflow.execute('run', {
      workflowId: run,
      taskQueue: 'firebreak-control',
      args: [input],
    });
    expect(result).toEqual({ state: 'refused' });
    await at.say('alice', { verb: 'cancel', run: launched.run });
  });
});

test.each([
  ['an hour ahead', 60 * 60_000, 'statement.from-the-future'],
  ['two days ago, and good for an hour', -48 * 60 * 60_000, 'statement.expired'],
])(
  'a launch said %s starts nothing, and is on the record as refused',
  async (_when, offsetMs, code) => {
    const [instance = ''] = at.world.seeded.instances;
    const prepared = await at.door.prepare(
      {
        verb: 'launch',
        runbook: 'aws-host-compromise',
        inputs: { instances: [instance], reason: 'a reason long enough' },
        again: true, // the run of the test before may not have ended yet
      },
      'alice',
    );
    const saidMs = Date.now() + offsetMs;
    const launch = at.statement('alice', 'launch', prepared.about, {
      nonce: prepared.nonce,
      at: new Date(saidMs).toISOString(),
      validUntil: new Date(saidMs + 60 * 60_000).toISOString(),
      reason: 'a reason long enough',
    });
    const run = prepared.about.run;
    await at.door.say(launch).catch(() => undefined);
    const view = await at.ended(run, 30_000);
    expect(view.state).toBe('refused');
    expect((await at.events(run, 'statement.refused'))[0]?.data).toMatchObject({ code });
    expect(await at.events(run, 'run.launched')).toEqual([]);
  },
  60_000,
);

test('somebody revoked between approval and carrying out does not count any more', async () => {
  const { run, about } = await askingRun();
  await at.stopWorkers();
  const people = join(at.root, 'people.yaml');
  const text = readFileSync(people, 'utf8');
  try {
    await at.startWorkers();
    await at.door.say(at.statement('bob', 'approve', about));
    writeFileSync(people, text.replace(/^( {2}bob:\n)/m, `$1    revoked: ${new Date().toISOString()}\n`));
    await expect(at.door.say(at.statement('bob', 'withdraw', about))).rejects.toMatchObject({ code: 'person.revoked' });
    await at.say('carol', { verb: 'approve', run });
    const waiting = await at.until(run, ({ state }) => state === 'needs a person');
    expect(waiting.needs?.code).toBe('person.revoked');
    expect(await groupsOfInstances(at.world, at.world.seeded.instances)).toEqual(untouched);
  } finally {
    writeFileSync(people, text);
  }
  await at.say('alice', { verb: 'cancel', run });
});
