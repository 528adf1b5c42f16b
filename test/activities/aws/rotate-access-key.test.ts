// Real IAM, STS and Secrets Manager calls to the emulator behind the shim, which refuses inactive and deleted keys as AWS does.
import { DeleteAccessKeyCommand, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { rotateAccessKey } from '../../../activities/aws/rotate-access-key.js';
import type { Planned } from '../../../activities/define-action.js';
import type { Hold } from '../../../core/hold.js';
import type { Json } from '../../../core/json.js';
import { aws, holdOf, region, startAwsSandbox, startTimeoutMs, worldOf, writeAll } from '../../support/aws.js';
import { type Credentials, iamAt, type TestIam } from '../../support/iam.js';
import { secretsAt, type TestSecrets } from '../../support/secrets.js';

let iam: TestIam;
let secrets: TestSecrets;

beforeAll(async () => {
  await startAwsSandbox();
  iam = iamAt(aws(), region);
  secrets = secretsAt(aws(), region);
}, startTimeoutMs);
afterEach(() => {
  aws().shim.faults.clear();
  aws().shim.calls.clear();
});
afterAll(() => aws().stop());

interface Kept {
  user: string;
  old: Credentials;
  secret: string;
}

/** A user whose only key is kept in a secret. */
async function keptKey(beside: Record<string, string> = {}): Promise<Kept> {
  const { user, keys } = await iam.startUser();
  const [old] = keys;
  if (old === undefined) throw new Error('a key was expected');
  return { user, old, secret: await secrets.keep(old, beside) };
}

function planOf(item: Parameters<typeof rotateAccessKey.plan>[0]) {
  return rotateAccessKey.plan(item, worldOf());
}

type RotationState = Parameters<typeof rotateAccessKey.write>[1];

/** The first change, the hold that it is written under, and what it was planned for. */
async function firstOf(item: {
  user: string;
  secret: string;
}): Promise<{ change: Planned<RotationState>; hold: Hold }> {
  const [change] = await rotateAccessKey.plan(item, worldOf());
  if (change === undefined) throw new Error('a change was expected');
  const { state } = await rotateAccessKey.read(change.target, undefined, worldOf());
  return { change, hold: holdOf(rotateAccessKey, change, state, item) };
}

test('consumers find a new key that works, whatever else was in the secret stays, and the old key is refused', async () => {
  const { user, old, secret } = await keptKey({ region: 'eu-west-1' });
  const copy = await secrets.keep(old, { note: 'for the web' });
  expect(await iam.tryOut(old)).toBe('done');
  const planned = await writeAll(rotateAccessKey, { user, secret, copies: [copy] });
  expect(planned.map(({ target, aspect }) => [target.type, aspect])).toEqual([
    ['user-key', 'issued'],
    ['secret', 'value'],
    ['secret', 'value'],
    ['access-key', 'status'],
  ]);
  const now = await secrets.keyIn(secret);
  expect(now).toMatchObject({ region: 'eu-west-1' });
  expect(now?.accessKeyId).not.toBe(old.accessKeyId);
  expect(await iam.tryOut(now as Credentials)).toBe('done');
  expect(await secrets.keyIn(copy)).toEqual({
    note: 'for the web',
    accessKeyId: now?.accessKeyId,
    secretAccessKey: now?.secretAccessKey,
  });
  expect(await iam.tryOut(old)).toBe('AuthFailure');
  expect(await iam.statusesOf(user)).toEqual({ [old.accessKeyId]: 'Inactive', [now?.accessKeyId ?? '']: 'Active' });
});

test('what a plan, a state or an error says holds no value of a key', async () => {
  const { user, old, secret } = await keptKey();
  const said: unknown[] = [];
  const planned = await rotateAccessKey.plan({ user, secret }, worldOf());
  for (const change of planned) {
    const { state } = await rotateAccessKey.read(change.target, undefined, worldOf());
    const hold = holdOf(rotateAccessKey, change, state, { user, secret });
    said.push(change, state, await rotateAccessKey.write(change.target, change.after, hold, worldOf()));
    said.push(await rotateAccessKey.read(change.target, hold, worldOf()));
    said.push(await rotateAccessKey.probe?.(change.target, change.after, worldOf(), { user, secret }));
  }
  const fresh = (await secrets.keyIn(secret)) as Credentials;
  expect(JSON.stringify(said)).toContain(fresh.accessKeyId);
  expect(JSON.stringify(said)).not.toContain(fresh.secretAccessKey);
  expect(JSON.stringify(said)).not.toContain(old.secretAccessKey);
  expect(JSON.stringify(aws().shim.calls.list())).not.toContain(fresh.secretAccessKey);
});

test.each([
  ['half of it', '{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAcc'],
  ['another form', 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI-value-of-nobody'],
])('a secret that holds %s is refused, and the error does not repeat it', async (_what, SecretString) => {
  const { user } = await iam.startUser();
  const Name = `prod/odd-${user}-${SecretString.length}`;
  await secrets.secrets.send(new CreateSecretCommand({ Name, SecretString }));
  const error = await rotateAccessKey.plan({ user, secret: Name }, worldOf()).then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toMatchObject({ code: 'aws.secret-other-form', isTerminal: true });
  expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('AKIAIOSFODNN7EXAMPLE');
});

test('an answer of Secrets Manager that is cut off in the middle is an error that quotes nothing of it', async () => {
  const { user, old, secret } = await keptKey();
  const { secretAccessKey } = old;
  aws().shim.faults.add({
    kind: 'answer',
    action: 'GetSecretValue',
    body: `{"Name":"x","SecretString":"{\\"secretAccessKey\\":\\"${secretAccessKey}`,
    contentType: 'application/x-amz-json-1.1',
  });
  const error = await rotateAccessKey.plan({ user, secret }, worldOf()).then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toMatchObject({ code: 'aws.answer-unreadable' });
  expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(secretAccessKey);
});

test('a second key that nobody accounts for stops it before anything is made, and is left alone', async () => {
  const { user, old, secret } = await keptKey();
  const { accessKeyId: other } = await iam.addKey(user);
  const [change] = await rotateAccessKey.plan({ user, secret }, worldOf());
  if (change === undefined) throw new Error('a change was expected');
  await expect(rotateAccessKey.read(change.target, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.second-key',
    target: other,
    nextStep: expect.stringContaining('get-access-key-last-used'),
  });
  expect(await iam.statusesOf(user)).toEqual({ [old.accessKeyId]: 'Active', [other]: 'Active' });
});

test('a key that appeared meanwhile and was used is somebody’s, and is not taken for our own', async () => {
  const { user, old, secret } = await keptKey();
  const { change, hold } = await firstOf({ user, secret });
  const { accessKeyId: other } = await iam.addKey(user);
  aws().shim.faults.add({
    kind: 'answer',
    action: 'GetAccessKeyLastUsed',
    body: `<GetAccessKeyLastUsedResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccessKeyLastUsedResult><UserName>${user}</UserName><AccessKeyLastUsed><LastUsedDate>2026-01-01T00:00:00Z</LastUsedDate><ServiceName>s3</ServiceName><Region>eu-west-1</Region></AccessKeyLastUsed></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>`,
  });
  await expect(rotateAccessKey.write(change.target, change.after, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.second-key',
    target: other,
  });
  expect(Object.keys(await iam.statusesOf(user)).toSorted()).toEqual([old.accessKeyId, other].toSorted());
});

test('a key from before the hold is never taken for one that was cut off', async () => {
  const { user, old, secret } = await keptKey();
  const { change, hold } = await firstOf({ user, secret });
  const { accessKeyId: other } = await iam.addKey(user);
  const later = { ...hold, intendedAt: new Date(Date.now() + 60_000).toISOString() };
  await expect(rotateAccessKey.write(change.target, change.after, later, worldOf())).rejects.toMatchObject({
    code: 'aws.second-key',
  });
  expect(Object.keys(await iam.statusesOf(user)).toSorted()).toEqual([old.accessKeyId, other].toSorted());
});

test('a value that the store refuses for good leaves no key behind', async () => {
  const { user, old, secret } = await keptKey();
  const { change, hold } = await firstOf({ user, secret });
  aws().shim.faults.add({
    kind: 'error',
    action: 'PutSecretValue',
    status: 400,
    code: 'AccessDeniedException',
    message: 'no',
  });
  await expect(rotateAccessKey.write(change.target, change.after, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.denied',
  });
  expect(Object.keys(await iam.statusesOf(user))).toEqual([old.accessKeyId]);
});

test('the old key stays active where the step keeps it, and a later one retires it, with the three changes before it done', async () => {
  const { user, old, secret } = await keptKey();
  const first = await writeAll(rotateAccessKey, { user, secret, keep_old: true });
  expect(first.map(({ aspect }) => aspect)).toEqual(['issued', 'value']);
  expect(await iam.tryOut(old)).toBe('done');
  const second = await rotateAccessKey.plan({ user, secret }, worldOf());
  expect(second.slice(0, 2)).toEqual(first);
  const states = await Promise.all(
    second.map(async ({ target }) => (await rotateAccessKey.read(target, undefined, worldOf())).state),
  );
  expect(states.slice(0, 2)).toEqual(second.slice(0, 2).map(({ after }) => after));
  expect(states.at(-1)).toEqual({ status: 'Active' });
  await writeAll(rotateAccessKey, { user, secret });
  expect(await iam.tryOut(old)).toBe('AuthFailure');
});

test('the old key is not retired while a secret still holds it', async () => {
  const { user, old, secret } = await keptKey();
  const planned = await rotateAccessKey.plan({ user, secret }, worldOf());
  const last = planned.at(-1);
  if (last === undefined) throw new Error('a change was expected');
  const hold = holdOf(rotateAccessKey, last, { status: 'Active' }, { user, secret });
  await expect(rotateAccessKey.write(last.target, last.after, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.old-key-in-use',
  });
  expect(await iam.statusesOf(user)).toEqual({ [old.accessKeyId]: 'Active' });
});

test('a new key that AWS does not take never becomes current', async () => {
  const { user, old, secret } = await keptKey();
  const [issued, proved] = await rotateAccessKey.plan({ user, secret }, worldOf());
  if (issued === undefined || proved === undefined) throw new Error('two changes were expected');
  const { state } = await rotateAccessKey.read(issued.target, undefined, worldOf());
  const holdFor = (change: Planned<RotationState>, before: Json) =>
    holdOf(rotateAccessKey, change, before, { user, secret });
  await rotateAccessKey.write(issued.target, issued.after, holdFor(issued, state), worldOf());
  const pending = await secrets.keyIn(secret, 'AWSPENDING');
  // As a containment of all keys of that user does.
  await iam.iam.send(
    new UpdateAccessKeyCommand({ UserName: user, AccessKeyId: pending?.accessKeyId, Status: 'Inactive' }),
  );
  const stopped = new AbortController();
  setTimeout(() => stopped.abort(), 3_000);
  await expect(
    rotateAccessKey.write(
      proved.target,
      proved.after,
      holdFor(proved, { version: 'x' }),
      worldOf({ signal: stopped.signal }),
    ),
  ).rejects.toThrow(/abort/i);
  expect((await secrets.keyIn(secret))?.accessKeyId).toBe(old.accessKeyId);
});

test('what is planned is refused where it could not work: another user’s key, another key in a copy, a secret twice', async () => {
  const { user, old, secret } = await keptKey();
  const other = await keptKey();
  await expect(planOf({ user, secret: other.secret })).rejects.toMatchObject({ code: 'aws.key-of-other-user' });
  await expect(planOf({ user, secret, copies: [other.secret] })).rejects.toMatchObject({ code: 'aws.copy-differs' });
  await expect(planOf({ user, secret, copies: [secret] })).rejects.toMatchObject({ code: 'input.invalid' });
  process.env['FIREBREAK_TEST_OWN_ROTATED'] = old.accessKeyId;
  const credentials = {
    accessKeyId: { env: 'FIREBREAK_TEST_OWN_ROTATED' },
    secretAccessKey: { env: 'FIREBREAK_TEST_OWN_ROTATED' },
  };
  const world = worldOf({ settings: { ...aws().settings, credentials } });
  await expect(rotateAccessKey.plan({ user, secret }, world)).rejects.toMatchObject({ code: 'aws.own-key' });
});

test('an issued key that somebody deletes before it is used is an error that says so', async () => {
  const { user, secret } = await keptKey();
  const { change, hold } = await firstOf({ user, secret });
  await rotateAccessKey.write(change.target, change.after, hold, worldOf());
  const pending = await secrets.keyIn(secret, 'AWSPENDING');
  await iam.iam.send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: pending?.accessKeyId }));
  await expect(rotateAccessKey.read(change.target, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.issued-key-gone',
    target: pending?.accessKeyId,
  });
});

test('the probe shows the new key accepted and the old one refused, by calls that they sign', async () => {
  const { user, secret } = await keptKey();
  const planned = await writeAll(rotateAccessKey, { user, secret });
  const probed = await Promise.all(
    planned.map(async ({ target, after }) =>
      rotateAccessKey.probe?.(target, after as RotationState, worldOf(), { user, secret }),
    ),
  );
  expect(probed).toEqual([
    { shown: true, basis: 'sts:GetCallerIdentity with the new key, emulator' },
    { shown: true, basis: 'sts:GetCallerIdentity with the new key, emulator' },
    { shown: true, basis: 'sts:GetCallerIdentity with the old key, emulator' },
  ]);
});
