/** What goes wrong: a process killed at a moment that another run had too, or an answer of AWS that never comes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '../../../core/event.js';
import type { Call } from '../../../sandbox/aws/shim.js';
import type { PartName, Processes } from '../../support/processes.js';

/** Goes wrong once, while a run goes on. */
export interface Disturbance {
  name: string;
  /** Begins to lie in wait; the answer ends that and says whether it struck. */
  begin: (at: Processes) => () => Promise<boolean>;
  /** Whether such a run gives no occasion to strike: how often AWS is asked whether something is there yet is not fixed. */
  hasNoOccasion?: (calls: Call[]) => boolean;
  /** For how long the run may go on, where it is longer than an ordinary one. */
  patienceMs?: number;
  /**
   * A call that outlives its worker may make a group to pass through when everything has passed: the watch takes it away, which
   * `between-swaps.test.ts` shows.
   */
  leavesToTheWatch?: boolean;
  /** Done while the gate asks, before anybody has agreed. */
  atGate?: (at: Processes, run: string) => Promise<void>;
  /** How people agree; otherwise bob in Slack, then carol through the API. */
  agree?: (at: Processes, run: string) => Promise<void>;
}

/** How often the journal is looked at for the moment to strike. */
const glanceMs = 4;

/** The nth event of that kind in a run, by which the same moment of another run is found. */
export function boundariesOf(events: Event[]): string[] {
  const seen = new Map<string, number>();
  return events.map(({ action, step }) => {
    const kind = step === undefined ? action : `${action} of ${step}`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    return `${kind} #${seen.get(kind)}`;
  });
}

/** `DescribeInstances #3`, as `boundariesOf`. */
export function callsOf(calls: Call[]): { action: string; nth: number }[] {
  const seen = new Map<string, number>();
  return calls.map(({ action }) => {
    seen.set(action, (seen.get(action) ?? 0) + 1);
    return { action, nth: seen.get(action) ?? 0 };
  });
}

export const nothing: Disturbance = { name: 'nothing goes wrong', begin: () => async () => true };

/** Killed the moment that event is in the journal. */
export function killAt(boundary: string, part: PartName): Disturbance {
  return {
    name: `${part} killed at ${boundary}`,
    begin: (at) => {
      const over = new AbortController();
      let struck = false;
      const watching = (async () => {
        let from = await endOfJournal(at);
        const events: Event[] = [];
        while (!over.signal.aborted && !struck) {
          const placed = await at.store.follow(from, 500);
          from = placed.at(-1)?.position ?? from;
          events.push(...placed.map(({ event }) => event));
          if (placed.length > 0 && boundariesOf(events).includes(boundary)) {
            await at.kill(part);
            struck = true;
          } else await sleep(glanceMs);
        }
      })();
      return async () => {
        over.abort();
        await watching;
        return struck;
      };
    },
  };
}

/** Longer than it takes to be noticed, and over before a killed worker's work is taken up again. */
const inTheAirMs = 400;

/** Killed while that call to AWS is in the air. AWS gets it in any case; of a killed worker nobody hears the answer. */
export function killInside(
  { action, nth }: { action: string; nth: number },
  part: PartName = 'worker',
  airMs = inTheAirMs,
): Disturbance {
  return {
    name: `${part} killed inside ${action} #${nth}`,
    leavesToTheWatch: airMs > inTheAirMs && action === 'CreateSecurityGroup',
    hasNoOccasion: (calls) => calls.filter((call) => call.action === action).length < nth,
    begin: (at) => {
      const { faults } = at.world.aws.shim;
      const remove = faults.add({ kind: 'latency', ms: airMs, action, nth });
      const over = new AbortController();
      let struck = false;
      const watching = (async () => {
        while (!over.signal.aborted && !struck) {
          if (faults.list().some(({ hits }) => hits > 0)) {
            await at.kill(part);
            struck = true;
          } else await sleep(glanceMs);
        }
      })();
      return async () => {
        over.abort();
        await watching;
        remove();
        return struck;
      };
    },
  };
}

/** Killed again and again, each time in the middle of a call to AWS, as soon as it is back and makes one. */
export function killInsideAgain(times: number, airMs = 250): Disturbance {
  let left = times;
  let watching = Promise.resolve();
  const watch = async (at: Processes): Promise<void> => {
    const { faults } = at.world.aws.shim;
    const remove = faults.add({ kind: 'latency', ms: airMs, action: '*' });
    const hits = (): number => faults.list()[0]?.hits ?? 0;
    for (let seen = 0; left > 0; ) {
      if (hits() > seen) {
        await at.kill('worker');
        left -= 1;
        seen = hits();
      } else await sleep(glanceMs);
    }
    remove();
  };
  return {
    name: `worker killed ${times} times in a row inside its activities`,
    // Each kill may cost ten seconds, which is what the bench holds recovery to.
    patienceMs: 90_000 + times * 10_000,
    begin: () => async () => {
      const struck = left === 0;
      left = 0;
      await watching;
      return struck;
    },
    agree: async (at, run) => {
      watching = watch(at);
      await agree(at, run);
    },
  };
}

/** It took effect, and its answer never came. */
export function dropAnswer({ action, nth }: { action: string; nth: number }): Disturbance {
  return {
    name: `answer to ${action} #${nth} dropped`,
    hasNoOccasion: (calls) => calls.filter((call) => call.action === action).length < nth,
    begin: (at) => {
      const remove = at.world.aws.shim.faults.add({ kind: 'drop-after', action, nth });
      return async () => {
        remove();
        return at.world.aws.shim.calls.list().some(({ fault }) => fault === 'drop-after');
      };
    },
  };
}

/** Bob agrees in Slack, then carol through the API. */
export async function agree(at: Processes, run: string): Promise<void> {
  await at.press('bob', run);
  await at.say('carol', { verb: 'approve', run });
}

async function endOfJournal({ store }: Processes): Promise<number> {
  let from = 0;
  for (;;) {
    const placed = await store.follow(from, 5_000);
    if (placed.length === 0) return from;
    from = placed.at(-1)?.position ?? from;
  }
}
