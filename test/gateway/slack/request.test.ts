// What is let in at the Slack endpoint: signed by Slack, now, and for the first time. Signed requests are real, and so is Bolt behind it.
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bodyMax, verifyRequest } from '../../../gateway/slack/request.js';
import { account, openWorld, type World } from '../../support/slack.js';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

test("Slack's published example is accepted at its own time", () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const headers = {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  expect(verifyRequest(headers, Buffer.from(body), '8f742231b10e8888abcd99yyyzzz85a5', 1531420618_000)).toMatchObject({
    timestamp: 1531420618,
  });
});

test('the clock may be off by 300 seconds in either direction and not by more', () => {
  const secret = 's';
  const at = 1_800_000_000;
  const signed = (stamp: number) => ({
    'x-slack-request-timestamp': String(stamp),
    'x-slack-signature': `v0=${createHmac('sha256', secret).update(`v0:${stamp}:x`).digest('hex')}`,
  });
  for (const offS of [-300, 0, 300])
    expect(verifyRequest(signed(at + offS), Buffer.from('x'), secret, at * 1000).timestamp).toBe(at + offS);
  for (const offS of [-301, 301, 3600]) {
    expect(() => verifyRequest(signed(at + offS), Buffer.from('x'), secret, at * 1000)).toThrow(
      expect.objectContaining({ code: 'slack.wrong-time' }) as Error,
    );
  }
});

test('no change of body, time or signature leaves a request valid', () => {
  const secret = 's';
  const stamp = 1_800_000_000;
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (body, at, flip) => {
        const signature = `v0=${createHmac('sha256', secret).update(`v0:${stamp}:`).update(body).digest('hex')}`;
        const changed = body.map((byte, i) => (i === at % body.length ? byte ^ flip : byte));
        const check = (bytes: Uint8Array, time: number, sign: string) => () =>
          verifyRequest(
            { 'x-slack-request-timestamp': String(time), 'x-slack-signature': sign },
            bytes,
            secret,
            stamp * 1000,
          );
        expect(check(body, stamp, signature)).not.toThrow();
        const refused = expect.objectContaining({ code: 'slack.bad-signature' }) as Error;
        expect(check(changed, stamp, signature)).toThrow(refused);
        expect(check(body, stamp + 1, signature)).toThrow(refused);
        expect(check(body, stamp, `${signature}0`)).toThrow(refused);
      },
    ),
  );
});

test('a command with a wrong signature is refused with 401 and reaches nobody', async () => {
  const seen = await world.slack.user(account.bob).withBadSignature().slash('status');
  expect(seen.status).toBe(401);
  expect(world.logged).toMatchObject([{ msg: 'a request to the Slack endpoint was refused' }]);
});

test.each([3600, -3600])('a correctly signed command stamped %i seconds away is refused', async (offsetS) => {
  expect((await world.slack.user(account.bob).withTimestamp(offsetS).slash('status')).status).toBe(401);
});

test('the same request a second time is answered without being acted on, even after a restart', async () => {
  const first = await world.slack
    .user(account.alice)
    .slash('run aws-host-compromise instances=i-0ab1 reason="beacons to a known address"');
  expect(first.messages()[0]?.text).toContain('launched');
  const again = await world.slack.replay(first.request);
  expect(again.messages()[0]?.text).toContain('already received');
  await world.restart();
  expect((await world.slack.replay(first.request)).messages()[0]?.text).toContain('already received');
  expect(world.door.statements).toHaveLength(1);
});

test('a request that arrives twice at once is acted on once', async () => {
  await world.slack
    .user(account.alice)
    .duplicate()
    .slash('run aws-host-compromise instances=i-0ab1 reason="beacons to a known address"');
  expect(world.door.statements).toHaveLength(1);
});

test('a body that is too large, an unsigned one and another path are refused', async () => {
  const url = world.slack.requestUrl;
  const post = (body: string, headers = {}) => fetch(url, { method: 'POST', body, headers });
  expect((await post('x'.repeat(bodyMax + 1))).status).toBe(413);
  expect((await post('text=status')).status).toBe(401);
  expect((await fetch(url.replace('/slack/events', '/slack/other'), { method: 'POST' })).status).toBe(404);
  expect((await fetch(url)).status).toBe(404);
});

test("Slack's unsigned probe of the connection is answered and its content ignored", async () => {
  const answer = await fetch(world.slack.requestUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'ssl_check=1&command=%2Ffirebreak&text=status&user_id=U0ALICE&team_id=T0SANDBOX',
  });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe('');
});
