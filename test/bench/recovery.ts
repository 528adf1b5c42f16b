/** A worker killed with SIGKILL, its supervisor starting it again at once: how long until the run's next event. Real processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { startProcesses, type Processes } from '../support/processes.js';
import type { Figure } from './figure.js';

/** Enough work for every kill to hit it. */
const hostsPerKill = 3;
/** AWS takes about this long for a call. */
const latencyMs = 250;
/** The rest of the job, once nothing is killed any more. */
const endWithinMs = 600_000;
const secondsMax = { waiting: 5, inside: 10 };

export async function benchRecovery(short: boolean): Promise<Figure[]> {
  const kills = short ? 4 : 20;
  const at = await startProcesses();
  try {
    const waiting = await waitingAtAGate(at, kills);
    const inside = await insideAnActivity(at, kills);
    return [
      figure('recovery, waiting at a gate', waiting, secondsMax.waiting),
      figure('recovery, inside an activity', inside, secondsMax.inside),
    ];
  } finally {
    await at.stop();
  }
}

function figure(name: string, seconds: number[], target: number): Figure {
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return {
    name,
    ran: `worst of ${seconds.length} kills, median ${median.toFixed(2)} s`,
    value: sorted.at(-1) ?? Number.NaN,
    unit: 's',
    target,
    noisy: true,
  };
}

/** Nothing happens at a gate by itself: a note is said at once after the kill, and its counting is the next event. */
async function waitingAtAGate(at: Processes, kills: number): Promise<number[]> {
  const { run } = await at.launch(at.world.seeded.instances);
  await at.asking(run);
  const taken: number[] = [];
  for (let count = 0; count < kills; count += 1) {
    await sleep(1000);
    const before = (await at.events(run)).length;
    const pid = await at.kill('worker');
    const killedMs = performance.now();
    const [seconds] = await Promise.all([
      nextEvent(at, run, before, killedMs),
      at.say('alice', { verb: 'note', run, reason: `kill ${count + 1}` }),
    ]);
    taken.push(seconds);
    await at.serves('worker', pid);
  }
  await at.say('alice', { verb: 'cancel', run });
  await at.ended(run);
  return taken;
}

/** Each AWS answer is late, so that the worker is in the middle of carrying out whenever it is killed. */
async function insideAnActivity(at: Processes, kills: number): Promise<number[]> {
  const { Instances = [] } = await at.ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-12c6146b',
      MinCount: kills * hostsPerKill,
      MaxCount: kills * hostsPerKill,
    }),
  );
  const { run, incident } = await at.launch(Instances.map(({ InstanceId = '' }) => InstanceId));
  await at.asking(run);
  const undo = at.world.aws.shim.faults.add({ action: '*', kind: 'latency', ms: latencyMs });
  await at.say('bob', { verb: 'approve', run });
  await at.say('carol', { verb: 'approve', run });
  const taken: number[] = [];
  while (taken.length < kills) {
    const view = await at.until(
      run,
      ({ state, steps }) => state !== 'asking' && steps.some((step) => step.state === 'running'),
    );
    if (view.endedAt !== undefined)
      throw new Error(`the run ended after ${taken.length} kills; it must be made longer`);
    await sleep(300);
    const before = (await at.events(run)).length;
    const pid = await at.kill('worker');
    taken.push(await nextEvent(at, run, before, performance.now()));
    await at.serves('worker', pid);
  }
  undo();
  const { state } = await at.ended(run, endWithinMs);
  if (state !== 'done') throw new Error(`${run} of ${incident} ended ${state}`);
  return taken;
}

async function nextEvent(at: Processes, run: string, before: number, sinceMs: number): Promise<number> {
  while ((await at.events(run)).length <= before) await sleep(20);
  return (performance.now() - sinceMs) / 1000;
}
