// Stolen credentials from the launch to the release: real Temporal, real store, IAM is the emulator behind the shim, which
// checks signatures and policies while an effect is shown.
import { DeleteAccessKeyCommand, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../core/json.js';
import type { RunView } from '../../core/run-view.js';
import { sandboxRegion } from '../../sandbox/world.js';
import { iamAt, type TestIam } from '../support/iam.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let iam: TestIam;

beforeAll(async () => {
  at = await startInstallation({
    watchEvery: '1s',
    installation: (text) =>
      `${text}protected:\n  - { system: aws, type: iam-user, id: break-glass, why: it is how people get in when all else fails }\n`,
  });
  iam = iamAt(at.world.aws, sandboxRegion);
}, 120_000);

afterAll(() => at.stop());

const hourMs = 60 * 60_000;

function fromNow(ms: number): string {
  return `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`;
}

function launch(inputs: Record<string, Json>) {
  return at.say('alice', {
    verb: 'launch',
    runbook: 'aws-credential-compromise',
    inputs: { reason: 'keys were seen in a public repository', ...inputs },
  });
}

async function contain(inputs: Record<string, Json>): Promise<{ run: string; incident: string; view: RunView }> {
  const { run, incident } = await launch(inputs);
  await at.agree(run);
  return { run, incident, view: await at.ended(run, 60_000) };
}

function states({ steps }: RunView): Record<string, string> {
  return Object.fromEntries(steps.map(({ id, state }) => [id, state]));
}

test('stolen keys and sessions are refused once two others agreed, and all but the cut sessions come back by release', async () => {
  const { user, keys } = await iam.startUser({ keyCount: 2 });
  const role = await iam.startRole();
  const session = await iam.assume(role);
  const stolen = [...keys, session];
  for (const each of stolen) expect(await iam.tryOut(each)).toBe('done');

  const cutoff = fromNow(15 * 60_000);
  const { run, incident } = await launch({ users: [user], roles: [role], cutoff });
  await at.asking(run);
  // Who is asked sees the time that will be cut at, and nothing has happened yet.
  const plan = await at.door.plan(run);
  expect(plan.steps.find(({ step }) => step === 'revoke-roles')?.changes[0]).toMatchObject({
    standing: 'change',
    after: { sessionsIssuedBefore: cutoff },
  });
  for (const each of stolen) expect(await iam.tryOut(each)).toBe('done');
  await expect(at.say('alice', { verb: 'approve', run })).rejects.toMatchObject({ code: 'gate.requester-excluded' });

  await at.agree(run);
  const view = await at.ended(run, 60_000);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  expect(states(view)).toEqual({ 'deny-users': 'done', keys: 'done', 'revoke-roles': 'done', 'deny-roles': 'skipped' });
  for (const each of stolen) expect(await iam.tryOut(each)).not.toBe('done');
  const settled = await at.events(run, 'change.settled');
  expect(settled.map(({ data }) => data?.['shown'])).toEqual(['read back', 'read back', 'read back', 'read back']);

  // The cut is for as long as a stolen session may live: that part of the release fails and says until when.
  const released = await at.release(incident);
  expect(released.state).toBe('failed');
  expect(JSON.stringify(released.steps)).toContain('aws.sessions-would-revive');
  expect(await iam.policiesOf({ user })).toEqual({});
  expect(Object.values(await iam.statusesOf(user))).toEqual(['Active', 'Active']);
  for (const each of keys) expect(await iam.tryOut(each)).toBe('done');
  expect(await iam.tryOut(session)).not.toBe('done');
  expect((await at.door.holds(incident)).map(({ aspect }) => aspect)).toEqual(['older-sessions']);
}, 120_000);

test('a cut of sessions that have all expired since is lifted by release, and a denied role works again', async () => {
  const role = await iam.startRole();
  const { incident, view } = await contain({ roles: [role], cutoff: fromNow(-13 * hourMs), deny_roles: true });
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  expect(states(view)).toEqual({
    'deny-users': 'skipped',
    keys: 'skipped',
    'revoke-roles': 'done',
    'deny-roles': 'done',
  });
  const session = await iam.assume(role);
  expect(await iam.tryOut(session)).not.toBe('done');
  const released = await at.release(incident);
  expect(released.state, JSON.stringify(released.steps)).toBe('done');
  expect(await iam.policiesOf({ role })).toEqual({});
  expect(await iam.tryOut(session)).toBe('done');
  expect(await at.door.holds(incident)).toEqual([]);
}, 120_000);

test('a key that an attacker turns on again, and one made since, are made inactive while the containment is in force, and release leaves what was deleted', async () => {
  const { user, keys } = await iam.startUser();
  const { run, incident } = await contain({ users: [user] });
  const AccessKeyId = keys[0]?.accessKeyId ?? '';
  await iam.iam.send(new UpdateAccessKeyCommand({ UserName: user, AccessKeyId, Status: 'Active' }));
  const { accessKeyId: fresh } = await iam.addKey(user);
  await expect
    .poll(() => iam.statusesOf(user), { timeout: 30_000 })
    .toEqual({ [AccessKeyId]: 'Inactive', [fresh]: 'Inactive' });
  await expect.poll(async () => (await at.events(run, 'containment.settled-again')).length).toBeGreaterThanOrEqual(2);
  // The attacker's own key goes before release, which otherwise makes active again what was active when it was found.
  await iam.iam.send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: fresh }));
  const released = await at.release(incident);
  expect(JSON.stringify(released.steps)).toContain('release.kept-as-found');
  expect(await iam.statusesOf(user)).toEqual({ [AccessKeyId]: 'Active' });
  expect(await at.door.holds(incident)).toEqual([]);
}, 120_000);

test('a protected user is left alone and said to be, and the others are contained', async () => {
  const { user } = await iam.startUser();
  const { run, incident, view } = await contain({ users: ['break-glass', user] });
  expect(view.state).toBe('failed');
  expect(view.steps.find(({ id }) => id === 'deny-users')?.counts).toMatchObject({ applied: 1, failed: 1 });
  expect(JSON.stringify(await at.events(run, 'change.settled'))).toContain('how people get in when all else fails');
  expect(Object.values(await iam.statusesOf(user))).toEqual(['Inactive']);
  expect((await at.release(incident)).state).toBe('done');
}, 120_000);

test('roles without a time to cut at are refused with what one looks like, and nobody is asked', async () => {
  const role = await iam.startRole();
  const { run } = await launch({ roles: [role] });
  const view = await at.ended(run, 30_000);
  expect(view.state).toBe('failed');
  expect(view.asks).toEqual([]);
  expect(JSON.stringify(await at.events(run))).toContain('2026-01-31T22:15:00Z');
  expect(await iam.policiesOf({ role })).toEqual({});
}, 60_000);
