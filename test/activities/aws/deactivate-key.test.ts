// Real IAM calls to the emulator behind the shim, which refuses inactive keys as AWS does.
import { DeleteAccessKeyCommand, DeleteUserCommand, DeleteUserPolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { deactivateKey } from '../../../activities/aws/deactivate-key.js';
import type { Planned } from '../../../activities/define-action.js';
import { aws, holdOf, region, startAwsSandbox, startTimeoutMs, worldOf, writeAll } from '../../support/aws.js';
import { iamAt, type TestIam } from '../../support/iam.js';

let iam: TestIam;

beforeAll(async () => {
  await startAwsSandbox();
  iam = iamAt(aws(), region);
}, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

const active = { status: 'Active' };
const inactive = { status: 'Inactive' };

function heldOn(planned: Planned<{ status: string }> | undefined) {
  if (planned === undefined) throw new Error('a change was expected');
  return { target: planned.target, hold: holdOf(deactivateKey, planned, active) };
}

test('a key that is made inactive is refused, other users go on, and release lets it work again', async () => {
  const { user, keys } = await iam.startUser();
  const other = await iam.startUser();
  const [key] = keys;
  const [bystander] = other.keys;
  if (key === undefined || bystander === undefined) throw new Error('two keys were expected');
  expect(await iam.tryOut(key)).toBe('done');
  const [planned] = await writeAll(deactivateKey, { user });
  expect(await iam.tryOut(key)).toBe('AuthFailure');
  expect(await iam.tryOut(bystander)).toBe('done');
  const { target, hold } = heldOn(planned as Planned<{ status: string }>);
  await deactivateKey.write(target, active, hold, worldOf());
  expect(await iam.tryOut(key)).toBe('done');
});

test('with a key only that one is meant; without one, every key of the user, each a change of its own', async () => {
  const { user, keys } = await iam.startUser({ keyCount: 2 });
  const ids = keys.map(({ accessKeyId }) => accessKeyId).toSorted();
  const [first = '', second = ''] = ids;
  const one = await deactivateKey.plan({ user, key: second }, worldOf());
  expect(one.map(({ target, after }) => [target.id, after])).toEqual([[`${user}/${second}`, inactive]]);
  const all = await deactivateKey.plan({ user }, worldOf());
  expect(all.map(({ target }) => target.id)).toEqual([`${user}/${first}`, `${user}/${second}`]);
  await writeAll(deactivateKey, { user, key: second });
  expect(await iam.statusesOf(user)).toEqual({ [first]: 'Active', [second]: 'Inactive' });
});

test('a key that an attacker makes during the response is part of the user who was approved', async () => {
  const { user } = await iam.startUser();
  await writeAll(deactivateKey, { user });
  const { accessKeyId } = await iam.addKey(user);
  expect(deactivateKey.partsOpen).toBe(true);
  const again = await deactivateKey.plan({ user }, worldOf());
  const states = await Promise.all(
    again.map(async ({ target }) => [target.id, (await deactivateKey.read(target, undefined, worldOf())).state]),
  );
  expect(states).toContainEqual([`${user}/${accessKeyId}`, active]);
  expect(states).toHaveLength(2);
});

test('a user without keys is refused, because "every key is inactive" must not be true of nothing', async () => {
  const { user } = await iam.startUser({ keyCount: 0 });
  await expect(deactivateKey.plan({ user }, worldOf())).rejects.toMatchObject({
    code: 'aws.no-access-keys',
    nextStep: expect.stringContaining('contain-principal'),
  });
});

test("another user's key is not taken for this one's", async () => {
  const { keys } = await iam.startUser();
  const { user } = await iam.startUser();
  await expect(deactivateKey.plan({ user, key: keys[0]?.accessKeyId ?? '' }, worldOf())).rejects.toMatchObject({
    code: 'aws.not-found',
  });
});

test('the key that Firebreak works with is refused, when planned and when written', async () => {
  const { user, keys } = await iam.startUser({ keyCount: 2 });
  const [own, other] = keys;
  process.env['FIREBREAK_TEST_OWN_KEY'] = own?.accessKeyId ?? '';
  const credentials = {
    accessKeyId: { env: 'FIREBREAK_TEST_OWN_KEY' },
    secretAccessKey: { env: 'FIREBREAK_TEST_OWN_KEY' },
  };
  const world = worldOf({ settings: { ...aws().settings, credentials } });
  await expect(deactivateKey.plan({ user }, world)).rejects.toMatchObject({ code: 'aws.own-key', isTerminal: true });
  await expect(deactivateKey.plan({ user, key: other?.accessKeyId ?? '' }, world)).resolves.toHaveLength(1);
  const [planned] = await deactivateKey.plan({ user, key: own?.accessKeyId ?? '' }, worldOf());
  const { target, hold } = heldOn(planned);
  await expect(deactivateKey.write(target, inactive, hold, world)).rejects.toMatchObject({ code: 'aws.own-key' });
  expect(Object.values(await iam.statusesOf(user))).toEqual(['Active', 'Active']);
});

test('a key or a user that somebody deleted reads as deleted under its hold, so that release ends, and is an error without', async () => {
  const { user, keys } = await iam.startUser();
  const [planned] = await writeAll(deactivateKey, { user });
  const { target, hold } = heldOn(planned as Planned<{ status: string }>);
  await iam.iam.send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: keys[0]?.accessKeyId }));
  expect((await deactivateKey.read(target, hold, worldOf())).state).toEqual({ status: 'Deleted' });
  await expect(deactivateKey.read(target, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.not-found',
    nextStep: expect.stringContaining('CloudTrail'),
  });
  await iam.iam.send(new DeleteUserPolicyCommand({ UserName: user, PolicyName: 'own' }));
  await iam.iam.send(new DeleteUserCommand({ UserName: user }));
  expect((await deactivateKey.read(target, hold, worldOf())).state).toEqual({ status: 'Deleted' });
});

test('IAM that shows the old status for a while is waited for', async () => {
  const { user } = await iam.startUser();
  const [planned] = await deactivateKey.plan({ user }, worldOf());
  const { target, hold } = heldOn(planned);
  const late = {
    kind: 'rewrite' as const,
    action: 'ListAccessKeys',
    replace: [['Inactive', 'Active']] as [string, string][],
  };
  aws().shim.faults.add({ ...late, count: 2 });
  await deactivateKey.write(target, inactive, hold, worldOf());
  expect((await deactivateKey.read(target, hold, worldOf())).state).toEqual(inactive);
});

test('IAM that never shows it is an error to retry, after a bounded wait', async () => {
  const { user } = await iam.startUser();
  const [planned] = await deactivateKey.plan({ user }, worldOf());
  const { target, hold } = heldOn(planned);
  aws().shim.faults.add({ kind: 'rewrite', action: 'ListAccessKeys', replace: [['Inactive', 'Active']] });
  await expect(deactivateKey.write(target, inactive, hold, worldOf())).rejects.toMatchObject({
    code: 'aws.not-visible',
    isTerminal: false,
  });
});

test('a key on a second page is not forgotten', async () => {
  const { user, keys } = await iam.startUser({ keyCount: 2 });
  const pages = keys.map(({ accessKeyId }, index) => pageWith(accessKeyId, index === 0));
  for (const [index, body] of pages.entries())
    aws().shim.faults.add({ kind: 'answer', action: 'ListAccessKeys', nth: index + 1, body });
  aws().shim.calls.clear();
  expect(await deactivateKey.plan({ user }, worldOf())).toHaveLength(2);
  const asked = aws()
    .shim.calls.list()
    .filter(({ action }) => action === 'ListAccessKeys');
  expect(asked.map(({ params }) => params['Marker'])).toEqual([undefined, 'more']);
});

test('an answer without the status is not taken for "inactive"', async () => {
  const { user } = await iam.startUser();
  const [planned] = await deactivateKey.plan({ user }, worldOf());
  const { target } = heldOn(planned);
  aws().shim.faults.add({ kind: 'rewrite', action: 'ListAccessKeys', replace: [['<Status>Active</Status>', '']] });
  await expect(deactivateKey.read(target, undefined, worldOf())).rejects.toMatchObject({
    code: 'aws.answer-unreadable',
  });
});

function pageWith(key: string, more: boolean): string {
  const list = `<AccessKeyMetadata><member><AccessKeyId>${key}</AccessKeyId><Status>Active</Status></member></AccessKeyMetadata>`;
  const end = more ? '<IsTruncated>true</IsTruncated><Marker>more</Marker>' : '<IsTruncated>false</IsTruncated>';
  return `<ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListAccessKeysResult>${list}${end}</ListAccessKeysResult></ListAccessKeysResponse>`;
}
