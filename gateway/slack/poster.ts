/**
 * Keeps cards current in Slack. A card is sent as it is when its turn comes, so any number of changes in between cost one
 * call, and the last state is never lost: a card stays due until Slack has taken it.
 *
 * Slack knows no idempotency key for a post. So a row in the store says `posting` before the call, the message carries the
 * card's key as metadata, and after an unknown outcome (a kill, a timeout, a dropped answer) the channel is searched for
 * the key before anything is posted again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebAPIPlatformError, WebAPIRateLimitedError, type WebClient } from '@slack/web-api';
import type { Iso } from '../../core/json.js';
import { digestOf } from '../../journal/digest.js';
import type { Card, Store } from '../../journal/store.js';
import type { Log } from '../log.js';
import type { CardContent, CardName } from './cards.js';

export interface DueContent extends CardContent {
  /** Nothing was posted before this; where the search in the channel may end. */
  since: Iso;
}

export interface PosterOptions {
  client: WebClient;
  store: Store;
  channel: string;
  botId: string;
  /** What a card shows now; undefined when it shall not be posted. */
  content: (name: CardName) => Promise<DueContent | undefined>;
  log: Log;
  now: () => number;
  /** Between two writes to the channel, in milliseconds. */
  spacingMs?: number;
  backOffMs?: { first: number; most: number };
  /** After a search that found nothing, before the second one: a post may still be on its way. */
  settleMs?: number;
}

export interface Poster {
  /** The card has changed by the event at this position of the journal. */
  changed(name: CardName, position: number): void;
  /** The first position whose change is not in Slack yet; undefined when everything is. */
  unsentFrom(): number | undefined;
  start(): void;
  /** Ends after the call that is under way; what is due is found again from the cursor. */
  stop(): Promise<void>;
}

/** Slack grants 50 `chat.update` a minute and one post a second in a channel. */
const spacingMsDefault = 1_200;
const backOffMsDefault = { first: 1_000, most: 30_000 };
const settleMsDefault = 2_000;
/** Slack's clock and ours may differ by this much when the channel is searched. */
const searchMarginMs = 5 * 60_000;
const searchPage = 200;
const metadataType = 'firebreak_card';

/** The message is gone or cannot be changed any more: a new one takes its place. */
const lost = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed']);
/** These name this one message; any other failure is about Slack as a whole. */
const aboutMessage = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
  'msg_too_long',
  'no_text',
  'invalid_metadata_format',
  'metadata_too_large',
]);

/** What a card shows could not be found; Slack has nothing to do with it. */
class NotShown extends Error {
  constructor(cause: unknown) {
    super('The content of a card could not be made.', { cause });
  }
}

interface Due {
  name: CardName;
  from: number;
  failures: number;
  notBeforeMs: number;
}

export function openPoster(options: PosterOptions): Poster {
  const { client, store, channel, botId, content, log, now } = options;
  const { spacingMs = spacingMsDefault, backOffMs = backOffMsDefault, settleMs = settleMsDefault } = options;
  const due = new Map<string, Due>();
  const stopping = new AbortController();
  let sending: Due | undefined;
  let wake: (() => void) | undefined;
  let running: Promise<void> | undefined;
  /** Failures of Slack as a whole, since it last answered. */
  let away = 0;

  return {
    changed(name, position) {
      enqueue({ name, from: position, failures: 0, notBeforeMs: 0 });
      wake?.();
    },
    unsentFrom: () =>
      [...due.values(), ...(sending === undefined ? [] : [sending])].reduce<number | undefined>(
        (min, { from }) => Math.min(min ?? from, from),
        undefined,
      ),
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      wake?.();
      await running;
    },
  };

  function enqueue(next: Due): void {
    const before = due.get(next.name.key);
    due.set(next.name.key, before === undefined ? next : { ...before, from: Math.min(before.from, next.from) });
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const next = first();
      if (next === undefined) await untilWoken();
      else await pause(await turn(next));
    }
  }

  /** What people must decide goes before what they may read. */
  function first(): Due | undefined {
    const ready = [...due.values()].filter(({ notBeforeMs }) => notBeforeMs <= now());
    return ready.find(({ name }) => name.kind === 'ask') ?? ready[0];
  }

  /** Sends one card; returns for how long nothing more may be sent. */
  async function turn(next: Due): Promise<number> {
    due.delete(next.name.key);
    sending = next;
    try {
      const wrote = await send(next.name);
      if (wrote && away > 0) {
        log.info({ channel }, 'Slack answers again');
        away = 0;
      }
      return wrote ? spacingMs : 0;
    } catch (error) {
      return failed(next, error);
    } finally {
      sending = undefined;
    }
  }

  function failed(next: Due, error: unknown): number {
    const failures = next.failures + 1;
    if (stopping.signal.aborted) {
      enqueue(next);
      return 0;
    }
    if (isAboutCard(error)) {
      if (failures === 1) log.error({ card: next.name.key, error }, 'a card cannot be shown, will go on trying');
      enqueue({ ...next, failures, notBeforeMs: now() + backOff(failures) });
      return error instanceof NotShown ? 0 : spacingMs;
    }
    enqueue({ ...next, failures });
    if (error instanceof WebAPIRateLimitedError) return Math.max(spacingMs, error.retryAfter * 1000);
    if (away === 0) log.warn({ channel, error }, 'cards cannot be brought to Slack, will go on trying');
    away += 1;
    return backOff(away);
  }

  function backOff(failures: number): number {
    return Math.min(backOffMs.most, backOffMs.first * 2 ** Math.min(failures - 1, 16));
  }

  /** True when Slack was written to. */
  async function send(name: CardName): Promise<boolean> {
    const shown = await shownBy(name);
    if (shown === undefined) return false;
    const shows = digestOf({ text: shown.text, blocks: shown.blocks });
    const card = await store.card(name.key);
    if (card?.state === 'posted' && card.shows === shows) return false;
    const ts = card === undefined ? undefined : (card.ts ?? (await search(name.key, card.channel, shown.since)));
    if (card === undefined || ts === undefined) {
      await post(name.key, shown, shows);
      return true;
    }
    // A message that was found again is recorded before it is changed: it is ours from here on.
    if (card.state === 'posting') await store.putCard({ key: card.key, channel: card.channel, ts, state: 'posted' });
    await update({ ...card, ts }, shown, shows);
    return true;
  }

  async function shownBy(name: CardName): Promise<DueContent | undefined> {
    try {
      return await content(name);
    } catch (error) {
      throw new NotShown(error);
    }
  }

  async function post(key: string, { text, blocks }: CardContent, shows: Card['shows']): Promise<void> {
    await store.putCard({ key, channel, state: 'posting' });
    const message = { channel, text, blocks, metadata: metadata(key), unfurl_links: false, unfurl_media: false };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- Slack's method, not a window's.
    const { ts } = await client.chat.postMessage(message);
    if (ts === undefined) throw new TypeError('Slack took a message without naming it.');
    await store.putCard({ key, channel, ts, state: 'posted', ...(shows === undefined ? {} : { shows }) });
  }

  async function update(card: Card & { ts: string }, shown: CardContent, shows: Card['shows']): Promise<void> {
    const { key, channel: at, ts } = card;
    try {
      await client.chat.update({ channel: at, ts, text: shown.text, blocks: shown.blocks, metadata: metadata(key) });
    } catch (error) {
      if (!(error instanceof WebAPIPlatformError && lost.has(error.data.error))) throw error;
      log.warn({ card: key }, 'a card is gone from Slack, a new one is posted');
      return post(key, shown, shows);
    }
    await store.putCard({ key, channel: at, ts, state: 'posted', ...(shows === undefined ? {} : { shows }) });
  }

  /** The message that an earlier attempt may have left, or undefined after two looks. */
  async function search(key: string, at: string, since: Iso): Promise<string | undefined> {
    const found = await searchOnce(key, at, since);
    if (found !== undefined) return found;
    await pause(settleMs);
    stopping.signal.throwIfAborted();
    return searchOnce(key, at, since);
  }

  async function searchOnce(key: string, at: string, since: Iso): Promise<string | undefined> {
    const oldest = String((Date.parse(since) - searchMarginMs) / 1000);
    let cursor: string | undefined;
    do {
      const page = await client.conversations.history({
        channel: at,
        oldest,
        limit: searchPage,
        include_all_metadata: true,
        ...(cursor === undefined ? {} : { cursor }),
      });
      // Only what we posted ourselves: anyone's app may put metadata on a message.
      const found = page.messages?.find((message) => message.bot_id === botId && isOf(message.metadata, key));
      if (found?.ts !== undefined) return found.ts;
      cursor = page.response_metadata?.next_cursor === '' ? undefined : page.response_metadata?.next_cursor;
    } while (cursor !== undefined);
    return undefined;
  }

  async function pause(ms: number): Promise<void> {
    if (ms <= 0 || stopping.signal.aborted) return;
    await sleep(ms, undefined, { signal: stopping.signal }).catch((error: unknown) => {
      if (!stopping.signal.aborted) throw error;
    });
  }

  async function untilWoken(): Promise<void> {
    const soonest = Math.min(...[...due.values()].map(({ notBeforeMs }) => notBeforeMs));
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (Number.isFinite(soonest)) setTimeout(resolve, Math.max(0, soonest - now())).unref();
    });
  }
}

function isAboutCard(error: unknown): boolean {
  return error instanceof NotShown || (error instanceof WebAPIPlatformError && aboutMessage.has(error.data.error));
}

function metadata(key: string) {
  return { event_type: metadataType, event_payload: { key } };
}

function isOf(found: { event_type?: string; event_payload?: object } | undefined, key: string): boolean {
  const payload = found?.event_type === metadataType ? found.event_payload : undefined;
  return payload !== undefined && 'key' in payload && payload.key === key;
}
