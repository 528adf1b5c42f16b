// The sandbox signs as Slack does: against Slack's published example, and against the check that Bolt makes.
import { verifySlackRequest } from '@slack/bolt';
import { expect, test } from 'vitest';
import { signatureOf } from '../../../sandbox/slack/signature.js';

const secret = '8f742231b10e8888abcd99yyyzzz85a5';
const body =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';

test("Slack's published example has the published signature", () => {
  expect(signatureOf(secret, 1531420618, body)).toBe(
    'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  );
});

test('Bolt accepts what the sandbox signs, and not what is signed with another secret', () => {
  const timestamp = Math.floor(Date.now() / 1000);
  const check = (signature: string) => () =>
    verifySlackRequest({
      signingSecret: secret,
      body,
      headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp },
    });
  expect(check(signatureOf(secret, timestamp, body))).not.toThrow();
  expect(check(signatureOf('another', timestamp, body))).toThrow(/signature mismatch/);
});
