/** The methods of Slack's Web API that this project calls, over the sandbox's state; each answers as Slack documents it. */
import { type Block, refusalOf } from './limits.js';
import {
  type Message,
  type Metadata,
  messageAt,
  type SandboxState,
  shown,
  triggerValidMs,
  tsOf,
  type Version,
  wire,
} from './state.js';

export type Args = Record<string, string>;
type Answer = { ok: boolean } & Record<string, unknown>;
type Method = (state: SandboxState, args: Args, nowMs: number) => Answer;

const pageMax = 999;
const pageDefault = 100;

export const methods: Record<string, Method> = {
  'auth.test': (state) => ({
    ok: true,
    url: `https://${state.team.domain}.slack.com/`,
    team: state.team.domain,
    team_id: state.team.id,
    user: 'firebreak',
    user_id: state.app.botUserId,
    bot_id: state.app.botId,
    is_enterprise_install: false,
  }),

  'chat.postMessage': (state, args, nowMs) => {
    const channel = channelOf(state, args);
    if (channel === undefined) return refuse('channel_not_found');
    const version = versionOf(args, nowMs);
    if ('error' in version) return version.error;
    const message: Message = {
      channel: channel.id,
      ts: tsOf(nowMs, state.messages.length + 1),
      ...(args['thread_ts'] === undefined ? {} : { threadTs: args['thread_ts'] }),
      versions: [version.version],
    };
    state.messages.push(message);
    return { ok: true, channel: channel.id, ts: message.ts, message: wire(state, message, true) };
  },

  'chat.update': (state, args, nowMs) => {
    const channel = channelOf(state, args);
    if (channel === undefined) return refuse('channel_not_found');
    const message = messageAt(state, channel.id, args['ts'] ?? '');
    if (message === undefined) return refuse('message_not_found');
    const version = versionOf(args, nowMs);
    if ('error' in version) return version.error;
    // Metadata that an update does not name stays.
    const { metadata } = shown(message);
    message.versions.push({ ...(metadata === undefined ? {} : { metadata }), ...version.version });
    return {
      ok: true,
      channel: channel.id,
      ts: message.ts,
      text: version.version.text,
      message: wire(state, message, true),
    };
  },

  'chat.postEphemeral': (state, args, nowMs) => {
    const channel = channelOf(state, args);
    if (channel === undefined) return refuse('channel_not_found');
    const user = state.users.get(args['user'] ?? '');
    if (user === undefined) return refuse('user_not_in_channel');
    const version = versionOf(args, nowMs);
    if ('error' in version) return version.error;
    const { text, blocks } = version.version;
    state.privates.push({ user: user.id, channel: channel.id, via: 'postEphemeral', atMs: nowMs, text, blocks });
    return { ok: true, message_ts: tsOf(nowMs, state.privates.length) };
  },

  'conversations.history': (state, args) => {
    const channel = channelOf(state, args);
    if (channel === undefined) return refuse('channel_not_found');
    const oldest = Number(args['oldest'] ?? 0);
    const latest = Number(args['latest'] ?? Number.POSITIVE_INFINITY);
    const found = state.messages.filter(
      (message) =>
        message.channel === channel.id &&
        message.threadTs === undefined &&
        Number(message.ts) > oldest &&
        Number(message.ts) < latest,
    );
    return page(state, found.toReversed(), args);
  },

  'conversations.replies': (state, args) => {
    const channel = channelOf(state, args);
    if (channel === undefined) return refuse('channel_not_found');
    const parent = messageAt(state, channel.id, args['ts'] ?? '');
    if (parent === undefined) return refuse('thread_not_found');
    return page(
      state,
      [parent, ...state.messages.filter((message) => message.channel === channel.id && message.threadTs === parent.ts)],
      args,
    );
  },

  'conversations.info': (state, args) => {
    const channel = channelOf(state, args);
    return channel === undefined
      ? refuse('channel_not_found')
      : { ok: true, channel: { ...channel, is_channel: true, is_archived: false, is_member: true } };
  },

  'conversations.open': (state, args) => {
    const user = state.users.get(args['users'] ?? '');
    if (user === undefined) return refuse('user_not_found');
    const channel = { id: `D${user.id.slice(1)}`, name: `direct-${user.name}` };
    state.channels.set(channel.id, channel);
    return { ok: true, channel: { id: channel.id } };
  },

  'users.info': (state, args) => {
    const user = state.users.get(args['user'] ?? '');
    if (user === undefined) return refuse('user_not_found');
    return {
      ok: true,
      user: {
        id: user.id,
        team_id: user.team,
        name: user.name,
        real_name: user.name,
        deleted: user.deleted ?? false,
        is_bot: user.isBot ?? false,
        is_restricted: user.isRestricted ?? false,
        is_ultra_restricted: user.isUltraRestricted ?? false,
        ...(user.isStranger === undefined ? {} : { is_stranger: user.isStranger }),
        updated: 0,
      },
    };
  },

  'views.open': (state, args, nowMs) => {
    const trigger = state.triggers.get(args['trigger_id'] ?? '');
    if (trigger === undefined) return refuse('invalid_trigger_id');
    if (trigger.used) return refuse('exchanged_trigger_id');
    if (nowMs - trigger.madeAtMs > triggerValidMs) return refuse('expired_trigger_id');
    trigger.used = true;
    const view = json(args['view']);
    if (view === undefined) return refuse('invalid_arguments');
    state.views.push({ view });
    return { ok: true, view: { id: `V${state.views.length}`, ...(view as object) } };
  },
};

function refuse(error: string, messages: string[] = []): Answer {
  return { ok: false, error, ...(messages.length === 0 ? {} : { response_metadata: { messages } }) };
}

function channelOf(state: SandboxState, args: Args): { id: string; name: string } | undefined {
  return state.channels.get(args['channel'] ?? '');
}

function versionOf(args: Args, nowMs: number): { version: Version } | { error: Answer } {
  const blocks = args['blocks'] === undefined ? [] : json(args['blocks']);
  if (!Array.isArray(blocks)) return { error: refuse('invalid_blocks_format') };
  const refusal = refusalOf(args['text'], blocks as Block[]);
  if (refusal !== undefined) return { error: refuse(refusal.error, refusal.messages) };
  const metadata = args['metadata'] === undefined ? undefined : json(args['metadata']);
  if (args['metadata'] !== undefined && !isMetadata(metadata)) return { error: refuse('invalid_metadata_format') };
  return {
    version: {
      atMs: nowMs,
      text: args['text'] ?? '',
      blocks: blocks as Block[],
      ...(isMetadata(metadata) ? { metadata } : {}),
    },
  };
}

function isMetadata(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && 'event_type' in value && 'event_payload' in value;
}

function page(state: SandboxState, found: Message[], args: Args): Answer {
  const limit = Math.min(Number(args['limit'] ?? pageDefault), pageMax);
  const from =
    args['cursor'] === undefined || args['cursor'] === ''
      ? 0
      : Number(Buffer.from(args['cursor'], 'base64').toString());
  const more = from + limit < found.length;
  return {
    ok: true,
    messages: found
      .slice(from, from + limit)
      .map((message) => wire(state, message, args['include_all_metadata'] === 'true')),
    has_more: more,
    response_metadata: { next_cursor: more ? Buffer.from(String(from + limit)).toString('base64') : '' },
  };
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
