// Standard Webhooks as its own library makes them, and that nothing of a request can be changed.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { authenticate, checkSecret, refuseWrongTime, signatureOf } from '../../worker/authenticate-hook.js';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const coded = (code: string) => expect.objectContaining({ code }) as Error;

function check(headers: Record<string, string>, body: Uint8Array, secrets = [secret]) {
  return authenticate('standard-webhooks', (name) => headers[name], body, secrets, 0);
}

test('a request that the library `standardwebhooks` 1.1.1 signed is authentic', () => {
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  const found = check(headers, Buffer.from('{"test": 2432232314}'));
  expect(found).toMatchObject({ message: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330 });
  const several = { ...headers, 'webhook-signature': `v1a,x v1,AAAA ${headers['webhook-signature']}` };
  const other = `whsec_${Buffer.alloc(32).toString('base64')}`;
  expect(check(several, Buffer.from('{"test": 2432232314}'), [other, secret])).toMatchObject({ timestamp: 1614265330 });
  const unversioned = { ...headers, 'webhook-signature': headers['webhook-signature'].slice('v1,'.length) };
  expect(() => check(unversioned, Buffer.from('{"test": 2432232314}'))).toThrow(coded('hook.bad-signature'));
});

test('no change of a byte, of the id, of the time or of the signature leaves a request authentic', () => {
  const stamp = '1800000000';
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (body, at, flip) => {
        const headers = {
          'webhook-id': 'msg_1',
          'webhook-timestamp': stamp,
          'webhook-signature': `v1,${signatureOf(secret, 'msg_1', stamp, body)}`,
        };
        const changed = body.map((byte, i) => (i === at % body.length ? byte ^ flip : byte));
        expect(() => check(headers, body)).not.toThrow();
        const refused = coded('hook.bad-signature');
        expect(() => check(headers, changed)).toThrow(refused);
        expect(() => check({ ...headers, 'webhook-id': 'msg_2' }, body)).toThrow(refused);
        expect(() => check({ ...headers, 'webhook-timestamp': '1800000001' }, body)).toThrow(refused);
        expect(() => check({ ...headers, 'webhook-signature': `${headers['webhook-signature']}=` }, body)).toThrow(
          refused,
        );
      },
    ),
  );
});

function stamped(timestamp: number) {
  return () =>
    refuseWrongTime({ scheme: 'standard-webhooks', timestamp, body: `sha256:${'0'.repeat(64)}` }, 1_800_000_000_000);
}

test('the clock may be off by 300 seconds in either direction and not by more', () => {
  for (const offS of [-300, 0, 300]) expect(stamped(1_800_000_000 + offS)).not.toThrow();
  for (const offS of [-301, 301]) expect(stamped(1_800_000_000 + offS)).toThrow(coded('hook.wrong-time'));
});

function bearer(authorization: string | undefined) {
  return () => authenticate('bearer', () => authorization, Buffer.from('{}'), ['t'.repeat(32)], 5_000);
}

test('a token is the whole of the header after "Bearer", and nothing near it', () => {
  expect(bearer(`Bearer ${'t'.repeat(32)}`)()).toMatchObject({ scheme: 'bearer', timestamp: 5 });
  for (const wrong of [
    undefined,
    '',
    'Bearer ',
    `Bearer ${'t'.repeat(31)}`,
    `Bearer ${'t'.repeat(33)}`,
    't'.repeat(32),
  ])
    expect(bearer(wrong)).toThrow(coded('hook.bad-token'));
});

test.each<['standard-webhooks' | 'bearer', string]>([
  ['standard-webhooks', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ['standard-webhooks', 'whsec_c2hvcnQ='],
  ['standard-webhooks', 'whsec_not base64 at all, and long enough for one'],
  ['bearer', 'short'],
  ['bearer', `${'t'.repeat(32)} and more`],
])('a secret of %s that is none is refused in words that do not repeat it', (scheme, bad) => {
  const refused: unknown[] = [];
  try {
    checkSecret(scheme, bad);
  } catch (error) {
    refused.push(error);
  }
  expect(refused).toMatchObject([{ code: 'hook.bad-secret', message: expect.not.stringContaining(bad) as string }]);
});
