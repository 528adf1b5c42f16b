/**
 * The Slack front end of the gateway: requests in (verified, then handed to Bolt), cards out. It holds no state that a
 * kill could lose, and starts and serves whether or not Slack's API can be reached.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { App, type BlockAction, type ButtonAction, HTTPReceiver, type RespondFn } from '@slack/bolt';
import { FirebreakError } from '../../core/errors.js';
import type { SlackSettings } from '../../core/installation.js';
import type { RunView } from '../../core/run-view.js';
import type { Signer, Store } from '../../journal/store.js';
import type { Log } from '../log.js';
import { approveAction, askCard, denyAction } from './ask-card.js';
import type { CardName } from './cards.js';
import { decideByClick } from './clicks.js';
import { obey } from './commands.js';
import { factsOf } from './facts.js';
import { openFollower } from './follow.js';
import { answerOf, type Answer, inTime, pending } from './in-time.js';
import { openPoster, type DueContent, type PosterOptions } from './poster.js';
import { readRequest } from './readable.js';
import { openRefusedRequests } from './refused-requests.js';
import {
  isConnectionProbe,
  readBody,
  refuseReplay,
  refuseWrongTime,
  type VerifiedRequest,
  verifySignature,
} from './request.js';
import { slashCommand } from './parse.js';
import type { SlackDoor, Speaking } from './speak.js';
import { statusCard } from './status-card.js';
import { clientOptions, openClient, slackLogger } from './web-client.js';

export interface SlackDeps {
  settings: SlackSettings;
  secrets: { botToken: string; signingSecret: string };
  door: SlackDoor;
  store: Store;
  /** The gateway's key, which attests what was verified here. */
  signer: Signer;
  log: Log;
  now?: () => number;
  /** Waits of the poster, of the follower and of the record of refused requests, in milliseconds; for tests. */
  pace?: Pick<PosterOptions, 'spacingMs' | 'backOffMs' | 'settleMs'> & {
    followEveryMs?: number;
    refusedEveryMs?: number;
  };
}

export interface SlackApp {
  /** For POST requests to `slackPath`, with the body unread. */
  listener(request: IncomingMessage, response: ServerResponse): void;
  /** Begins to keep the cards current. */
  start(): void;
  stop(): Promise<void>;
}

const slackPath = '/slack/events';

/** A run that ended longer ago than this and has no card gets none: Slack was connected to an older journal. */
const pastMs = 24 * 60 * 60_000;

export function openSlack({
  settings,
  secrets,
  door,
  store,
  signer,
  log,
  now = Date.now,
  pace = {},
}: SlackDeps): SlackApp {
  const stopping = new AbortController();
  const client = openClient(settings, secrets.botToken, log);
  const speaking: Speaking = { door, client, settings, signer, log, now, stopping: stopping.signal };
  const { followEveryMs, refusedEveryMs, ...posterPace } = pace;
  const poster = openPoster({
    client,
    store,
    channel: settings.channel,
    botId: settings.botId,
    content: (name) => contentOf(name, { door, store, now }),
    log,
    now,
    ...posterPace,
  });
  const follower = openFollower({
    store,
    poster,
    view: async (run) => (await door.view(run))?.view,
    log,
    ...(followEveryMs === undefined ? {} : { everyMs: followEveryMs }),
  });

  const refused = openRefusedRequests({
    door,
    log,
    now,
    ...(refusedEveryMs === undefined ? {} : { everyMs: refusedEveryMs }),
  });

  const verified = new WeakMap<object, VerifiedRequest>();
  const receiver = new HTTPReceiver({
    signingSecret: secrets.signingSecret,
    endpoints: slackPath,
    logger: slackLogger(log),
    customPropertiesExtractor: (request) => ({ verified: verified.get(request) }),
  });
  const bolt = new App({
    receiver,
    // Named in the settings, so that nothing has to be asked of Slack before a request can be handled.
    authorize: () =>
      Promise.resolve({ botToken: secrets.botToken, botId: settings.botId, botUserId: settings.botUserId }),
    convoStore: false,
    clientOptions: clientOptions(settings, log),
    logger: slackLogger(log),
  });

  bolt.command(slashCommand, async ({ command, context, ack, respond }) => {
    const heard = {
      account: accountOf(command.team_id, command.user_id, command.enterprise_id),
      request: requestOf(context),
      command: `${slashCommand} ${command.text ?? ''}`.trim(),
    };
    await inTime(
      answerOf(() => obey(speaking, heard), log),
      {
        now: (answer) => ack(ephemeral(answer)),
        late: () => ack({ response_type: 'ephemeral', text: pending }),
        later: (answer) => show(respond, answer),
      },
      log,
    );
  });

  for (const actionId of [approveAction, denyAction]) {
    bolt.action<BlockAction<ButtonAction>>(
      { type: 'block_actions', action_id: actionId },
      async ({ action, body, context, ack, respond }) => {
        const click = {
          actionId,
          value: action.value ?? '',
          channel: body.channel?.id ?? '',
          message: body.message?.ts ?? '',
          values: body.state?.values ?? {},
        };
        const heard = {
          account: accountOf(body.user.team_id ?? body.team?.id ?? '', body.user.id, body.enterprise?.id),
          request: requestOf(context),
          action: JSON.stringify({ action: actionId, value: click.value }),
        };
        const answer = (said: Answer) => show(respond, said);
        await inTime(
          answerOf(() => decideByClick(speaking, heard, click), log),
          // Slack shows nothing of what acknowledges a click; the answer always follows.
          { now: (said) => ack().then(() => answer(said)), late: () => ack(), later: answer },
          log,
        ).catch((error: unknown) => log.warn({ error }, 'the answer to a click could not be sent to Slack'));
      },
    );
  }

  /** Nothing for Slack's probe of the connection, which is not signed. */
  async function readSigned(request: IncomingMessage): Promise<{ body: Buffer; found: VerifiedRequest } | undefined> {
    try {
      const body = await readBody(request);
      if (isConnectionProbe(body)) return undefined;
      return { body, found: verifySignature(request.headers, body, secrets.signingSecret) };
    } catch (error) {
      if (error instanceof FirebreakError) refused.unsigned(error);
      throw error;
    }
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signed = await readSigned(request);
    if (signed === undefined) return end(response, 200);
    const { body, found } = signed;
    const asked = readRequest(body);
    try {
      refuseWrongTime(found, now());
      await refuseReplay(store, found, now());
    } catch (error) {
      if (error instanceof FirebreakError) await refused.signed(found, asked, error);
      throw error;
    }
    verified.set(request, found);
    // Bolt takes the bytes that were verified instead of reading the stream again, and verifies them once more.
    receiver.requestListener(Object.assign(request, { rawBody: body }), response);
  }

  return {
    listener(request, response) {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (request.method !== 'POST' || pathname !== slackPath) return end(response, 404);
      receive(request, response).catch((error: unknown) => {
        const status = statusOf(error);
        if (status === 503) log.error({ error }, 'a Slack request could not be received');
        else
          log.warn(
            { code: (error as FirebreakError).code, why: (error as FirebreakError).message },
            'a request to the Slack endpoint was refused',
          );
        if (!response.headersSent) end(response, status, answerTo(error));
      });
    },
    start() {
      poster.start();
      follower.start();
    },
    async stop() {
      stopping.abort();
      await follower.stop();
      await poster.stop();
      await refused.end();
    },
  };
}

function statusOf(error: unknown): number {
  if (!(error instanceof FirebreakError)) return 503;
  if (error.code === 'slack.replayed') return 200; // so that Slack shows the answer
  if (error.code === 'slack.body-too-large') return 413;
  return error.code === 'slack.unreadable' ? 400 : 401;
}

function answerTo(error: unknown): object {
  if (!(error instanceof FirebreakError)) return {};
  if (error.code !== 'slack.replayed') return { error: error.code };
  return ephemeral({ text: 'This was already received; it was not acted on a second time.' });
}

async function contentOf(
  name: CardName,
  { door, store, now }: { door: SlackDoor; store: Store; now: () => number },
): Promise<DueContent | undefined> {
  const facts = await factsOf(door, name.run);
  if (facts === undefined) return undefined;
  const { view } = facts;
  if (isPast(view, now()) && (await store.card(name.key)) === undefined) return undefined;
  if (name.kind === 'status') return { ...statusCard(facts), since: view.launchedAt };
  const ask = view.asks.find(({ id }) => id === name.ask);
  return ask === undefined
    ? undefined
    : { ...askCard(view, ask, await door.plan(view.run, ask.id)), since: ask.openedAt };
}

function isPast({ endedAt }: RunView, nowMs: number): boolean {
  return endedAt !== undefined && Date.parse(endedAt) < nowMs - pastMs;
}

function accountOf(team: string, user: string, enterprise: string | undefined) {
  return { team, user, ...(enterprise === undefined || enterprise === '' ? {} : { enterprise }) };
}

function requestOf(context: Record<string, unknown>): VerifiedRequest {
  const found = context['verified'] as VerifiedRequest | undefined;
  if (found === undefined) throw new TypeError('A request reached Bolt without having been verified (this is a bug).');
  return found;
}

function ephemeral({ text, blocks }: Answer) {
  return { response_type: 'ephemeral' as const, text, ...(blocks === undefined ? {} : { blocks }) };
}

async function show(respond: RespondFn, answer: Answer): Promise<void> {
  await respond({ ...ephemeral(answer), replace_original: false });
}

function end(response: ServerResponse, status: number, body?: object): void {
  if (body === undefined) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
