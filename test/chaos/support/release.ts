/** The release of what the main job holds, with something going wrong in it, and what must hold all the same. */
import { same } from '../../../core/canonical.js';
import { verifyTimeline } from '../../../journal/verify.js';
import { type Processes, waitFor } from '../../support/processes.js';
import { agree, type Disturbance, nothing } from './disturbances.js';
import { freshHosts, groupsByInterface, ourGroups } from './hosts.js';
import { contain, type Ended } from './main-job.js';

export async function releaseWith(at: Processes, disturbance: Disturbance): Promise<Ended> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  const { run: contained, incident } = await contain(at, hosts, nothing);
  at.world.aws.shim.calls.clear();
  const held = await at.holds(contained);
  const end = disturbance.begin(at);
  const { run } = await at.say('alice', { verb: 'release', of: contained, reason: 'hosts were rebuilt' });
  await at.asking(run);
  await agree(at, run);
  const view = await at.ended(run);
  const struck = await end();
  const calls = at.world.aws.shim.calls.list();

  const broken: string[] = [];
  const must = (holds: boolean, otherwise: string): void => {
    if (!holds) broken.push(otherwise);
  };
  must(view.state === 'done', `the release is ${view.state}: ${JSON.stringify(view.steps)}`);
  must(same(await groupsByInterface(at, hosts), before), 'not every interface has its original groups back');
  must(same(await ourGroups(at, hosts), { quarantine: [], allAccess: [] }), 'groups of ours were left');
  must(held.length > 0, 'nothing was held');
  await waitFor('the gateway to answer', () => at.view(run));
  must((await at.holds(incident)).length === 0, 'something is still held');
  const events = await at.events(run);
  const closed = events.flatMap(({ action, data }) => (action === 'hold.closed' ? [data?.['hold']] : []));
  const each = closed.length === held.length && held.every(({ id }) => closed.includes(id));
  must(each, `of ${held.length} holds were closed ${JSON.stringify(closed)}`);
  for (const { line, message } of verifyTimeline(await at.timeline(incident)).problems)
    broken.push(`the timeline does not verify: line ${line}: ${message}`);
  await at.temporal.workflow.getHandle(`containment-${contained}`).terminate('the next run has other hosts');
  return { name: disturbance.name, run, struck, broken, calls, events };
}
