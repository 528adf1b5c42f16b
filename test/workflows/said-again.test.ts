// What is said late, twice, too long ago or in somebody's name: real Temporal and store, statements attested as from Slack.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AskView } from '../../core/run-view.js';
import { nonceOf } from '../../gateway/slack/ask-card.js';
import { deliveryIdOf } from '../../gateway/statement-ids.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
const validMs = 4_000;
const shipped = readFileSync('runbooks/aws/aws-host-compromise.yaml', 'utf8');
const short = shipped
  .replace('name: aws-host-compromise', 'name: short-lived')
  .replace('within: 15m', `within: 15m\n    approval_valid: ${validMs / 1000}s`);

beforeAll(async () => {
  if (!short.includes('approval_valid')) throw new Error('the shipped runbook has changed; this test edits its text');
  at = await startInstallation({
    orphansMs: 100,
    runbooks: { 'short-lived.yaml': short },
    // dave may decide at the gate, and is no responder.
    people: (text) => text.replace(/security-oncall:\n(\s+)- alice/, 'security-oncall:\n$1- dave\n$1- alice'),
  });
}, 120_000);

afterAll(() => at.stop());

async function askingRun(): Promise<{ run: string; ask: AskView }> {
  const { run } = await at.launch();
  const ask = (await at.asking(run)).asks[0];
  if (ask === undefined) throw new Error('nothing asks');
  return { run, ask };
}

async function rulings(run: string): Promise<unknown[][]> {
  const events = await at.events(run);
  return events
    .filter(({ action }) => action === 'note' || action === 'statement.refused' || action === 'statement.counted')
    .map(({ action, data }) => (data?.['code'] === undefined ? [action] : [action, data['code']]));
}

test('an approval that grew too old does not help a gate to pass, is told to people, and can be given again', async () => {
  const { run } = await at.say('alice', {
    verb: 'launch',
    runbook: 'short-lived',
    inputs: { instances: at.world.seeded.instances.slice(0, 1), reason: 'beacon to a known bad host' },
  });
  const [ask] = (await at.asking(run)).asks;
  const about = ask?.about;
  if (about === undefined) throw new Error('nothing asks');
  const nonce = 'the same card';
  expect(await at.door.say(at.statement('bob', 'approve', about, { nonce }))).toMatchObject({
    outcome: 'counted; 1 of 2 have agreed',
  });
  const lapsed = await at.until(run, ({ asks }) => asks[0]?.lapsed !== undefined, validMs + 10_000);
  expect(lapsed.asks[0]).toMatchObject({ state: 'asking', decided: [], lapsed: [{ by: 'bob', verb: 'approve' }] });
  expect((await at.events(run, 'gate.reminded')).map(({ data }) => data?.['lapsed'])).toEqual([['bob']]);
  expect(await at.say('carol', { verb: 'approve', run })).toMatchObject({ outcome: 'counted; 1 of 2 have agreed' });
  expect((await at.until(run, () => true)).asks[0]?.state).toBe('asking');
  // The card's nonce may still be the old one: it is a new word all the same.
  expect(await at.door.say(at.statement('bob', 'approve', about, { nonce }))).toMatchObject({
    outcome: 'counted; gate "containment" has passed',
  });
  expect((await at.events(run, 'gate.passed')).length).toBe(1);
}, 60_000);

test('neither a cancel nor an extension can be said of one step, for it would be about the whole run', async () => {
  const { run, ask } = await askingRun();
  const { launch } = ask.about;
  for (const verb of ['cancel', 'extend'] as const) {
    const about = {
      kind: 'run' as const,
      run,
      launch,
      step: 'isolate',
      ...(verb === 'extend' ? { byMs: 60_000 } : {}),
    };
    await expect(at.door.say(at.statement('alice', verb, about))).rejects.toMatchObject({ code: 'about.whole-run' });
  }
  const view = await at.until(run, () => true);
  expect([view.state, view.asks[0]?.deadline]).toEqual(['asking', ask.deadline]);
  await at.say('alice', { verb: 'cancel', run });
});

test('a run that was cancelled while it asked asks no more, and says to whoever answers that it has ended', async () => {
  const { run, ask } = await askingRun();
  await at.say('alice', { verb: 'cancel', run, reason: 'wrong host' });
  const view = await at.ended(run);
  expect(view.asks.map(({ state }) => state)).toEqual(['closed']);
  expect(view.says).toContain('cancelled');
  await expect(at.say('bob', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.not-asking' });
  // dave decides at this gate and is no responder: what matters to him is that it is over.
  await expect(at.door.say(at.statement('dave', 'approve', ask.about))).rejects.toMatchObject({ code: 'run.ended' });
});

test('what counted before the run ended is answered so when it is delivered again, and counts once', async () => {
  const { run } = await askingRun();
  const noted = await at.door.prepare({ verb: 'note', run, reason: 'owner informed' }, 'bob');
  const note = at.statement('bob', 'note', noted.about, { nonce: noted.nonce, reason: 'owner informed' });
  await at.door.say(note);
  const late = at.statement('carol', 'retry', noted.about);
  await expect(at.door.say(late)).rejects.toMatchObject({ code: 'retry.nothing-waits' });
  const cancel = at.statement('alice', 'cancel', noted.about, { reason: 'wrong host' });
  await at.door.say(cancel);
  await at.ended(run);
  const before = await rulings(run);
  expect(await at.door.say(note)).toMatchObject({ outcome: 'noted' });
  expect(await at.door.say(cancel)).toMatchObject({
    outcome: expect.stringMatching(/^counted at .* cancelled since$/) as string,
  });
  await expect(at.door.say(late)).rejects.toMatchObject({ code: 'retry.nothing-waits' });
  expect(await rulings(run)).toEqual(before);
  expect(before.filter(([action]) => action === 'note').length).toBe(1);
});

test('a refusal does not stick to the button: when its cause is gone the next click counts', async () => {
  const { run, ask } = await askingRun();
  const nonce = nonceOf(ask);
  const file = join(at.root, 'people.yaml');
  const text = readFileSync(file, 'utf8');
  const without = text.replace(/^ +- dave\n/m, '');
  expect(without).not.toBe(text);
  try {
    writeFileSync(file, without);
    await expect(at.door.say(at.statement('dave', 'approve', ask.about, { nonce }))).rejects.toMatchObject({
      code: 'gate.not-eligible',
    });
  } finally {
    writeFileSync(file, text);
  }
  await sleep(10);
  expect(await at.door.say(at.statement('dave', 'approve', ask.about, { nonce }))).toMatchObject({
    outcome: 'counted; 1 of 2 have agreed',
  });
  await at.say('alice', { verb: 'cancel', run });
});

test('a forgery of what somebody has said is refused and on the record; a second click gets the first answer', async () => {
  const { run, ask } = await askingRun();
  const said = at.statement('bob', 'approve', ask.about, { nonce: nonceOf(ask) });
  const { outcome } = await at.door.say(said);
  const forged = { ...said, proof: { kind: 'ssh' as const, key: 'SHA256:x', signature: 'y' } };
  await expect(
    at.client.workflow.getHandle(run).executeUpdate('state', { args: [forged], updateId: deliveryIdOf(forged) }),
  ).rejects.toMatchObject({ cause: { type: expect.stringMatching(/^proof\./) as string } });
  expect((await rulings(run)).map(([action]) => action)).toEqual(['statement.counted', 'statement.refused']);
  const again = at.statement('bob', 'approve', ask.about, { nonce: nonceOf(ask) });
  expect(await at.door.say(again)).toMatchObject({ outcome });
  expect((await at.events(run, 'statement.counted')).length).toBe(1);
  await at.say('alice', { verb: 'cancel', run });
});
