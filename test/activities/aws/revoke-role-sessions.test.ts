// Real IAM calls to the emulator behind the shim. That sessions issued after the moment work cannot be shown on it: see
// `conditions-count-as-true` in sandbox/aws/gaps.ts.
import { PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { revokeRoleSessions } from '../../../activities/aws/revoke-role-sessions.js';
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

const hourMs = 60 * 60_000;

function hoursAgo(hours: number): string {
  return `${new Date(Date.now() - hours * hourMs).toISOString().slice(0, 19)}Z`;
}

async function planned(role: string, cutoff: string) {
  const [change] = await revokeRoleSessions.plan({ role, cutoff }, worldOf());
  if (change === undefined) throw new Error('a change was expected');
  const hold = holdOf(revokeRoleSessions, change, null);
  return {
    target: change.target,
    hold,
    after: change.after,
    cut: () => revokeRoleSessions.write(change.target, change.after, hold, worldOf()),
    putBack: (to: Parameters<typeof revokeRoleSessions.write>[1] = null) =>
      revokeRoleSessions.write(change.target, to, hold, worldOf()),
    read: async () => (await revokeRoleSessions.read(change.target, undefined, worldOf())).state,
  };
}

test('sessions from before the moment are refused, by the condition that AWS itself uses to revoke them', async () => {
  const role = await iam.startRole();
  const session = await iam.assume(role);
  const cutoff = hoursAgo(0);
  const { cut } = await planned(role, cutoff);
  expect(await iam.tryOut(session)).toBe('done');
  await cut();
  expect(await iam.tryOut(session)).toBe(denied);
  expect(Object.values(await iam.policiesOf({ role }))).toEqual([
    {
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'FirebreakRevokeOlderSessions',
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { DateLessThan: { 'aws:TokenIssueTime': cutoff } },
        },
      ],
    },
  ]);
});

test('the moment is what was asked for, however often and however late it is planned, and reads back', async () => {
  const role = await iam.startRole();
  const first = await planned(role, '2026-01-31T22:15:00.500Z');
  expect(first.after).toEqual({ sessionsIssuedBefore: '2026-01-31T22:15:00Z' });
  await first.cut();
  const again = await planned(role, '2026-01-31T22:15:00Z');
  expect([again.target, again.after]).toEqual([first.target, first.after]);
  expect(await again.read()).toEqual(first.after);
});

test('while a session that was cut may still live, release is refused, says until when, and leaves the policy', async () => {
  const role = await iam.startRole();
  const cutoff = hoursAgo(11);
  const { cut, putBack, read, after } = await planned(role, cutoff);
  await cut();
  const until = new Date(Date.parse(cutoff) + 12 * hourMs).toISOString();
  await expect(putBack()).rejects.toMatchObject({
    code: 'aws.sessions-would-revive',
    isTerminal: true,
    nextStep: expect.stringContaining(until),
  });
  expect(await read()).toEqual(after);
});

test('when every session that was cut has expired, release takes the policy away', async () => {
  const role = await iam.startRole();
  const { cut, putBack, read } = await planned(role, hoursAgo(12.1));
  await cut();
  await putBack();
  expect(await read()).toBeNull();
  expect(await iam.policiesOf({ role })).toEqual({});
  await putBack();
});

test('a later moment in the same incident stands beside the first, so that what was cut stays cut', async () => {
  const role = await iam.startRole();
  const first = await planned(role, hoursAgo(2));
  const second = await planned(role, hoursAgo(1));
  await first.cut();
  await second.cut();
  expect(Object.keys(await iam.policiesOf({ role }))).toHaveLength(2);
  expect([await first.read(), await second.read()]).toEqual([first.after, second.after]);
});

test('a moment ahead cuts sessions that are issued while people decide; one far ahead is taken for a slip', async () => {
  const role = await iam.startRole();
  await expect(planned(role, hoursAgo(-0.9))).resolves.toBeDefined();
  await expect(planned(role, hoursAgo(-24 * 365))).rejects.toMatchObject({
    code: 'aws.cutoff-too-far-ahead',
    nextStep: expect.stringContaining('contain-principal'),
  });
});

test.each(['', 'now', '2026-01-31', '22:15', '2026-01-31T22:15:00', '2026-13-31T22:15:00Z'])(
  '"%s" is no moment, and the refusal shows what one looks like',
  (cutoff) => {
    const { error } = revokeRoleSessions.input.safeParse({ role: 'web', cutoff });
    expect(error?.issues[0]?.message).toContain('2026-01-31T22:15:00Z');
  },
);

test('a policy under our name that was weakened shows as a difference, and is written again', async () => {
  const role = await iam.startRole();
  const { cut, read, after, target, putBack } = await planned(role, hoursAgo(1));
  await cut();
  const weak = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Sid: 'FirebreakRevokeOlderSessions', Effect: 'Deny', Action: 's3:*', Resource: '*' }],
  });
  const PolicyName = target.id.split('/')[2];
  await iam.iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName, PolicyDocument: weak }));
  expect(await read()).toEqual({ document: weak });
  await cut();
  expect(await read()).toEqual(after);
  await expect(putBack({ document: weak })).rejects.toMatchObject({ code: 'aws.would-put-back-policy' });
});

test('Firebreak does not cut its own sessions', async () => {
  const role = await iam.startRole();
  const { cut } = await planned(role, hoursAgo(1));
  const arn = `arn:aws:sts::123456789012:assumed-role/${role}/worker`;
  aws().shim.faults.add({
    kind: 'rewrite',
    action: 'GetCallerIdentity',
    replace: [['arn:aws:sts::123456789012:user/moto', arn]],
  });
  await expect(planned(role, hoursAgo(1))).rejects.toMatchObject({ code: 'aws.own-principal' });
  await expect(cut()).rejects.toMatchObject({ code: 'aws.own-principal' });
  expect(await iam.policiesOf({ role })).toEqual({});
});
