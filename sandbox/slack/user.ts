/**
 * A person in front of Slack: types a slash command, clicks a button, and sees what Slack would show. Each act makes the
 * payload that Slack makes (field names and order of Slack's documentation, checked against Bolt's types), signs it, and
 * sends it with the bare content type that Slack uses; Bolt compares it exactly. An answer later than three seconds is a
 * timeout to the person, who never learns what became of it but by a later message.
 */
import type { Block } from './limits.js';
import { signatureOf } from './signature.js';
import {
  type Message,
  messageAt,
  newResponseUrl,
  newTrigger,
  type Private,
  type SandboxState,
  shown,
  wire,
} from './state.js';

/** How long Slack waits for the app's answer. */
const ackWithinMs = 3000;

export interface SignedRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What came of an act, as far as the person can see at that moment. */
export interface Seen {
  request: SignedRequest;
  /** Undefined when no answer came in time or the app could not be reached. */
  status: number | undefined;
  ackMs: number;
  /** What Slack itself says when the app failed: `operation_timeout`, `dispatch_failed`. */
  failure?: string;
  /** What the app showed this person since the act, the latest last. */
  messages(): Private[];
  /** Waits for the next message to this person after those already returned by `messages` or `next`. */
  next(withinMs?: number): Promise<Private>;
}

export interface User {
  id: string;
  /** `/firebreak` and this text; escaped as Slack escapes it. */
  slash(text: string): Promise<Seen>;
  /** Clicks a button of a message as it is shown now; `typed` are texts in its input blocks, by action id. */
  click(message: Pick<Message, 'channel' | 'ts'>, actionId: string, typed?: Record<string, string>): Promise<Seen>;
  /** The same person whose requests carry a clock that is off by so many seconds, correctly signed. */
  withTimestamp(offsetS: number): User;
  withBadSignature(): User;
  /** The same person whose every request arrives twice, byte by byte the same. */
  duplicate(): User;
}

export interface Wire {
  state: SandboxState;
  signingSecret: string;
  /** Where the app listens for commands and clicks. */
  requestUrl: () => string;
  /** Base of the sandbox, for `response_url`. */
  base: () => string;
  now: () => number;
}

interface Habits {
  offsetS: number;
  badSignature: boolean;
  twice: boolean;
}

export function userOf(
  wireTo: Wire,
  id: string,
  habits: Habits = { offsetS: 0, badSignature: false, twice: false },
): User {
  const send = async (fields: Record<string, string>, showsAck: boolean, channel: string): Promise<Seen> => {
    const request = sign(wireTo, new URLSearchParams(fields).toString(), habits);
    const [seen] = await Promise.all([
      deliver(wireTo, request, { user: id, channel, showsAck }),
      ...(habits.twice ? [deliver(wireTo, request, { user: id, channel, showsAck })] : []),
    ]);
    return seen;
  };
  return {
    id,
    slash: (text) => {
      const channel = firstChannel(wireTo.state);
      return send(commandFields(wireTo, id, text, channel), true, channel.id);
    },
    click: (message, actionId, typed = {}) =>
      send({ payload: JSON.stringify(clickPayload(wireTo, id, message, actionId, typed)) }, false, message.channel),
    withTimestamp: (offsetS) => userOf(wireTo, id, { ...habits, offsetS }),
    withBadSignature: () => userOf(wireTo, id, { ...habits, badSignature: true }),
    duplicate: () => userOf(wireTo, id, { ...habits, twice: true }),
  };
}

/** Sends a request as it is, for instance one that was sent before. */
export async function deliver(
  { state, now }: Wire,
  request: SignedRequest,
  to: { user: string; channel: string; showsAck: boolean },
): Promise<Seen> {
  const from = state.privates.length;
  const startedAt = now();
  const outcome = await post(request);
  const ackMs = now() - startedAt;
  const show = (text: string, blocks: Block[], via: Private['via']) =>
    state.privates.push({ user: to.user, channel: to.channel, via, atMs: now(), text, blocks });
  const failure = 'failure' in outcome ? outcome.failure : outcome.status === 200 ? undefined : 'dispatch_failed';
  if (failure !== undefined) show(`The app failed with the error "${failure}".`, [], 'slack');
  else if ('body' in outcome && to.showsAck && outcome.body !== '') {
    const { text, blocks } = readAck(outcome.body);
    show(text, blocks, 'ack');
  }
  let read = from;
  const unread = () => {
    const all = state.privates.slice(read).filter(({ user }) => user === to.user);
    read = state.privates.length;
    return all;
  };
  return {
    request,
    status: 'status' in outcome ? outcome.status : undefined,
    ackMs,
    ...(failure === undefined ? {} : { failure }),
    messages: unread,
    next: async (withinMs = 5000) => {
      const until = Date.now() + withinMs;
      for (;;) {
        const at = state.privates.findIndex(({ user }, i) => i >= read && user === to.user);
        const found = state.privates[at];
        if (found !== undefined) {
          read = at + 1;
          return found;
        }
        if (Date.now() > until) throw new Error(`Nothing was shown to ${to.user} within ${withinMs} ms.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

function sign(
  { signingSecret, requestUrl, now }: Wire,
  body: string,
  { offsetS, badSignature }: Habits,
): SignedRequest {
  const timestamp = Math.floor(now() / 1000) + offsetS;
  return {
    url: requestUrl(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': signatureOf(badSignature ? `not ${signingSecret}` : signingSecret, timestamp, body),
    },
    body,
  };
}

async function post({
  url,
  headers,
  body,
}: SignedRequest): Promise<{ status: number; body: string } | { failure: string }> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: Buffer.from(body),
      signal: AbortSignal.timeout(ackWithinMs),
    });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return {
      failure: error instanceof Error && error.name === 'TimeoutError' ? 'operation_timeout' : 'dispatch_failed',
    };
  }
}

/** A command may be answered with bare text or with a message in JSON. */
function readAck(body: string): { text: string; blocks: Block[] } {
  if (!body.startsWith('{')) return { text: body, blocks: [] };
  const { text = '', blocks = [] } = JSON.parse(body) as { text?: string; blocks?: Block[] };
  return { text, blocks };
}

function commandFields(
  { state, base, now }: Wire,
  id: string,
  text: string,
  channel: { id: string; name: string },
): Record<string, string> {
  const user = known(state, id);
  return {
    token: 'legacy-verification-token',
    team_id: state.team.id,
    team_domain: state.team.domain,
    channel_id: channel.id,
    channel_name: channel.name,
    user_id: id,
    user_name: user.name,
    command: state.app.command,
    text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    api_app_id: state.app.id,
    is_enterprise_install: 'false',
    response_url: `${base()}${newResponseUrl(state, 'commands', { user: id, channel: channel.id }, now())}`,
    trigger_id: newTrigger(state, now()),
  };
}

function clickPayload(
  { state, base, now }: Wire,
  id: string,
  at: Pick<Message, 'channel' | 'ts'>,
  actionId: string,
  typed: Record<string, string>,
): Record<string, unknown> {
  const user = known(state, id);
  const message = messageAt(state, at.channel, at.ts);
  if (message === undefined) throw new Error(`There is no message ${at.ts} in ${at.channel}.`);
  const shownNow = wire(state, message, true);
  const blocks = shownNow['blocks'] as Block[];
  const block = blocks.find(({ elements }) => elements?.some(({ action_id: each }) => each === actionId));
  const button = block?.elements?.find(({ action_id: each }) => each === actionId);
  if (block === undefined || button === undefined)
    throw new Error(`The message "${shown(message).text}" has no button "${actionId}".`);
  const inputs = blocks.filter(({ type }) => type === 'input');
  return {
    type: 'block_actions',
    user: { id, username: user.name, name: user.name, team_id: user.team },
    api_app_id: state.app.id,
    token: 'legacy-verification-token',
    container: { type: 'message', message_ts: at.ts, channel_id: at.channel, is_ephemeral: false },
    trigger_id: newTrigger(state, now()),
    team: { id: state.team.id, domain: state.team.domain },
    enterprise: null,
    is_enterprise_install: false,
    channel: state.channels.get(at.channel),
    message: shownNow,
    state: {
      values: Object.fromEntries(
        inputs.map(({ block_id: blockId = '', element }) => [
          blockId,
          { [element?.action_id ?? '']: { type: element?.type, value: typed[element?.action_id ?? ''] ?? null } },
        ]),
      ),
    },
    response_url: `${base()}${newResponseUrl(state, 'actions', { user: id, channel: at.channel, message: at.ts }, now())}`,
    actions: [{ ...button, block_id: block.block_id, action_ts: `${Math.floor(now() / 1000)}.000100` }],
  };
}

function firstChannel(state: SandboxState): { id: string; name: string } {
  const [channel] = state.channels.values();
  if (channel === undefined) throw new Error('The sandbox has no channel.');
  return channel;
}

function known(state: SandboxState, id: string) {
  const user = state.users.get(id);
  if (user === undefined) throw new Error(`The sandbox knows no user ${id}.`);
  return user;
}
