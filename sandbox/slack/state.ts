/** What the sandbox's Slack remembers: people, channels, and every version that any message ever had. */
import { randomBytes } from 'node:crypto';
import type { Block } from './limits.js';

export interface SandboxUser {
  id: string;
  name: string;
  /** The workspace the account belongs to; another one for people of a shared channel. */
  team: string;
  deleted?: boolean;
  isBot?: boolean;
  /** A guest of several channels. */
  isRestricted?: boolean;
  /** A guest of one channel. */
  isUltraRestricted?: boolean;
  /** Someone from another organisation with whom no channel is shared. */
  isStranger?: boolean;
}

export interface Metadata {
  event_type: string;
  event_payload: Record<string, unknown>;
}

export interface Version {
  atMs: number;
  text: string;
  blocks: Block[];
  metadata?: Metadata;
}

export interface Message {
  channel: string;
  ts: string;
  threadTs?: string;
  /** The oldest first; the last one is what people see. */
  versions: Version[];
}

/** Something that only one person sees. */
export interface Private {
  user: string;
  channel: string;
  via: 'ack' | 'response_url' | 'postEphemeral' | 'slack';
  atMs: number;
  text: string;
  blocks: Block[];
}

/** A `response_url`: good five times within 30 minutes. */
export interface ResponseUrl {
  path: string;
  user: string;
  channel: string;
  /** The message that was clicked, for `replace_original`. */
  message?: string;
  madeAtMs: number;
  uses: number;
}

export interface Trigger {
  id: string;
  madeAtMs: number;
  used: boolean;
}

export interface SandboxState {
  team: { id: string; domain: string };
  app: { id: string; botId: string; botUserId: string; command: string };
  users: Map<string, SandboxUser>;
  channels: Map<string, { id: string; name: string }>;
  messages: Message[];
  privates: Private[];
  responseUrls: Map<string, ResponseUrl>;
  triggers: Map<string, Trigger>;
  views: { user?: string; view: unknown }[];
}

export const responseUsesMax = 5;
export const responseValidMs = 30 * 60_000;
export const triggerValidMs = 3000;

export function messageAt(state: SandboxState, channel: string, ts: string): Message | undefined {
  return state.messages.find((message) => message.channel === channel && message.ts === ts);
}

export function shown(message: Message): Version {
  const last = message.versions.at(-1);
  if (last === undefined) throw new Error('A message has at least one version (this is a bug).');
  return last;
}

/** As a message stands in an answer of the Web API; Slack leaves metadata out unless it is asked for. */
export function wire(state: SandboxState, message: Message, withMetadata: boolean): Record<string, unknown> {
  const { text, blocks, metadata } = shown(message);
  return {
    type: 'message',
    subtype: 'bot_message',
    user: state.app.botUserId,
    bot_id: state.app.botId,
    app_id: state.app.id,
    team: state.team.id,
    ts: message.ts,
    text,
    blocks: blocks.map((block, i) => ({ block_id: `b${i}`, ...block })),
    ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    ...(message.versions.length > 1 ? { edited: { user: state.app.botUserId, ts: tsOf(shown(message).atMs, 0) } } : {}),
    ...(withMetadata && metadata !== undefined ? { metadata } : {}),
  };
}

/** Slack's name of a message: seconds, and six digits that make it unique in its channel. */
export function tsOf(atMs: number, serial: number): string {
  return `${Math.floor(atMs / 1000)}.${String(serial).padStart(6, '0')}`;
}

export function newTrigger(state: SandboxState, atMs: number): string {
  const id = `${atMs}.${Math.floor(atMs / 1000)}.${randomBytes(16).toString('hex')}`;
  state.triggers.set(id, { id, madeAtMs: atMs, used: false });
  return id;
}

export function newResponseUrl(
  state: SandboxState,
  kind: 'commands' | 'actions',
  of: Pick<ResponseUrl, 'user' | 'channel' | 'message'>,
  atMs: number,
): string {
  const path = `/${kind}/${state.team.id}/${atMs}/${randomBytes(12).toString('hex')}`;
  state.responseUrls.set(path, { path, ...of, madeAtMs: atMs, uses: 0 });
  return path;
}
