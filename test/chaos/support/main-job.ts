/** The main job with something going wrong in it, and what must hold all the same. */
import { canonical, same } from '../../../core/canonical.js';
import type { Event } from '../../../core/event.js';
import { verifyTimeline } from '../../../journal/verify.js';
import type { Call } from '../../../sandbox/aws/shim.js';
import { type Processes, waitFor } from '../../support/processes.js';
import { agree, type Disturbance } from './disturbances.js';
import { freshHosts, groupsByInterface, type Hosts, ourGroups, snapshotCounts } from './hosts.js';

export interface Ended {
  name: string;
  run: string;
  struck: boolean;
  /** Promises that were broken; empty is good. */
  broken: string[];
  calls: Call[];
  events: Event[];
}

/** One run of the main job with hosts of its own. */
export async function runWith(at: Processes, disturbance: Disturbance): Promise<Ended> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  at.world.aws.shim.calls.clear();
  const end = disturbance.begin(at);
  const { run, incident } = await contain(at, hosts, disturbance);
  const struck = await end();
  const calls = at.world.aws.shim.calls.list();
  const broken = await brokenPromises(at, hosts, disturbance, { run, incident, before });
  // Its hosts are gone with the next run; nobody shall look for them an hour from now.
  await at.temporal.workflow.getHandle(`containment-${run}`).terminate('the next run has other hosts');
  return { name: disturbance.name, run, struck, broken, calls, events: await at.events(run) };
}

/** Alice asks, others agree, and it ends. */
export async function contain(
  at: Processes,
  { instances }: Hosts,
  disturbance: Disturbance,
): Promise<{ run: string; incident: string }> {
  const launched = await at.launch(instances);
  await at.asking(launched.run);
  await disturbance.atGate?.(at, launched.run);
  await (disturbance.agree ?? agree)(at, launched.run);
  await at.ended(launched.run, disturbance.patienceMs);
  return launched;
}

/** What does not hold after the run, in sentences. */
async function brokenPromises(
  at: Processes,
  hosts: Hosts,
  { leavesToTheWatch = false }: Disturbance,
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
  must(groups.allAccess.length === 0 || leavesToTheWatch, `${groups.allAccess.length} all-access groups were left`);
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
  const once = (what: string, list: Event[]): void => {
    const sides = new Set(list.map(({ target, data }) => canonical([target, data?.['aspect']])));
    must(sides.size === list.length, `${what} is in the journal more than once`);
  };
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
  once('a hold of one side of a target', of('hold.intended'));
  once('a change', of('change.settled'));
  await waitFor('the inbox to be empty', async () => ((await at.store.waiting()).length === 0 ? true : undefined));
  const verified = verifyTimeline(await at.timeline(incident));
  for (const { line, message } of verified.problems)
    broken.push(`the timeline does not verify: line ${line}: ${message}`);
  must(verified.events >= events.length, 'the exported timeline lacks events');
  return broken;
}
