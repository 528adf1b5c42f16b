// What is let in at the Slack endpoint: signed by Slack, now, and for the first time. Signed requests are real, and so is Bolt behind it.
import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../../core/json.js';
import { installationChain } from '../../../core/event.js';
import { approveAction } from '../../../gateway/slack/ask-card.js';
import { bodyMax, refuseWrongTime, verifySignature } from '../../../gateway/slack/request.js';
import { exportJsonl } from '../../../journal/export.js';
import { verifyTimeline } from '../../../journal/verify.js';
import type { SignedRequest } from '../../../sandbox/slack/user.js';
import { account, askingRun, cardIn, openWorld, until, type World } from '../../support/slack.js';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const bob = () => world.slack.user(account.bob);

/** What a chain says was refused. */
async function refusedOn(chain: string): Promise<{ run: string | undefined; data: JsonObject }[]> {
  const refused = await world.store.events({ chain, actions: ['statement.refused'] });
  return refused.map(({ run, data = {} }) => ({ run, data }));
}

test("Slack's published example is accepted at its own time", () => {
  const body =
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
  const headers = {
    'x-slack-request-timestamp': '1531420618',
    'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  };
  const found = verifySignature(headers, Buffer.from(body), '8f742231b10e8888abcd99yyyzzz85a5');
  expect(found).toMatchObject({ timestamp: 1531420618 });
  expect(() => refuseWrongTime(found, 1531420618_000)).not.toThrow();
});

test('the clock may be off by 300 seconds in either direction and not by more', () => {
  const at = 1_800_000_000;
  const stamped = (timestamp: number) => () =>
    refuseWrongTime({ timestamp, body: 'sha256:0', signature: 'v0=0' }, at * 1000);
  for (const offS of [-300, 0, 300]) expect(stamped(at + offS)).not.toThrow();
  for (const offS of [-301, 301, 3600]) {
    expect(stamped(at + offS)).toThrow(expect.objectContaining({ code: 'slack.wrong-time' }) as Error);
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
          verifySignature({ 'x-slack-request-timestamp': String(time), 'x-slack-signature': sign }, bytes, secret);
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

test.each([
  [3600, /(3599|3600) seconds ahead of this clock/],
  [-3600, /(3600|3601) seconds behind this clock/],
])(
  'a correctly signed command stamped %i seconds away is refused, on the record, with the reason',
  async (offsetS, says) => {
    const seen = await world.slack.user(account.bob).withTimestamp(offsetS).slash('status');
    expect(seen.status).toBe(401);
    const expected = { verb: 'status', code: 'slack.wrong-time', slack: { user: account.bob } };
    const refused = await refusedOn(installationChain);
    expect(refused).toMatchObject([{ data: expected }]);
    expect(refused[0]?.data['reason']).toMatch(says);
  },
);

test('an approval stamped an hour away is refused and in the timeline of its run, once however often it comes', async () => {
  const { run, incident } = await askingRun(world.store);
  const late = await world.slack.user(account.bob).withTimestamp(-3600).slash(`approve ${run}`);
  await world.slack.replay(late.request);
  await world.restart();
  await world.slack.replay(late.request);
  expect(await refusedOn(incident)).toMatchObject([{ run, data: { verb: 'approve', code: 'slack.wrong-time' } }]);
  expect(await refusedOn(installationChain)).toEqual([]);
  expect(world.door.statements).toHaveLength(0);
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

test.each<
  [string, (asked: { run: string; incident: string; ask: string }) => Promise<{ request: SignedRequest }>, string]
>([
  [
    'a click',
    async ({ run, ask }) => bob().click(await cardIn(world.slack, world.store, `ask:${run}/${ask}`), approveAction),
    'approve',
  ],
  ['an approval by command', ({ run }) => bob().slash(`approve ${run}`), 'approve'],
  ['a release of an incident', ({ incident }) => bob().slash(`release ${incident} hosts were rebuilt`), 'release'],
])(
  '%s that is replayed is in the timeline of what it names, once, with the reason and without the request',
  async (_what, act, verb) => {
    world.app.start();
    const asked = await askingRun(world.store);
    const { request } = await act(asked);
    for (let count = 0; count < 3; count += 1) await world.slack.replay(request);
    const replayed = (await refusedOn(asked.incident)).filter(({ data }) => data['code'] === 'slack.replayed');
    expect(replayed).toMatchObject([{ data: { verb, slack: { user: account.bob } } }]);
    expect(replayed[0]?.data['reason']).toContain('received before; it was not acted on a second time');
    const fields = new URLSearchParams(request.body);
    const { response_url: url, trigger_id: trigger } = JSON.parse(
      fields.get('payload') ?? JSON.stringify(Object.fromEntries(fields)),
    ) as Record<string, string>;
    const recorded = JSON.stringify(await world.store.events({ chain: asked.incident }));
    for (const secret of [url, trigger, request.headers['x-slack-signature']]) {
      expect(secret).toBeTruthy();
      expect(recorded).not.toContain(secret);
    }
  },
);

test('what was typed and is no command is not written down with the refusal', async () => {
  const { request } = await bob().slash('my-password is hunter2');
  await world.slack.replay(request);
  const refused = await refusedOn(installationChain);
  expect(refused.map(({ data }) => [data['verb'], data['code']])).toEqual([[undefined, 'slack.replayed']]);
  expect(JSON.stringify(refused)).not.toContain('hunter2');
});

test('a flood of unsigned requests adds an event at once and then one a minute, and none of them is uncounted', async () => {
  // Longer than a busy machine takes for 200 requests.
  const everyMs = 5_000;
  await world.close();
  world = await openWorld({ pace: { refusedEveryMs: everyMs } });
  const counts = async () => (await refusedOn(installationChain)).map(({ data }) => Number(data['count']));
  await bob().withBadSignature().slash('status');
  await until('the first to be on record', async () => (await counts()).length === 1);
  await Promise.all(
    Array.from({ length: 200 }, () => fetch(world.slack.requestUrl, { method: 'POST', body: 'text=status' })),
  );
  expect(await counts()).toEqual([1]);
  await until('the others to be on record', async () => (await counts()).length === 2);
  expect(await counts()).toEqual([1, 200]);
  const [, others] = await refusedOn(installationChain);
  expect(others?.data['code']).toBe('slack.unsigned');
  expect(others?.data['reason']).toMatch(
    /^200 requests that Slack did not sign were refused since .*It carries no signature of Slack/,
  );
  await bob().withBadSignature().slash('status');
  await world.app.stop();
  expect(await counts()).toEqual([1, 200, 1]);
  const people = { ...world.people, keys: world.people.keys.map((key) => ({ ...key, use: 'journal' as const })) };
  const exported = await exportJsonl(world.store, installationChain, { people, signer: world.signer });
  expect(verifyTimeline(exported).problems).toEqual([]);
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
