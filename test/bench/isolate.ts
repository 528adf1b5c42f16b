/**
 * Isolating hosts by a runbook against a plain loop of SDK calls: the same calls, which are counted, and as many at once. On moto,
 * which takes some milliseconds for a call, and on an EC2 that answers at once, where all that is left is what the engine adds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { sha256 } from '../../journal/digest.js';
import { ec2Of } from '../support/ec2.js';
import { nextWord, startChild, stopChild } from './child.js';
import type { Figure } from './figure.js';
import { type BenchInstallation, startBench } from './installation.js';
import { median } from './median.js';

type Counts = Record<string, number>;

interface Ec2 {
  endpoint?: string;
  /** Instances that nobody has isolated yet. */
  fresh(at: BenchInstallation, count: number): Promise<string[]>;
  /** Calls since it was asked the last time. */
  counts(at: BenchInstallation): Promise<Counts>;
}

interface Compared {
  engineMs: number[];
  loopMs: number[];
  calls: number;
  workers: number;
}

/** Two batches for each worker, so that none begins cold. */
const warmUp = 100;

const what = 'a plain loop of the same SDK calls';

export async function benchIsolate(short: boolean): Promise<Figure[]> {
  const hosts = short ? 50 : 200;
  const { engineMs, loopMs, calls, workers } = await compare(onMoto, hosts, short ? 1 : 3);
  return [
    {
      name: `isolating ${hosts} hosts on moto`,
      ran: whatRan(hosts, { calls, workers }, engineMs.length),
      value: median(engineMs) / 1000,
      unit: 's',
      against: { what, value: median(loopMs) / 1000 },
      target: 1.15,
      noisy: true,
    },
  ];
}

/** Of 200 hosts on each scale: what a run takes once, whatever it does, is shared by all of its targets. */
export async function benchAdded(short: boolean): Promise<Figure[]> {
  const hosts = 200;
  const stub = await startChild('instant-ec2', []);
  const { engineMs, loopMs, calls, workers } = await compare(onStub(stub), hosts, short ? 1 : 7).finally(() =>
    stopChild(stub.child),
  );
  const [ours, loop] = [median(engineMs), median(loopMs)];
  return [
    {
      name: 'added to a host on an EC2 that answers at once',
      ran: `${whatRan(hosts, { calls, workers }, engineMs.length)}; the engine ${ours.toFixed(0)} ms, ${what} ${loop.toFixed(0)} ms`,
      value: (ours - loop) / hosts,
      unit: 'ms',
      target: 2,
      noisy: true,
    },
  ];
}

function whatRan(hosts: number, { calls, workers }: Pick<Compared, 'calls' | 'workers'>, rounds: number): string {
  const times = rounds === 1 ? 'once' : `median of ${rounds}, interleaved`;
  return `${hosts} hosts, ${calls} calls on each side, up to 64 hosts at once, workers: ${workers}; ${times}; without the wait for people`;
}

async function compare(ec2: Ec2, hosts: number, rounds: number): Promise<Compared> {
  const at = await startBench({
    runbooks: { 'isolate.yaml': isolating(Math.max(hosts, warmUp)) },
    ...(ec2.endpoint === undefined ? {} : { awsEndpoint: ec2.endpoint }),
  });
  const loop = await startChild('plain-loop', [ec2.endpoint ?? at.world.aws.url]);
  const result: Compared = { engineMs: [], loopMs: [], calls: 0, workers: at.workers };
  try {
    await isolate(at, await ec2.fresh(at, warmUp));
    await nextWord(loop.child, await ec2.fresh(at, warmUp));
    for (let round = 0; round < rounds; round += 1) {
      const [mine, theirs] = [await ec2.fresh(at, hosts), await ec2.fresh(at, hosts)];
      await ec2.counts(at);
      result.engineMs.push(await isolate(at, mine));
      const calls = await ec2.counts(at);
      result.loopMs.push((await nextWord<{ ms: number }>(loop.child, theirs)).ms);
      refuseOtherCalls(calls, await ec2.counts(at));
      result.calls = Object.values(calls).reduce((sum, count) => sum + count, 0);
    }
    return result;
  } finally {
    await stopChild(loop.child);
    await at.stop();
  }
}

/** A comparison with another amount of work would say nothing. */
function refuseOtherCalls(engine: Counts, loop: Counts): void {
  const actions = new Set([...Object.keys(engine), ...Object.keys(loop)]);
  const differ = [...actions].filter((action) => engine[action] !== loop[action]);
  if (differ.length === 0) return;
  const said = differ.map((action) => `${action} ${engine[action] ?? 0} and ${loop[action] ?? 0}`);
  throw new Error(`the engine and the plain loop did not make the same calls: ${said.join(', ')}`);
}

/** From the command to what it asks, and from the approval to the end: people's time is nobody's. */
async function isolate(at: BenchInstallation, instances: string[]): Promise<number> {
  const launchedMs = Date.now();
  const { run } = await at.say('alice', {
    verb: 'launch',
    runbook: 'isolate',
    inputs: { instances, reason: 'a bench' },
  });
  await at.asking(run, 300_000);
  const approvedMs = Date.now();
  await at.say('bob', { verb: 'approve', run });
  const { state } = (await at.client.workflow.getHandle(run).result()) as { state: string };
  if (state !== 'done') throw new Error(`isolating ended ${state}`);
  const [asked] = await at.events(run, 'gate.asked');
  const [done] = await at.events(run, 'run.done');
  return since(launchedMs, asked) + since(approvedMs, done);
}

function since(ms: number, event: { recordedAt: string } | undefined): number {
  return Date.parse(event?.recordedAt ?? '') - ms;
}

const onMoto: Ec2 = {
  fresh: async ({ world }, count) => {
    const ec2 = ec2Of(world);
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: count, MaxCount: count }),
    );
    ec2.destroy();
    return Instances.map(({ InstanceId = '' }) => InstanceId);
  },
  counts: ({ world }) => {
    const counts = world.aws.shim.calls.counts();
    world.aws.shim.calls.clear();
    return Promise.resolve(counts);
  },
};

function onStub({ child, said }: Awaited<ReturnType<typeof startChild>>): Ec2 {
  let made = 0;
  return {
    endpoint: (said as { url: string }).url,
    fresh: (_at, count) =>
      Promise.resolve(Array.from({ length: count }, () => `i-${sha256(`host ${(made += 1)}`).slice(7, 24)}`)),
    counts: async () => {
      // What is under way at the end of a run, such as the closing of a connection, is no call.
      await sleep(50);
      return nextWord<Counts>(child, {});
    },
  };
}

function isolating(max: number): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: isolate, version: 1, summary: Isolate hosts. }
inputs:
  instances: { type: list, of: aws-instance, max: ${max} }
  reason: { type: string, min: 5 }
gates:
  containment: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
  - id: quarantine
${work('aws.make-quarantine-group@1')}  - id: isolate
${work('aws.isolate-instance@1')}    needs: [quarantine]
`;
}

function work(unit: string): string {
  return `    phase: contain\n    uses: ${unit}\n    for_each: \${{ inputs.instances }}\n    with: { instance: "\${{ item }}" }\n    gate: containment\n`;
}
