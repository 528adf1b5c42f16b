/**
 * Requests that nobody signed, which anybody can send as often as they like: they are counted, and at most once a minute their
 * number is put on record.
 */
import { randomUUID } from 'node:crypto';
import type { FirebreakError } from '../core/errors.js';
import { installationChain } from '../core/event.js';
import type { Store } from '../journal/store.js';
import type { Log } from './log.js';

export interface CountedRefusals {
  count(why: FirebreakError): void;
  /** Puts on record what was only counted yet. */
  end(): Promise<void>;
}

export interface CountedRefusalsDeps {
  store: Store;
  log: Log;
  now: () => number;
  /** Begins the ids of its events. */
  name: string;
  /** Their plural and its verb are added: `request that Slack did not sign`. */
  what: { one: string; many: string };
  /** Between two events, in milliseconds; a flood for a whole day makes 1,440. */
  everyMs?: number;
}

const everyMsDefault = 60_000;

export function openCountedRefusals({
  store,
  log,
  now,
  name,
  what,
  everyMs = everyMsDefault,
}: CountedRefusalsDeps): CountedRefusals {
  /** Since the last event. */
  let counted: { count: number; sinceMs: number; last: FirebreakError } | undefined;
  let pause: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  function tell(): void {
    if (counted === undefined) return;
    const { count, sinceMs, last } = counted;
    counted = undefined;
    const since = new Date(sinceMs).toISOString();
    const many = count === 1 ? `1 ${what.one} was` : `${count} ${what.many} were`;
    const data = { code: last.code, reason: `${many} refused since ${since}. The last: ${last.message}`, count, since };
    const draft = {
      chain: installationChain,
      id: `${name}-unsigned-${randomUUID()}`,
      occurredAt: new Date(now()).toISOString(),
      actor: 'gateway',
      action: 'statement.refused' as const,
      data,
    };
    writing = writing
      .then(() => store.append([draft]))
      .then(
        () => undefined,
        // They stay refused, whether or not it can be written down.
        (error: unknown) => log.error({ error }, 'refusals could not be put on record'),
      );
  }

  function tellAndPause(): void {
    tell();
    pause = setTimeout(() => {
      pause = undefined;
      if (counted !== undefined) tellAndPause();
    }, everyMs).unref();
  }

  return {
    count(why) {
      counted = { count: (counted?.count ?? 0) + 1, sinceMs: counted?.sinceMs ?? now(), last: why };
      if (pause === undefined) tellAndPause();
    },
    async end() {
      clearTimeout(pause);
      tell();
      await writing;
    },
  };
}
