/** Runbooks whose steps look for their targets, wait for something, run out of time or do not end well. */
import { CreateTagsCommand, DeleteTagsCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { Json } from '../../../core/json.js';
import { ec2Of } from '../ec2.js';
import type { TestInstallation } from '../installation.js';
import { type Flagship, patienceMs, reason, stepAsked, watchEvery } from './play.js';

const head = (name: string, inputs: string): string => `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Keep hosts from being terminated. }
inputs: ${inputs}
`;

/** Both steps that change something name one gate: it asks once, before anything is found for the second. */
const found = `${head('found', '{ first: { type: aws-instance } }')}gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect-first
    phase: recover
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.first }}" }
    gate: change
  - id: find
    phase: investigate
    uses: aws.find-instances@1
    with: { tag: role=web }
  - id: protect-found
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ steps.find.found.filter(x, x.state == "running") }}
    bound: 2
    with: { instance: "\${{ item.instance }}" }
    gate: change
`;

const awaited = `${head('awaited', '{ tag: { type: string } }')}steps:
  - id: wait
    phase: investigate
    uses: aws.find-instances@1
    with: { tag: "\${{ inputs.tag }}" }
    until: \${{ size(found) > 0 }}
    every: 1s
    within: 3s
    on_failure: ask
`;

function failing(name: string, how: string, times = 'within: 8h'): string {
  return `${head(name, '{ hosts: { type: list, of: aws-instance, max: 10 }, reason: { type: string, min: 10 } }')}gates:
  change: { need: 1, from: [security-oncall, platform-leads], ${times} }
steps:
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    gate: change
    on_failure: ${how}
  - id: tell
    phase: close
    manual: { what: Tell everybody., who: [security-oncall] }
`;
}

const runbooks = {
  'found.yaml': found,
  'awaited.yaml': awaited,
  'asks.yaml': failing('asks', 'ask'),
  'hurries.yaml': failing('hurries', 'ask', 'within: 6s, remind: 2s, escalate: { after: 3s, to: [security-leads] }'),
  'undoes.yaml': failing('undoes', 'undo'),
};

export const foundAndFailed: Flagship[] = [
  {
    name: 'found-and-failed',
    options: { watchEvery, runbooks },
    stories: {
      planned,
      'found-within-bound': withinBound,
      'found-too-many': tooMany,
      'waited-for': waitedFor,
      'time-ran-out': timeRanOut,
      retried,
      'taken-back': takenBack,
    },
  },
];

/** These hosts, and no others, carry `role=web`. */
async function tagged(at: TestInstallation, which: string[]): Promise<void> {
  const ec2 = ec2Of(at.world);
  const Tags = [{ Key: 'role', Value: 'web' }];
  await ec2.send(new DeleteTagsCommand({ Resources: at.world.seeded.instances, Tags }));
  if (which.length > 0) await ec2.send(new CreateTagsCommand({ Resources: which, Tags }));
  ec2.destroy();
}

async function planned(at: TestInstallation): Promise<Record<string, string>> {
  const [first = '', second = ''] = at.world.seeded.instances;
  await tagged(at, [second]);
  const { run } = await at.say('alice', { verb: 'plan', runbook: 'found', inputs: { first } });
  await at.ended(run, patienceMs);
  return { run };
}

/** Agreed to once, before anybody knows which hosts are found. */
async function withinBound(at: TestInstallation): Promise<Record<string, string>> {
  const [first = '', second = ''] = at.world.seeded.instances;
  await tagged(at, [second]);
  const run = await agreedTo(at, 'found', { first });
  await at.ended(run, patienceMs);
  return { run, undone: await undo(at, run) };
}

/** More than was agreed to is asked about by itself. */
async function tooMany(at: TestInstallation): Promise<Record<string, string>> {
  const hosts = at.world.seeded.instances;
  await tagged(at, hosts);
  const run = await agreedTo(at, 'found', { first: hosts[0] ?? '' });
  await at.until(run, ({ asks }) => asks.length === 2, patienceMs);
  await at.say('carol', { verb: 'approve', run });
  await at.ended(run, patienceMs);
  return { run, undone: await undo(at, run) };
}

/** Not so within its time; a retry looks for as long again. */
async function waitedFor(at: TestInstallation): Promise<Record<string, string>> {
  await tagged(at, []);
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'awaited', inputs: { tag: 'role=web' } });
  await at.until(run, ({ state }) => state === 'needs a person', patienceMs);
  await tagged(at, at.world.seeded.instances.slice(0, 1));
  await at.say('alice', { verb: 'retry', run });
  await at.ended(run, patienceMs);
  return { run };
}

/** Nobody answers the gate, though they are reminded and others are paged. */
async function timeRanOut(at: TestInstallation): Promise<Record<string, string>> {
  const inputs = { hosts: at.world.seeded.instances.slice(0, 1), reason };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'hurries', inputs });
  await at.until(run, ({ state }) => state === 'needs a person', patienceMs);
  await at.say('alice', { verb: 'cancel', run });
  await at.ended(run, patienceMs);
  return { run };
}

/** What failed is tried again; a longer pause is asked for; in the end the run is cancelled, which asks as well. */
async function retried(at: TestInstallation): Promise<Record<string, string>> {
  const inputs = { hosts: at.world.seeded.instances, reason };
  const denied = { status: 403, code: 'UnauthorizedOperation', message: 'You are not authorized' };
  const mended = at.world.aws.shim.faults.add({
    kind: 'error',
    action: 'ModifyInstanceAttribute',
    ...denied,
    from: 2,
  });
  const run = await agreedTo(at, 'asks', inputs);
  await at.until(run, ({ state }) => state === 'needs a person', patienceMs);
  mended();
  await at.say('alice', { verb: 'retry', run });
  await stepAsked(at, run, 'tell');
  await at.say('alice', { verb: 'pause', run, byMs: 60 * 60_000, reason: 'until the morning' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.until(run, ({ paused }) => paused !== undefined, patienceMs);
  await at.say('alice', { verb: 'resume', run });
  await at.say('alice', { verb: 'cancel', run });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  await at.ended(run, patienceMs);
  return { run, undone: await undo(at, run) };
}

/** One of them is gone, so that what was done to the others is taken back. The last story: a host that is gone stays so. */
async function takenBack(at: TestInstallation): Promise<Record<string, string>> {
  const hosts = at.world.seeded.instances;
  const ec2 = ec2Of(at.world);
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: hosts.slice(-1) }));
  ec2.destroy();
  const run = await agreedTo(at, 'undoes', { hosts, reason });
  await at.ended(run, patienceMs);
  return { run };
}

async function agreedTo(at: TestInstallation, runbook: string, inputs: Record<string, Json>): Promise<string> {
  const { run } = await at.say('alice', { verb: 'launch', runbook, inputs });
  await at.asking(run, patienceMs);
  await at.say('bob', { verb: 'approve', run });
  return run;
}

/** So that the next story begins as this one did; gives the run that did it. */
async function undo(at: TestInstallation, of: string): Promise<string> {
  const { run } = await at.say('alice', { verb: 'undo', run: of, reason: 'the next story' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  const { state } = await at.ended(run, patienceMs);
  if (state !== 'done') throw new Error(`What ${of} did was not taken back: ${state}.`);
  return run;
}
