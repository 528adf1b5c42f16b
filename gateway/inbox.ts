/**
 * What people said is kept before anything is done with it, and delivered until the engine has answered, across crashes
 * of the gateway and absences of Temporal. The inbox id is the Update id, so a second delivery is the same.
 */
import pLimit from 'p-limit';
import type { Json } from '../core/json.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import type { Deliver, Delivery } from './deliver.js';
import type { Log } from './log.js';
import { readStatement } from './read-statement.js';
import { repeat } from './repeat.js';
import { deliveryIdOf } from './statement-ids.js';

export interface Inbox {
  /** Durable when this resolves; a second time is a no-op. */
  keep(statement: Statement): Promise<void>;
  /** Delivers what was kept, or joins its delivery; rejects only for faults of ours, and the next round tries again. */
  deliver(statement: Statement): Promise<Delivery>;
  /** What was started has begun, and need not be delivered again. */
  settle(statement: Statement): Promise<void>;
  /** Delivers no more; what has no answer yet stays kept. */
  end(): Promise<void>;
}

export interface InboxOptions {
  store: Store;
  deliver: Deliver;
  log: Log;
  now: () => number;
  /** Between two rounds over what is still undelivered. */
  everyMs?: number;
}

/** Long enough not to press an engine that is coming back, short enough for somebody who waits. */
const everyMsDefault = 3_000;
/** Deliveries of one round at the same time. */
const atOnceMax = 8;

export function openInbox({ store, deliver, log, now, everyMs = everyMsDefault }: InboxOptions): Inbox {
  const underWay = new Map<string, Promise<Delivery>>();
  const limit = pLimit(atOnceMax);
  // One for each delivery: Temporal's client leaves a listener on the signal for every request, so that one for all would
  // gather them for as long as the gateway lives.
  const stops = new Set<AbortController>();
  let ending = false;

  /** Joins a delivery of the same statement that is under way. */
  function deliverOnce(id: string, statement: Statement): Promise<Delivery> {
    const known = underWay.get(id);
    if (known !== undefined) return known;
    const started = deliverAndForget(id, statement).finally(() => underWay.delete(id));
    underWay.set(id, started);
    return started;
  }

  async function stoppably(statement: Statement): Promise<Delivery> {
    const stop = new AbortController();
    if (ending) stop.abort();
    stops.add(stop);
    return deliver(statement, stop.signal).finally(() => stops.delete(stop));
  }

  async function deliverAndForget(id: string, statement: Statement): Promise<Delivery> {
    const delivery = await stoppably(statement);
    if (delivery.kind === 'unanswered')
      log.warn(
        {
          run: statement.about.run,
          verb: statement.verb,
          error: delivery.error,
        },
        'no answer from Temporal, will deliver again',
      );
    // A run that was started and has not begun is seen nowhere else: it stays kept until the journal has it.
    else if (delivery.kind !== 'started') await store.delivered(id);
    return delivery;
  }

  async function round(): Promise<void> {
    const waiting = await store.waiting();
    await Promise.all(waiting.map(({ id, message }) => limit(() => again(id, message))));
  }

  async function again(id: string, message: Json): Promise<void> {
    if (ending) return;
    try {
      await deliverOnce(id, readStatement(message));
    } catch (error) {
      log.error({ inbox: id, error }, 'a kept statement could not be delivered, will try again');
    }
  }

  const rounds = repeat(everyMs, () =>
    round().catch((error: unknown) => log.error({ error }, 'the inbox could not be read, will try again')),
  );

  return {
    keep: (statement) =>
      store.receive({
        id: deliveryIdOf(statement),
        receivedAt: new Date(now()).toISOString(),
        message: statement as unknown as Json,
      }),
    deliver: (statement) => deliverOnce(deliveryIdOf(statement), statement),
    settle: (statement) => store.delivered(deliveryIdOf(statement)),
    end: async () => {
      ending = true;
      for (const stop of stops) stop.abort();
      await rounds.end();
      await Promise.allSettled(underWay.values());
    },
  };
}
