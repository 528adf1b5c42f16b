/** The main job with something going wrong in it, and what must hold all the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { same } from '../../../core/canonical.js';
import type { Event } from '../../../core/event.js';
import { verifyTimeline } from '../../../journal/verify.js';
import type { Call } from '../../../sandbox/aws/shim.js';
import { type PartName, type Processes, waitFor } from '../../support/processes.js';
import { freshHosts, groupsByInterface, type Hosts, ourGroups, snapshotCounts } from './hosts.js';

/** Goes wrong once, while a run goes on. */
export interface Disturbance {
  name: string;
  /** Begins to lie in wait; the answer ends that and says whether it struck. */
  begin: (at: Processes) => () => Promise<boolean>;
  /** Done while the gate asks, before anybody has agreed. */
  atGate?: (at: Processes, run: string) => Promise<void>;
  /** How people agree; otherwise bob in Slack, then carol through the API. */
  agree?: (at: Processes, run: string) => Promise<void>;
}

export interface Ended {
  name: string;
  run: string;
  struck: boolean;
  /** Promises that were broken; empty is good. */
  broken: string[];
  calls: Call[];
  events: Event[];
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
      let looking = true;
      let struck = false;
      const watching = (async () => {
        let from = await endOfJournal(at);
        const events: Event[] = [];
        while (looking && !struck) {
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
        looking = false;
        await watching;
        return struck;
      };
    },
  };
}

/** Killed while that call to AWS is in the air: AWS gets it in any case, and nobody hears the answer. */
export function killInside({ action, nth }: { action: string; nth: number }, airMs = 400): Disturbance {
  return {
    name: `worker killed inside ${action} #${nth}`,
    begin: (at) => {
      const { faults } = at.world.aws.shim;
      const remove = faults.add({ kind: 'latency', ms: airMs, action, nth });
      let looking = true;
      let struck = false;
      const watching = (async () => {
        while (looking && !struck) {
          if (faults.list().some(({ hits }) => hits > 0)) {
            await at.kill('worker');
            struck = true;
          } else await sleep(glanceMs);
        }
      })();
      return async () => {
        looking = false;
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
    begin: (at) => {
      const remove = at.world.aws.shim.faults.add({ kind: 'drop-after', action, nth });
      return async () => {
        remove();
        return at.world.aws.shim.calls.list().some(({ fault }) => fault === 'drop-after');
      };
    },
  };
}

/** One run of the main job with hosts of its own. */
export async function runWith(at: Processes, disturbance: Disturbance): Promise<Ended> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  at.world.aws.shim.calls.clear();
  const end = disturbance.begin(at);
  const { run, incident } = await at.launch(hosts.instances);
  await at.asking(run);
  await disturbance.atGate?.(at, run);
  await (disturbance.agree ?? agree)(at, run);
  await at.ended(run);
  const struck = await end();
  const calls = at.world.aws.shim.calls.list();
  const broken = await brokenPromises(at, hosts, { run, incident, before });
  // Its hosts are gone with the next run; nobody shall look for them an hour from now.
  await at.temporal.workflow.getHandle(`containment-${run}`).terminate('the next run has other hosts');
  return { name: disturbance.name, run, struck, broken, calls, events: await at.events(run) };
}

async function agree(at: Processes, run: string): Promise<void> {
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

/** What does not hold after the run, in sentences. */
async function brokenPromises(
  at: Processes,
  hosts: Hosts,
  { run, incident, before }: { run: string; incident: string; before: Record<string, string> },
): Promise<string[]> {
  const broken: string[] = [];
  const must = (holds: boolean, otherwise: string): void => {
    if (!holds) broken.push(otherwise);
  };
  const result = await at.temporal.workflow.getHandle(run).result();
  must(same(result, { state: 'done' }), `the run ended ${JSON.stringify(result)}`);
  const view = await waitFor('the gateway to answer', () => at.view(run));
  must(view.state === 'done', `the journal says that the run is ${view.state}`);
  for (const step of view.steps)
    must(step.state === 'done', `step ${step.id} is ${step.state}: ${JSON.stringify(step.exceptions)}`);

  const groups = await ourGroups(at, hosts);
  must(groups.quarantine.length === 1, `there are ${groups.quarantine.length} quarantine groups`);
  must(groups.allAccess.length === 0, `${groups.allAccess.length} all-access groups were left`);
  const now = await groupsByInterface(at, hosts);
  must(same(Object.keys(now).toSorted(), Object.keys(before).toSorted()), 'there are other interfaces than before');
  for (const [id, held] of Object.entries(now))
    must(held === groups.quarantine[0], `${id} is in ${held}, not in the quarantine group`);
  const snapshots = await snapshotCounts(at, hosts, incident);
  for (const [volume, count] of Object.entries(snapshots)) must(count === 1, `${volume} has ${count} snapshots`);

  const holds = await at.holds(run);
  for (const hold of holds) must(hold.state === 'in force', `${hold.target.id} is ${hold.state}`);
  const isolated = holds.filter(({ aspect }) => aspect === 'groups');
  must(isolated.length === Object.keys(before).length, `${isolated.length} interfaces are held`);
  for (const hold of isolated)
    must(
      same(hold.before, { groups: [hosts.original] }),
      `${hold.target.id} would get back ${JSON.stringify(hold.before)}`,
    );
  const containment = await at.temporal.workflow.getHandle(`containment-${run}`).describe();
  must(containment.status.name === 'RUNNING', `the containment is ${containment.status.name}`);

  const events = await at.events(run);
  const once = (what: string, list: (string | undefined)[]): void =>
    must(new Set(list).size === list.length, `${what} is in the journal more than once`);
  const of = (action: Event['action']): Event[] => events.filter((event) => event.action === action);
  for (const action of ['run.launched', 'gate.asked', 'gate.passed', 'containment.started', 'run.done'] as const)
    must(of(action).length === 1, `${action} is in the journal ${of(action).length} times`);
  must(
    same(
      of('statement.counted')
        .map(({ actor }) => actor)
        .toSorted(),
      ['bob', 'carol'],
    ),
    'not each word counted once',
  );
  once(
    'a hold of one side of a target',
    of('hold.intended').map(({ target, data }) => `${target?.id} ${data?.['aspect']}`),
  );
  once(
    'a change',
    of('change.settled').map(({ target, data }) => `${target?.id} ${data?.['aspect']}`),
  );
  await waitFor('the inbox to be empty', async () => ((await at.store.waiting()).length === 0 ? true : undefined));
  const verified = verifyTimeline(await at.timeline(incident));
  for (const { line, message } of verified.problems)
    broken.push(`the timeline does not verify: line ${line}: ${message}`);
  must(verified.events >= events.length, 'the exported timeline lacks events');
  return broken;
}

/** What does not hold about the cards of a run, once Slack has had time to take the last ones. */
export async function brokenCards(at: Processes, run: string): Promise<string[]> {
  const view = await waitFor('the gateway to answer', () => at.view(run));
  const keys = [`status:${run}`, ...view.asks.map(({ id }) => `ask:${id}`)];
  const texts = [`${view.runbook}: ${view.state}`, ...view.asks.map(() => `Approved: ${view.runbook}`)];
  const current = (): boolean =>
    keys.every(
      (key, at_) =>
        at
          .cards(key)[0]
          ?.versions.at(-1)
          ?.text.includes(texts[at_] ?? '') === true,
    );
  await waitFor('the cards to be current', async () => (current() ? true : undefined), 60_000).catch(() => undefined);
  return keys.flatMap((key, at_) => {
    const cards = at.cards(key);
    const text = cards[0]?.versions.at(-1)?.text;
    if (cards.length !== 1) return [`${run}: ${cards.length} messages are the card ${key}`];
    return text?.includes(texts[at_] ?? '') === true ? [] : [`${run}: the card ${key} says "${text}"`];
  });
}
