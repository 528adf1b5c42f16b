// A key is rotated from the launch to the old key's end: real Temporal, real store; IAM, STS and Secrets Manager are the
// emulator behind the shim, which checks signatures while an effect is shown.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../core/json.js';
import type { RunView } from '../../core/run-view.js';
import { sandboxRegion } from '../../sandbox/world.js';
import { workspaceAt } from '../../worker/workspace.js';
import { type Credentials, iamAt, type TestIam } from '../support/iam.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { findSecrets } from '../support/secret-search.js';
import { secretsAt, type TestSecrets } from '../support/secrets.js';
import { files, histories, tables } from '../support/written-down.js';

const containKey = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: contain-key, version: 1, summary: One key is made inactive and held so. }
inputs:
  user: { type: string }
  key: { type: string }
gates:
  containment: { need: 2, from: [security-oncall, platform-leads] }
steps:
  - id: key
    phase: contain
    uses: aws.deactivate-key@1
    with: { user: "\${{ inputs.user }}", key: "\${{ inputs.key }}" }
    gate: containment
`;

let at: TestInstallation;
let iam: TestIam;
let secrets: TestSecrets;

beforeAll(async () => {
  at = await startInstallation({ watchEvery: '1s', runbooks: { 'contain-key.yaml': containKey } });
  iam = iamAt(at.world.aws, sandboxRegion);
  secrets = secretsAt(at.world.aws, sandboxRegion);
}, 120_000);

afterAll(() => at.stop());

interface Kept {
  user: string;
  old: Credentials;
  secret: string;
  copy: string;
}

async function keptKey(): Promise<Kept> {
  const { user, keys } = await iam.startUser();
  const [old] = keys;
  if (old === undefined) throw new Error('a key was expected');
  return { user, old, secret: await secrets.keep(old), copy: await secrets.keep(old, { note: 'for the web' }) };
}

function launch({ user, secret, copy }: Kept, more: Record<string, Json> = {}) {
  return at.say('alice', {
    verb: 'launch',
    runbook: 'aws-access-key-rotation',
    inputs: { user, secret, copies: [copy], reason: 'it was seen in a public repository', ...more },
  });
}

function states({ steps }: RunView): Record<string, string> {
  return Object.fromEntries(steps.map(({ id, state }) => [id, state]));
}

async function current(secret: string): Promise<Credentials> {
  const key = await secrets.keyIn(secret);
  if (key === undefined) throw new Error(`${secret} is empty`);
  return key;
}

test('two are asked once; consumers find a new key, and the old one works until a person says that they have it', async () => {
  const kept = await keptKey();
  const { old, secret, copy } = kept;
  const { run } = await launch(kept);
  await at.asking(run);
  expect(await iam.tryOut(old)).toBe('done');
  await at.agree(run);
  const waiting = await at.until(run, ({ tasks }) => tasks.some(({ step }) => step === 'consumers'), 60_000);
  expect(waiting.asks).toHaveLength(1);
  const fresh = await current(secret);
  expect(fresh.accessKeyId).not.toBe(old.accessKeyId);
  expect(await current(copy)).toMatchObject({ ...fresh, note: 'for the web' });
  expect([await iam.tryOut(fresh), await iam.tryOut(old)]).toEqual(['done', 'done']);

  await at.say('bob', { verb: 'confirm', run, reason: 'the web servers were restarted at 03:10' });
  const view = await at.ended(run, 60_000);
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  expect(states(view)).toEqual({ exchange: 'done', consumers: 'done', retire: 'done' });
  expect([await iam.tryOut(fresh), await iam.tryOut(old)]).toEqual(['done', 'AuthFailure']);
  const settled = await at.events(run, 'change.settled');
  expect(settled.every(({ data }) => data?.['shown'] === 'probed')).toBe(true);
  expect(await at.door.holds(run)).toEqual([]);
}, 120_000);

test('no value of a key stands in a history, a journal, an export, a log or a file', async () => {
  const kept = await keptKey();
  const { run, incident } = await launch(kept, { stolen: true });
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('done');
  const fresh = await current(kept.secret);
  const values = [kept.old, fresh].map(({ accessKeyId, secretAccessKey }) => ({
    name: accessKeyId,
    bytes: Buffer.from(secretAccessKey),
  }));
  const workspace = workspaceAt(at.root);
  const events = Buffer.from(JSON.stringify(await at.events(run)));
  const places = [
    ...(await histories(at.client)),
    ...tables(workspace.journal),
    ...files(workspace),
    { where: 'events', bytes: events },
    { where: 'plan', bytes: Buffer.from(JSON.stringify(await at.door.plan(run))) },
    { where: 'brief', bytes: Buffer.from(JSON.stringify(await at.door.holds(incident))) },
  ];
  // The premise: the search reads what was written, for the names of the keys are there.
  expect(places.some(({ bytes }) => Buffer.from(bytes).includes(fresh.accessKeyId))).toBe(true);
  expect(findSecrets(values, places)).toEqual([]);
}, 120_000);

test('a stolen key is retired at once, and nothing brings it back', async () => {
  const kept = await keptKey();
  const { run } = await launch(kept, { stolen: true });
  await at.agree(run);
  const view = await at.ended(run, 60_000);
  expect(states(view)).toEqual({ exchange: 'done', consumers: 'skipped', retire: 'done' });
  expect(await iam.tryOut(kept.old)).toBe('AuthFailure');
  await expect(at.say('alice', { verb: 'undo', run, reason: 'a service broke' })).rejects.toMatchObject({
    code: 'undo.nothing-done',
  });
  expect(await iam.tryOut(kept.old)).toBe('AuthFailure');
}, 120_000);

test('a key that a containment holds is not retired under it, whose release would bring it back; after that, retry retires it', async () => {
  const kept = await keptKey();
  const inputs = { user: kept.user, key: kept.old.accessKeyId };
  const contained = await at.say('alice', { verb: 'launch', runbook: 'contain-key', inputs });
  await at.agree(contained.run);
  expect((await at.ended(contained.run, 60_000)).state).toBe('done');
  const { run } = await launch(kept, { stolen: true });
  await at.agree(run);
  const stopped = await at.until(run, ({ state }) => state === 'needs a person', 60_000);
  expect(states(stopped)).toMatchObject({ exchange: 'done' });
  expect(JSON.stringify(stopped.steps.find(({ id }) => id === 'retire'))).toContain('hold.would-come-back');
  expect((await at.door.holds(contained.incident)).map(({ holders }) => holders.map((each) => each.run))).toEqual([
    [contained.run],
  ]);
  expect((await at.release(contained.incident)).state).toBe('done');
  expect(await iam.tryOut(kept.old)).toBe('done');
  await at.say('alice', { verb: 'retry', run });
  // It was inactive when they agreed; that it is to be made so is another effect.
  await at.agree(run);
  expect((await at.ended(run, 60_000)).state).toBe('done');
  expect(await iam.tryOut(kept.old)).toBe('AuthFailure');
}, 120_000);

test('an emulator that fails again and again on the way leaves one new key, and no other', async () => {
  const kept = await keptKey();
  const { run } = await launch(kept, { stolen: true });
  await at.asking(run);
  const { faults } = at.world.aws.shim;
  faults.add({ kind: 'drop-after', action: 'CreateAccessKey', nth: 1 });
  faults.add({ kind: 'drop-after', action: 'PutSecretValue', nth: 1 });
  faults.add({ kind: 'drop-after', action: 'UpdateSecretVersionStage', nth: 1 });
  faults.add({ kind: 'drop-after', action: 'UpdateAccessKey', nth: 1 });
  await at.agree(run);
  const view = await at.ended(run, 90_000);
  faults.clear();
  expect(view.state, JSON.stringify(view.steps)).toBe('done');
  const fresh = await current(kept.secret);
  expect(await iam.statusesOf(kept.user)).toEqual({
    [kept.old.accessKeyId]: 'Inactive',
    [fresh.accessKeyId]: 'Active',
  });
}, 120_000);
