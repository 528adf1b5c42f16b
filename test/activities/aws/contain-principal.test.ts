// Real IAM calls to the emulator behind the shim; what is denied is shown while the emulator checks policies.
import { DeleteRoleCommand, DeleteRolePolicyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { containPrincipal } from '../../../activities/aws/contain-principal.js';
import { aws, holdOf, region, startAwsSandbox, startTimeoutMs, worldOf } from '../../support/aws.js';
import { iamAt, type TestIam } from '../../support/iam.js';

let iam: TestIam;

beforeAll(async () => {
  await startAwsSandbox();
  iam = iamAt(aws(), region);
}, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

/** As moto words it for every service; EC2 itself says UnauthorizedOperation. */
const denied = 'AccessDenied';

const policy = 'firebreak-deny-all-inc-0000000001';
const denyAll = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'FirebreakDenyAll', Effect: 'Deny', Action: '*', Resource: '*' }],
};

/** One change, and its verbs with a hold as the engine gives it. */
async function planned(item: { user: string } | { role: string }, world = worldOf()) {
  const [change] = await containPrincipal.plan(item, world);
  if (change === undefined) throw new Error('a change was expected');
  const hold = holdOf(containPrincipal, change, null);
  return {
    target: change.target,
    hold,
    after: change.after,
    deny: (as = world) => containPrincipal.write(change.target, change.after, hold, as),
    putBack: (to: Parameters<typeof containPrincipal.write>[1] = null) =>
      containPrincipal.write(change.target, to, hold, world),
    read: async () => (await containPrincipal.read(change.target, undefined, world)).state,
  };
}

test('a contained user can do nothing with a good key, and everything again after release', async () => {
  const { user, keys } = await iam.startUser();
  const [key] = keys;
  if (key === undefined) throw new Error('a key was expected');
  const { target, deny, putBack, read } = await planned({ user });
  expect(target).toEqual({ system: 'aws', type: 'inline-policy', id: `user/${user}/${policy}` });
  expect(await iam.tryOut(key)).toBe('done');
  await deny();
  expect(await iam.policiesOf({ user })).toEqual({ [policy]: denyAll });
  expect(await iam.tryOut(key)).toBe(denied);
  await putBack();
  expect(await read()).toBeNull();
  expect(await iam.policiesOf({ user })).toEqual({});
  expect(await iam.tryOut(key)).toBe('done');
});

test('sessions of a contained role are refused, those that exist and those to come', async () => {
  const role = await iam.startRole();
  const before = await iam.assume(role);
  expect(await iam.tryOut(before)).toBe('done');
  const { deny, putBack } = await planned({ role });
  await deny();
  expect(await iam.tryOut(before)).toBe(denied);
  expect(await iam.tryOut(await iam.assume(role))).toBe(denied);
  await putBack();
  expect(await iam.tryOut(before)).toBe('done');
});

test('each incident has a policy of its own, so that one that is released does not lift the other', async () => {
  const { user, keys } = await iam.startUser();
  const first = await planned({ user });
  const second = await planned({ user }, worldOf({ incident: 'inc-0000000002' }));
  await first.deny();
  await second.deny();
  await first.putBack();
  expect(await first.read()).toBeNull();
  expect(await second.read()).toEqual({ denies: 'everything' });
  expect(await iam.tryOut(keys[0] ?? { accessKeyId: '', secretAccessKey: '' })).toBe(denied);
});

test("somebody's policy under our name is shown as found, gives way to ours, and is never put back", async () => {
  const { user } = await iam.startUser();
  const text = JSON.stringify({ ...denyAll, Statement: [{ ...denyAll.Statement[0], Effect: 'Allow' }] });
  await iam.iam.send(new PutUserPolicyCommand({ UserName: user, PolicyName: policy, PolicyDocument: text }));
  const { read, deny, putBack } = await planned({ user });
  expect(await read()).toEqual({ document: text });
  await deny();
  expect(await read()).toEqual({ denies: 'everything' });
  await expect(putBack({ document: text })).rejects.toMatchObject({ code: 'aws.would-put-back-policy' });
  expect(await read()).toEqual({ denies: 'everything' });
});

test('Firebreak does not contain the user or the role that it works as, neither in a plan nor by writing', async () => {
  const { user } = await iam.startUser();
  const role = await iam.startRole();
  const others = [await planned({ user }), await planned({ role })];
  const arns = [`arn:aws:iam::123456789012:user/ops/${user}`, `arn:aws:sts::123456789012:assumed-role/${role}/worker`];
  for (const [index, item] of [{ user }, { role }].entries()) {
    aws().shim.faults.clear();
    aws().shim.faults.add(weAre(arns[index] ?? ''));
    await expect(containPrincipal.plan(item, worldOf())).rejects.toMatchObject({ code: 'aws.own-principal' });
    await expect(others[index]?.deny()).rejects.toMatchObject({ code: 'aws.own-principal', isTerminal: true });
    expect(await iam.policiesOf(item)).toEqual({});
    // The other one is nobody's branch.
    await expect(containPrincipal.plan(index === 0 ? { role } : { user }, worldOf())).resolves.toHaveLength(1);
  }
});

test('when AWS does not say whom we work as, nothing is contained; the account itself is no user and no role', async () => {
  const { user } = await iam.startUser();
  aws().shim.faults.add(weAre('arn:aws:sts::123456789012:federated-user/somebody'));
  await expect(containPrincipal.plan({ user }, worldOf())).rejects.toMatchObject({ code: 'aws.answer-unreadable' });
  aws().shim.faults.clear();
  aws().shim.faults.add(weAre('arn:aws:iam::123456789012:root'));
  await expect(containPrincipal.plan({ user }, worldOf())).resolves.toHaveLength(1);
});

test('a name that IAM spells otherwise is refused: what is protected is compared by name', async () => {
  const { user } = await iam.startUser();
  aws().shim.faults.add({ kind: 'rewrite', action: 'GetUser', replace: [[user, user.toUpperCase()]] });
  await expect(containPrincipal.plan({ user }, worldOf())).rejects.toMatchObject({
    code: 'aws.not-found',
    message: expect.stringContaining(user.toUpperCase()),
  });
});

test('neither both a user and a role, nor none, is an input', () => {
  expect(containPrincipal.input.safeParse({}).success).toBe(false);
  expect(containPrincipal.input.safeParse({ user: 'alice', role: 'web' }).success).toBe(false);
  expect(containPrincipal.input.safeParse({ role: 'web' }).success).toBe(true);
});

test('a principal that was deleted meanwhile has nothing to release, and is an error to plan', async () => {
  const role = await iam.startRole();
  const { target, hold, deny, putBack } = await planned({ role });
  await deny();
  for (const PolicyName of [policy, 'own'])
    await iam.iam.send(new DeleteRolePolicyCommand({ RoleName: role, PolicyName }));
  await iam.iam.send(new DeleteRoleCommand({ RoleName: role }));
  expect((await containPrincipal.read(target, hold, worldOf())).state).toBeNull();
  await putBack();
  await expect(containPrincipal.read(target, undefined, worldOf())).rejects.toMatchObject({ code: 'aws.not-found' });
});

test('where there is no room for the policy, the error says what to do by hand', async () => {
  const { user } = await iam.startUser();
  const { deny } = await planned({ user });
  aws().shim.faults.add({
    kind: 'error',
    action: 'PutUserPolicy',
    status: 409,
    code: 'LimitExceeded',
    message: 'Maximum policy size of 2048 bytes exceeded for user',
  });
  await expect(deny()).rejects.toMatchObject({
    code: 'aws.no-room-for-policy',
    isTerminal: true,
    nextStep: expect.stringContaining('AWSDenyAll'),
  });
});

function weAre(arn: string) {
  return {
    kind: 'rewrite' as const,
    action: 'GetCallerIdentity',
    replace: [['arn:aws:sts::123456789012:user/moto', arn]] as [string, string][],
  };
}
