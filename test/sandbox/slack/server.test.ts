// The sandbox's Slack, spoken to with Slack's own client: it answers and refuses as Slack does.
import {
  type ChatPostMessageArguments,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { slackLogger } from '../../../gateway/slack/web-client.js';
import { openControl } from '../../../sandbox/slack/control.js';
import { charactersMax } from '../../../sandbox/slack/limits.js';
import { openSandboxSlack, type SandboxSlack } from '../../../sandbox/slack/server.js';
import { newResponseUrl, newTrigger } from '../../../sandbox/slack/state.js';

let slack: SandboxSlack;
let clock: number;
const client = (token = slack.botToken) =>
  new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 2_000,
    logger: silent,
  });

beforeEach(async () => {
  clock = Date.now();
  slack = await openSandboxSlack({ now: () => clock });
});
afterEach(() => slack.close());

// Its complaints about refused messages are what these tests provoke.
const silent = slackLogger(pino({ level: 'silent' }));

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
const postMessage = (message: ChatPostMessageArguments) => client().chat.postMessage(message);

const section = (text: string) => ({ type: 'section' as const, text: { type: 'mrkdwn' as const, text } });
const post = (blocks: ReturnType<typeof section>[]) => {
  clock += 1_000;
  return postMessage({ channel: slack.channel, text: 'x', blocks });
};

test('a message can be posted, changed and found again by its metadata, and every version is kept', async () => {
  const metadata = { event_type: 'card', event_payload: { key: 'status:1' } };
  const posted = await postMessage({ channel: slack.channel, text: 'one', metadata });
  await client().chat.update({ channel: slack.channel, ts: posted.ts ?? '', text: 'two' });
  const found = await client().conversations.history({ channel: slack.channel, include_all_metadata: true });
  expect(found.messages).toMatchObject([{ ts: posted.ts, text: 'two', metadata, bot_id: 'B0FIREBREAK' }]);
  expect((await client().conversations.history({ channel: slack.channel })).messages?.[0]?.metadata).toBeUndefined();
  expect(slack.messages()[0]?.versions.map(({ text }) => text)).toEqual(['one', 'two']);
});

test('history comes in pages, the newest first', async () => {
  for (const text of ['a', 'b', 'c']) {
    clock += 1_000;
    await postMessage({ channel: slack.channel, text });
  }
  const first = await client().conversations.history({ channel: slack.channel, limit: 2 });
  expect(first.messages?.map(({ text }) => text)).toEqual(['c', 'b']);
  const second = await client().conversations.history({
    channel: slack.channel,
    limit: 2,
    cursor: first.response_metadata?.next_cursor ?? '',
  });
  expect(second.messages?.map(({ text }) => text)).toEqual(['a']);
});

test('without the right token nothing is answered', async () => {
  await expect(client('xoxb-wrong').auth.test()).rejects.toMatchObject({ data: { error: 'invalid_auth' } });
  await expect(client().auth.test()).resolves.toMatchObject({ ok: true, bot_id: 'B0FIREBREAK' });
});

test('a message within every limit is taken; one beyond any is refused', async () => {
  await expect(post([section('x'.repeat(3000))])).resolves.toMatchObject({ ok: true });
  await expect(post(Array.from({ length: 51 }, () => section('x')))).rejects.toMatchObject({
    data: { error: 'invalid_blocks' },
  });
  await expect(post([section('x'.repeat(3001))])).rejects.toMatchObject({ data: { error: 'invalid_blocks' } });
  await expect(post([section('')])).rejects.toMatchObject({ data: { error: 'invalid_blocks' } });
  await expect(post(Array.from({ length: 5 }, () => section('x'.repeat(charactersMax / 5))))).rejects.toMatchObject({
    data: { error: 'msg_blocks_too_long' },
  });
  clock += 1_000;
  const button = {
    type: 'button' as const,
    text: { type: 'plain_text' as const, text: 'Go' },
    action_id: 'go',
    value: 'x'.repeat(2001),
  };
  await expect(
    postMessage({ channel: slack.channel, text: 'x', blocks: [{ type: 'actions', elements: [button] }] }),
  ).rejects.toMatchObject({
    data: { error: 'invalid_blocks' },
  });
  const field = { type: 'mrkdwn' as const, text: 'x'.repeat(2001) };
  clock += 1_000;
  await expect(
    postMessage({ channel: slack.channel, text: 'x', blocks: [{ type: 'section', fields: [field] }] }),
  ).rejects.toMatchObject({
    data: { error: 'invalid_blocks' },
  });
});

test('a second message to a channel within a second is answered with 429 and how long to wait', async () => {
  await post([section('one')]);
  const second = postMessage({ channel: slack.channel, text: 'two' });
  await expect(second).rejects.toBeInstanceOf(WebAPIRateLimitedError);
  await expect(second).rejects.toMatchObject({ retryAfter: 1 });
});

test('the fifty-first update within a minute is answered with 429', async () => {
  const { ts = '' } = await post([section('one')]);
  const update = () => client().chat.update({ channel: slack.channel, ts, text: 'x' });
  for (let i = 0; i < 50; i += 1) await update();
  await expect(update()).rejects.toBeInstanceOf(WebAPIRateLimitedError);
  clock += 60_001;
  await expect(update()).resolves.toMatchObject({ ok: true });
});

test('a dropped answer leaves the message in the channel and the caller without its name', async () => {
  slack.faults.dropAnswers['chat.postMessage'] = 1;
  await expect(postMessage({ channel: slack.channel, text: 'x' })).rejects.toBeInstanceOf(WebAPIRequestError);
  expect(slack.messages()).toHaveLength(1);
});

test('while it is down every call fails, and nothing takes effect', async () => {
  slack.faults.down = 'cut';
  await expect(postMessage({ channel: slack.channel, text: 'x' })).rejects.toBeInstanceOf(WebAPIRequestError);
  slack.faults.down = 'error';
  await expect(postMessage({ channel: slack.channel, text: 'x' })).rejects.toMatchObject({
    statusCode: 503,
  });
  expect(slack.messages()).toHaveLength(0);
});

test('an unknown account is not found; a guest is told to be one', async () => {
  await expect(client().users.info({ user: 'U0NOBODY' })).rejects.toBeInstanceOf(WebAPIPlatformError);
  slack.state.users.set('U0GUEST', { id: 'U0GUEST', name: 'guest', team: 'T0SANDBOX', isRestricted: true });
  expect((await client().users.info({ user: 'U0GUEST' })).user).toMatchObject({ is_restricted: true, deleted: false });
});

test('a response_url is good five times within thirty minutes', async () => {
  const say = (path: string) => fetch(`${slack.url}${path}`, { method: 'POST', body: JSON.stringify({ text: 'x' }) });
  const of = { user: 'U0BOB', channel: slack.channel };
  const path = newResponseUrl(slack.state, 'commands', of, clock);
  for (let i = 0; i < 5; i += 1) expect((await say(path)).status).toBe(200);
  expect(await (await say(path)).text()).toBe('used_url');
  const other = newResponseUrl(slack.state, 'commands', of, clock);
  clock += 31 * 60_000;
  expect(await (await say(other)).text()).toBe('expired_url');
});

test('a trigger opens one view, within three seconds', async () => {
  const view = { type: 'modal' as const, title: { type: 'plain_text' as const, text: 'x' }, blocks: [] };
  const trigger = newTrigger(slack.state, clock);
  await expect(client().views.open({ trigger_id: trigger, view })).resolves.toMatchObject({ ok: true });
  await expect(client().views.open({ trigger_id: trigger, view })).rejects.toMatchObject({
    data: { error: 'exchanged_trigger_id' },
  });
  const late = newTrigger(slack.state, clock);
  clock += 3_001;
  await expect(client().views.open({ trigger_id: late, view })).rejects.toMatchObject({
    data: { error: 'expired_trigger_id' },
  });
});

test('an app that cannot be reached is seen as a failure by the person', async () => {
  slack.requestUrl = 'http://127.0.0.1:9/slack/events';
  const seen = await slack.user('U0BOB').slash('status');
  expect(seen).toMatchObject({ failure: 'dispatch_failed' });
  expect(seen.messages()).toMatchObject([{ via: 'slack' }]);
});

test('another process drives it through the control port, also while Slack is down', async () => {
  const control = await openControl(slack);
  const order = (path: string, body: object) =>
    fetch(`${control.url}${path}`, { method: 'POST', body: JSON.stringify(body) }).then((answer) => answer.json());
  try {
    await order('faults', { down: 'cut' });
    expect(slack.faults.down).toBe('cut');
    await order('faults', { down: false });
    await order('request-url', { url: 'http://127.0.0.1:9/slack/events' });
    expect(await order('slash', { user: 'U0BOB', text: 'status' })).toMatchObject({ failure: 'dispatch_failed' });
    expect(await order('slash', { text: 'status' })).toMatchObject({ error: '"user" is missing.' });
    await postMessage({ channel: slack.channel, text: 'hello' });
    expect(await (await fetch(`${control.url}messages`)).json()).toMatchObject([{ versions: [{ text: 'hello' }] }]);
  } finally {
    await control.close();
  }
});
