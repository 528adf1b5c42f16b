// An interface left in the group that allows everything, by a run that never comes back: real processes, one kill, no resume.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hold } from '../../core/hold.js';
import { built } from '../../worker/project.js';
import { type Processes, startProcesses, waitFor } from '../support/processes.js';
import { freshHosts, groupsByInterface, type Hosts, ourGroups } from './support/hosts.js';
import { tell } from './support/tell.js';

const limitMs = 5 * 60_000;
/** Every 2 s it is looked at, but not before 15 s, in which a living executor may still be in the middle of it; on a busy machine. */
const finishedForwardMs = 40_000;

let at: Processes;
let people: string;

beforeAll(async () => {
  at = await startProcesses({ watchEvery: '2s', people: withDave });
  people = readFileSync(at.workspace.people, 'utf8');
}, 5 * 60_000);

afterAll(() => at.stop());

/** With one person more, every gate can still be met when somebody is revoked. */
function withDave(text: string): string {
  return text
    .replace(/^( {2}responders:\n)/m, '$1    - dave\n')
    .replace(/^( {2}security-oncall:\n)/m, '$1    - dave\n')
    .replace(/^( {2}security-leads:\n)/m, '$1    - dave\n');
}

interface Cut {
  hosts: Hosts;
  before: Record<string, string>;
  run: string;
  incident: string;
  /** Interfaces that were between the two swaps when the worker was killed. */
  open: string[];
}

/**
 * Runs until every interface is either before its first swap or before its second, one at least before its second, and kills
 * the worker there. `first` is done in the same moment, before the run can be taken up again.
 */
async function cutBetweenSwaps(first: (run: string) => Promise<void>): Promise<Cut> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  const { faults, calls } = at.world.aws.shim;
  calls.clear();
  const { run, incident } = await at.launch(hosts.instances);
  await at.asking(run);
  // From the second swap on calls stay in the air, and die there without effect, as if nobody had made them.
  faults.add({ kind: 'latency', ms: 5_000, action: 'ModifyNetworkInterfaceAttribute', from: 2 });
  faults.add({ kind: 'drop-before', action: 'ModifyNetworkInterfaceAttribute', from: 2 });
  await at.say('bob', { verb: 'approve', run });
  await at.say('carol', { verb: 'approve', run });
  await waitFor('three swaps to be in the air', async () => ((faults.list()[0]?.hits ?? 0) >= 3 ? true : undefined));
  await first(run);
  await at.kill('worker');
  faults.clear();
  const { allAccess } = await ourGroups(at, hosts);
  const open = Object.entries(await groupsByInterface(at, hosts)).flatMap(([id, group]) =>
    allAccess.includes(group) ? [id] : [],
  );
  return { hosts, before, run, incident, open };
}

async function isUnknownMeanwhile({ run, open }: Cut): Promise<void> {
  expect(open.length).toBe(1);
  const held = (await at.holds(run)).filter(({ aspect }) => aspect === 'groups');
  const hold = held.find(({ target }) => target.id === open[0]);
  expect(hold?.state).toBe('intended');
  const { stdout } = await promisify(execFile)(process.execPath, [built('cli', 'main.js'), 'holds', run], {
    env: { ...process.env, FIREBREAK_WORKSPACE: at.workspace.root, NO_COLOR: '1', COLUMNS: '400' },
  });
  const line = stdout.split('\n').find((each) => each.includes(open[0] ?? '') && each.includes('groups'));
  expect(line).toContain(`unknown since ${hold?.intendedAt}`);
  const status = await at.world.slack.user('U0CAROL').slash(`status ${run}`);
  const shown = await status.next(10_000);
  expect(JSON.stringify(shown.blocks)).toMatch(new RegExp(`${open[0]}#groups[^•]* unknown since`));
}

async function isFinishedForward({ hosts, run }: Cut): Promise<void> {
  const startedMs = Date.now();
  let last: object = {};
  await waitFor(
    () => `the intended holds to be finished forward, while there is ${JSON.stringify(last)}`,
    async () => {
      const { quarantine, allAccess } = await ourGroups(at, hosts);
      const now = Object.values(await groupsByInterface(at, hosts));
      const held = await at.holds(run);
      last = { now, quarantine, allAccess, held: held.map(({ target, aspect, state }) => [target.id, aspect, state]) };
      const finished = now.every((group) => group === quarantine[0]) && held.every(({ state }) => state === 'in force');
      return finished && allAccess.length === 0 ? true : undefined;
    },
    finishedForwardMs,
  );
  tell(`finished forward by the watch ${Math.round((Date.now() - startedMs) / 1000)} s later`);
}

async function isReleased({ hosts, before, run, incident }: Cut, others: [string, string]): Promise<void> {
  const held: Hold[] = await at.holds(run);
  expect(held.filter(({ aspect }) => aspect === 'groups').map((hold) => hold.before)).toEqual(
    Object.values(before).map(() => ({ groups: [hosts.original] })),
  );
  const release = await at.say('alice', { verb: 'release', of: run, reason: 'hosts were rebuilt' });
  await at.asking(release.run);
  for (const other of others) await at.say(other, { verb: 'approve', run: release.run });
  const ended = await at.ended(release.run);
  expect(ended.state, JSON.stringify(ended.steps)).toBe('done');
  expect(await groupsByInterface(at, hosts)).toEqual(before);
  expect(await ourGroups(at, hosts)).toEqual({ quarantine: [], allAccess: [] });
  expect(await at.holds(incident)).toEqual([]);
}

test(
  'killed between the two swaps and ended straight at Temporal: the hold is unknown, then finished forward, and release gives the originals',
  async () => {
    const cut = await cutBetweenSwaps(async (run) => {
      await at.temporal.workflow.getHandle(run).terminate('somebody with a hand on Temporal');
    });
    await isUnknownMeanwhile(cut);
    await isFinishedForward(cut);
    await isReleased(cut, ['bob', 'carol']);
    expect(at.kills.map(({ part }) => part)).toEqual(['worker']);
  },
  limitMs,
);

test(
  'killed between the two swaps, an approver revoked and the run cancelled: the hold is unknown, then finished forward, and release gives the originals',
  async () => {
    const cut = await cutBetweenSwaps(async () => {
      writeFileSync(
        at.workspace.people,
        people.replace(/^( {2}bob:\n)/m, `$1    revoked: ${new Date().toISOString()}\n`),
      );
    });
    await isUnknownMeanwhile(cut);
    const waiting = await at.until(cut.run, ({ state }) => state === 'needs a person');
    expect(waiting.needs?.code).toBe('person.revoked');
    await at.say('alice', { verb: 'cancel', run: cut.run, reason: 'it does not go on' });
    await at.until(cut.run, ({ asks }) => asks.some(({ allows, state }) => allows === 'cancel' && state === 'asking'));
    await at.say('carol', { verb: 'approve', run: cut.run });
    expect((await at.ended(cut.run)).state).toBe('cancelled');
    await isFinishedForward(cut);
    await isReleased(cut, ['carol', 'dave']);
    expect(at.kills.map(({ part }) => part)).toEqual(['worker', 'worker']);
  },
  limitMs,
);

test(
  'AWS so slow that nothing is held at the first looks of the watch: what is held later is watched all the same',
  async () => {
    const hosts = await freshHosts(at);
    const { faults } = at.world.aws.shim;
    const { run } = await at.launch(hosts.instances);
    await at.asking(run);
    await at.until(run, ({ steps }) => steps.some(({ id, state }) => id === 'collect' && state === 'done'));
    faults.add({ kind: 'latency', ms: 6_500, action: '*', count: 20 });
    await at.say('carol', { verb: 'approve', run });
    await at.say('dave', { verb: 'approve', run });
    expect((await at.ended(run)).state).toBe('done');
    faults.clear();
    const [flipped = ''] = Object.keys(await groupsByInterface(at, hosts));
    await at.ec2.send(
      new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: flipped, Groups: [hosts.original] }),
    );
    const back = await waitFor('the flipped interface to be put back', async () => {
      const { quarantine } = await ourGroups(at, hosts);
      const now = (await groupsByInterface(at, hosts))[flipped];
      return now === quarantine[0] ? now : undefined;
    });
    expect(back).not.toBe(hosts.original);
  },
  limitMs,
);

test(
  'the worker killed while a group to pass through is being made, which is there only when everything has passed: the watch takes it away',
  async () => {
    const hosts = await freshHosts(at);
    const { faults } = at.world.aws.shim;
    const { run } = await at.launch(hosts.instances);
    await at.asking(run);
    // The first is the quarantine group, the others are to pass through. Longer in the air than the run takes to its end.
    faults.add({ kind: 'latency', ms: 25_000, action: 'CreateSecurityGroup', nth: 3 });
    await at.say('carol', { verb: 'approve', run });
    await at.say('dave', { verb: 'approve', run });
    await waitFor('the making to be in the air', async () => ((faults.list()[0]?.hits ?? 0) > 0 ? true : undefined));
    await at.kill('worker');
    const ended = await at.ended(run);
    expect(ended.state, JSON.stringify(ended.steps)).toBe('done');
    expect((await ourGroups(at, hosts)).allAccess).toEqual([]);
    const many = async (): Promise<number> => (await ourGroups(at, hosts)).allAccess.length;
    await waitFor('the late group to be there', async () => ((await many()) === 1 ? true : undefined));
    await waitFor('the late group to be taken away', async () => ((await many()) === 0 ? true : undefined));
    faults.clear();
    const { quarantine } = await ourGroups(at, hosts);
    expect(new Set(Object.values(await groupsByInterface(at, hosts)))).toEqual(new Set(quarantine));
    // The watch puts a hold in force again only when it has read back what it did.
    await waitFor('every hold to be in force', async () =>
      (await at.holds(run)).every(({ state }) => state === 'in force') ? true : undefined,
    );
  },
  limitMs,
);
