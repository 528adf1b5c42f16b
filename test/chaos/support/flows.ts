/**
 * Four runbooks that between them use every kind of step, and people who say every verb there is. Each flow plays one of them to its end
 * and tells what does not hold then.
 */
import {
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DescribeInstanceAttributeCommand,
  DescribeNetworkInterfacesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { canonical, same } from '../../../core/canonical.js';
import type { Json } from '../../../core/json.js';
import type { RunView } from '../../../core/run-view.js';
import type { Prepare } from '../../../gateway/api.js';
import { verifyTimeline } from '../../../journal/verify.js';
import { type Processes, waitFor } from '../../support/processes.js';
import { freshHosts, groupsByInterface, type Hosts, ourGroups } from './hosts.js';

const head = (name: string): string => `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Something to be killed in. }
`;

/** Checks, what is awaited, a bound, a decision, a runbook within the runbook. */
const searching = `${head('searching')}inputs:
  host: { type: aws-instance }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect-first
    phase: recover
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.host }}" }
    gate: change
  - id: find
    phase: investigate
    uses: aws.find-instances@1
    with: { tag: role=web }
    until: \${{ size(found) == 2 }}
    every: 1s
    within: 2m
    needs: []
  - id: found
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ steps.find.found }}
    bound: 2
    with: { instance: "\${{ item.instance }}" }
    needs: [find, protect-first]
    gate: change
  - id: copy
    phase: investigate
    decide:
      what: Are their disks copied?
      who: [security-oncall]
      choices: { yes: They are., no: They are not. }
  - id: copies
    runbook: copying
    if: \${{ steps.copy.choice == "yes" }}
    with: { host: "\${{ inputs.host }}" }
  - id: tell
    phase: close
    manual: { what: Tell everybody., who: [security-oncall], evidence: Whom. }
`;

const copying = `${head('copying')}inputs:
  host: { type: aws-instance }
gates:
  copies: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: snapshot
    phase: investigate
    uses: aws.snapshot-instance@1
    with: { instance: "\${{ inputs.host }}" }
    gate: copies
  - id: complete
    phase: investigate
    uses: aws.check-snapshots@1
    with: { instance: "\${{ inputs.host }}" }
    until: \${{ size(found) > 0 && found.all(s, s.complete) }}
    every: 1s
    within: 2m
`;

/** One of three hosts is gone: what fails is tried again and then left out. */
const ramping = `${head('ramping')}inputs:
  hosts: { type: list, of: aws-instance, max: 10 }
gates:
  change: { need: 2, from: [security-oncall, platform-leads] }
steps:
  - id: call
    phase: investigate
    manual: { what: Call the owner., who: [platform-leads] }
  - id: tolerant
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    ramp: [1, 50%]
    tolerate: 1
    gate: change
  - id: strict
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    on_failure: ask
    gate: change
`;

export const runbooks = {
  'searching.yaml': searching,
  'copying.yaml': copying,
  'ramping.yaml': ramping,
};

export interface Flow {
  name: string;
  /** Returns what does not hold. */
  play: (at: Processes) => Promise<string[]>;
}

export const flows: Flow[] = [
  { name: 'contain, amend, hand over, release', play: containAndAmend },
  { name: 'search, decide, confirm, pause, undo', play: search },
  { name: 'ramp, fail, retry, skip', play: ramp },
  { name: 'adopt, cancel, release', play: adoptAndCancel },
];

const patienceMs = 3 * 60_000;

async function containAndAmend(at: Processes): Promise<string[]> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  const [first = '', second = ''] = hosts.instances;
  const { run, incident } = await at.launch([first]);
  await at.say('alice', { verb: 'note', run, reason: 'the owner knows' });
  await at.say('alice', { verb: 'hand-over', run, to: 'carol', reason: 'end of shift' });
  const amend = { verb: 'launch', runbook: 'aws-host-compromise', incident, amends: run } as const;
  const added = await at.say('alice', { ...amend, inputs: { instances: [second] } });
  for (const each of [run, added.run]) await agreed(at, each, ['bob', 'carol'], 'containment');
  const ended = [await at.ended(run, patienceMs), await at.ended(added.run, patienceMs)];
  const held = await groupsByInterface(at, hosts);
  const { quarantine } = await ourGroups(at, hosts);
  const release = await at.say('alice', { verb: 'release', of: run, reason: 'hosts were rebuilt' });
  await agreed(at, release.run, ['bob', 'carol']);
  const released = await at.ended(release.run, patienceMs);
  const broken = [
    ...ended.filter(({ state }) => state !== 'done').map(told),
    ...unless(ended[0]?.owner === 'carol', 'the run is not carol’s'),
    ...unless(quarantine.length === 1, `there are ${quarantine.length} quarantine groups`),
    ...unless(
      Object.values(held).every((group) => group === quarantine[0]),
      'not every interface was isolated',
    ),
    ...unless(released.state === 'done', told(released)),
    ...unless(same(await groupsByInterface(at, hosts), before), 'not every interface has its original groups back'),
    ...(await sound(at, incident)),
  ];
  await over(at, [run, added.run]);
  return broken;
}

async function search(at: Processes): Promise<string[]> {
  const hosts = await freshHosts(at);
  const [first = ''] = hosts.instances;
  const { run, incident } = await at.say('alice', launchOf('searching', { host: first }));
  await at.say('alice', { verb: 'extend', run, byMs: 60_000 }).catch(refused('extend.nothing-asks'));
  await agreed(at, run, ['bob']);
  const Tags = [{ Key: 'role', Value: 'web' }];
  await at.ec2.send(new CreateTagsCommand({ Resources: hosts.instances, Tags }));
  await waits(at, run, 'copy');
  await at.say('alice', { verb: 'pause', run, byMs: 5 * 60_000 });
  await at.say('bob', { verb: 'choose', run, step: 'copy', choice: 'yes' });
  await at.say('carol', { verb: 'resume', run });
  await agreed(at, run, ['carol'], 'copies.copies');
  await waits(at, run, 'tell');
  await at.say('bob', { verb: 'confirm', run, step: 'tell', reason: 'alice, by phone' });
  const view = await at.ended(run, patienceMs);
  const protectedNow = await protectedAmong(at, hosts.instances);
  const undo = await at.say('alice', { verb: 'undo', run, reason: 'a drill' });
  await agreed(at, undo.run, ['bob']);
  const undone = await at.ended(undo.run, patienceMs);
  return [
    ...unless(view.state === 'done' && view.steps.every(({ state }) => state === 'done'), told(view)),
    ...unless(view.asks.length === 2, `it asked ${view.asks.length} times`),
    ...unless(same(protectedNow, hosts.instances), `protected were ${protectedNow.join(', ')}`),
    ...unless(undone.state === 'done', told(undone)),
    ...unless((await protectedAmong(at, hosts.instances)).length === 0, 'something is still protected'),
    ...(await sound(at, incident)),
  ];
}

async function ramp(at: Processes): Promise<string[]> {
  const hosts = await freshHosts(at);
  const [good = '', gone = ''] = hosts.instances;
  await at.ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
  const { run, incident } = await at.say('alice', launchOf('ramping', { hosts: [good, gone] }));
  await waits(at, run, 'call');
  await at.say('alice', { verb: 'skip', run, step: 'call', reason: 'nobody answers' });
  await agreed(at, run, ['carol'], 'skip-call');
  await agreed(at, run, ['bob'], 'change');
  await at.say('bob', { verb: 'withdraw', run });
  await at.say('bob', { verb: 'deny', run, reason: 'not before the owner knows' });
  await needsAPerson(at, run, 1);
  await at.say('alice', { verb: 'retry', run });
  await agreed(at, run, ['bob', 'carol'], 'change');
  await needsAPerson(at, run, 2);
  await at.say('alice', { verb: 'retry', run });
  await needsAPerson(at, run, 3);
  await at.say('alice', { verb: 'skip', run, step: 'strict', reason: 'it is gone' });
  await agreed(at, run, ['bob'], 'change');
  const view = await at.ended(run, patienceMs);
  return [
    ...unless(view.state === 'failed', told(view)),
    ...unless(
      same(
        view.steps.map(({ state }) => state),
        ['skipped', 'partial', 'skipped'],
      ),
      told(view),
    ),
    ...unless(same(await protectedAmong(at, [good]), [good]), 'the good host is not protected'),
    ...(await sound(at, incident)),
  ];
}

/** Isolated by hand into a group of somebody's own, taken over, cancelled in the middle, and released. */
async function adoptAndCancel(at: Processes): Promise<string[]> {
  const hosts = await freshHosts(at);
  const before = await groupsByInterface(at, hosts);
  const [, host = ''] = hosts.instances;
  const [eni = ''] = await enisOf(at, host);
  const own = await ownGroup(at, hosts);
  await at.ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [own] }));
  const launch = launchOf('aws-host-compromise', { instances: [host], reason: 'isolated by hand' });
  const { run, incident } = await at.say('alice', {
    ...launch,
    adopt: { step: 'isolate', was: { [eni]: hosts.original } },
  });
  await agreed(at, run, ['bob', 'carol']);
  await at.until(run, ({ steps }) => steps.some(({ id, state }) => id === 'isolate' && state === 'done'), patienceMs);
  await at.say('alice', { verb: 'cancel', run, reason: 'the wrong one' }).catch(refused('run.ended', 'cancel.asked'));
  // It may have ended before anybody could agree.
  const view = await at.until(
    run,
    ({ endedAt, asks }) => endedAt !== undefined || asks.some(({ allows }) => allows === 'cancel'),
  );
  if (view.endedAt === undefined)
    await at.say('bob', { verb: 'approve', run }).catch(refused('gate.not-asking', 'run.ended'));
  await at.ended(run, patienceMs);
  const { quarantine } = await ourGroups(at, hosts);
  const isolated = quarantine.includes((await groupsByInterface(at, hosts))[eni] ?? '');
  const release = await at.say('alice', { verb: 'release', of: run, reason: 'a drill' });
  await agreed(at, release.run, ['bob', 'carol']);
  const released = await at.ended(release.run, patienceMs);
  const broken = [
    ...unless(isolated, 'it was not isolated'),
    ...unless(released.state === 'done', told(released)),
    ...unless(same(await groupsByInterface(at, hosts), before), 'the interface has not its original groups back'),
    ...(await sound(at, incident)),
  ];
  await over(at, [run]);
  return broken;
}

function launchOf(runbook: string, inputs: Record<string, Json>): Extract<Prepare, { verb: 'launch' | 'plan' }> {
  return { verb: 'launch', runbook, inputs, again: true };
}

/** These people agree to what asks in the run, at that gate or at the only one. */
async function agreed(at: Processes, run: string, people: string[], gate?: string): Promise<void> {
  const view = await at.until(
    run,
    ({ asks }) => asks.some(({ about, state }) => state === 'asking' && (gate === undefined || about.gate === gate)),
    patienceMs,
  );
  const ask = view.asks.find(({ about, state }) => state === 'asking' && (gate === undefined || about.gate === gate));
  for (const person of people) await at.say(person, { verb: 'approve', run, gate: ask?.id ?? '' });
}

/** Kills make it chance whether a word still comes in time; that it is too late is an answer, too. */
function refused(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes((error as { code?: string }).code ?? '')) throw error;
  };
}

/** It has come to wait for a person so many times. */
async function needsAPerson(at: Processes, run: string, times: number): Promise<void> {
  await waitFor(
    `${run} to need a person`,
    async () => {
      const needs = (await at.events(run)).filter(({ action }) => action === 'run.needs-a-person');
      return needs.length >= times ? true : undefined;
    },
    patienceMs,
  );
}

async function waits(at: Processes, run: string, step: string): Promise<void> {
  await at.until(run, ({ tasks }) => tasks.some((task) => task.step === step), patienceMs);
}

function unless(holds: boolean, otherwise: string): string[] {
  return holds ? [] : [otherwise];
}

function told({ run, state, says, steps, needs }: RunView): string {
  return `${run} is ${state} (${says ?? needs?.why ?? ''}): ${steps.map((step) => `${step.id} ${step.state}`).join(', ')}`;
}

/** The timeline verifies, no side of a target was held twice by a run, every word was delivered, and every run has ended. */
async function sound(at: Processes, incident: string): Promise<string[]> {
  await waitFor('the inbox to be empty', async () => ((await at.store.waiting()).length === 0 ? true : undefined));
  const verified = verifyTimeline(await at.timeline(incident));
  const events = await at.store.events({ chain: incident });
  const sides = events.flatMap(({ action, run, target, data }) =>
    action === 'hold.intended' ? [canonical([run, target, data?.['aspect']])] : [],
  );
  const launched = new Set(events.filter(({ action }) => action === 'run.launched').map(({ run }) => run));
  const ended = events.filter(({ action }) => /^run\.(done|failed|cancelled)$/.test(action)).map(({ run }) => run);
  return [
    ...verified.problems.map(({ line, message }) => `the timeline does not verify: line ${line}: ${message}`),
    ...unless(new Set(sides).size === sides.length, 'a side of a target was held twice by one run'),
    ...unless(ended.length === launched.size && new Set(ended).size === ended.length, 'not every run has one end'),
    ...unless((await at.holds(incident)).length === 0, 'something is still held'),
  ];
}

/** Their hosts are gone with the next flow; nobody shall look for them an hour from now. */
async function over(at: Processes, runs: string[]): Promise<void> {
  for (const run of runs)
    await at.temporal.workflow
      .getHandle(`containment-${run}`)
      .terminate('the next flow has other hosts')
      .catch(() => undefined);
}

async function protectedAmong({ ec2 }: Processes, instances: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const InstanceId of instances) {
    const query = new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'disableApiTermination' });
    if ((await ec2.send(query)).DisableApiTermination?.Value === true) found.push(InstanceId);
  }
  return found;
}

async function enisOf({ ec2 }: Processes, instance: string): Promise<string[]> {
  const Filters = [{ Name: 'attachment.instance-id', Values: [instance] }];
  const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
  return NetworkInterfaces.map(({ NetworkInterfaceId = '' }) => NetworkInterfaceId);
}

async function ownGroup({ ec2 }: Processes, { vpc }: Hosts): Promise<string> {
  const group = { GroupName: 'by-hand', Description: 'A quarantine of our own', VpcId: vpc };
  return (await ec2.send(new CreateSecurityGroupCommand(group))).GroupId ?? '';
}
