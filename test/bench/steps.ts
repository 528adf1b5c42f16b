/** A step of a runbook against an activity of a workflow written by hand: the same call of a millisecond, the same server. */
import type { Client } from '@temporalio/client';
import { startChild, stopChild } from './child.js';
import type { Figure } from './figure.js';
import { type BenchInstallation, startBench } from './installation.js';
import { median } from './median.js';
import { callMs } from './simulated.js';

const queue = 'bench-plain';

export async function benchSteps(short: boolean): Promise<Figure[]> {
  const steps = short ? 11 : 41;
  const rounds = short ? 3 : 7;
  const at = await startBench({
    runbooks: { 'one.yaml': looking('look-once', 1), 'many.yaml': looking('look-often', steps) },
  });
  const { child } = await startChild('plain-worker', [
    at.temporal.connectionOptions.address,
    at.temporal.namespace,
    queue,
  ]);
  try {
    const engine: Measured[] = [];
    const plain: Measured[] = [];
    // The first round warms both up.
    for (let round = 0; round <= rounds; round += 1) {
      const pair = [await engineStep(at, steps), await plainStep(at.client, steps)] as const;
      if (round === 0) continue;
      engine.push(pair[0]);
      plain.push(pair[1]);
    }
    const ran = `${steps} steps one after the other less a run of one step, each a call of ${callMs} ms; median of ${rounds} rounds, interleaved`;
    const what = 'a hand-written workflow with one activity a step';
    const [ours, theirs] = [engine, plain].map((list) => median(list.map(({ ms }) => ms)));
    const [events, fewest] = [engine, plain].map((list) => median(list.map(({ events: count }) => count)));
    return [
      {
        name: 'sequential step',
        ran: `${ran}; each step journals its start, its evidence and its end`,
        value: ours ?? Number.NaN,
        unit: 'ms',
        against: { what, value: theirs ?? Number.NaN },
        target: 1.3,
        noisy: true,
      },
      {
        name: 'events a sequential step',
        ran: `${ran}; the hand-written one has ${fewest?.toFixed(1)}`,
        value: events ?? Number.NaN,
        unit: 'events',
        target: 8,
        noisy: false,
      },
    ];
  } finally {
    await stopChild(child);
    await at.stop();
  }
}

/** For one more step. */
interface Measured {
  ms: number;
  events: number;
}

async function engineStep(at: BenchInstallation, steps: number): Promise<Measured> {
  const [one, many] = [await engineRun(at, 'look-once'), await engineRun(at, 'look-often')];
  return { ms: (many.ms - one.ms) / (steps - 1), events: (many.events - one.events) / (steps - 1) };
}

async function plainStep(client: Client, steps: number): Promise<Measured> {
  const [one, many] = [await plainRun(client, 1), await plainRun(client, steps)];
  return { ms: (many.ms - one.ms) / (steps - 1), events: (many.events - one.events) / (steps - 1) };
}

async function engineRun(at: BenchInstallation, runbook: string): Promise<Measured> {
  const inputs = { target: 'thing-1', reason: 'a bench' };
  const { run } = await at.say('alice', { verb: 'launch', runbook, inputs });
  const result = (await at.client.workflow.getHandle(run).result()) as { state: string };
  if (result.state !== 'done') throw new Error(`${runbook} ended ${result.state}`);
  return took(at.client, run);
}

async function plainRun(client: Client, steps: number): Promise<Measured> {
  const workflowId = `plain-${performance.now()}`;
  await client.workflow.execute('plain', { workflowId, taskQueue: queue, args: [steps] });
  return took(client, workflowId);
}

/** By the server's own clock, from its start to its end. */
async function took(client: Client, workflowId: string): Promise<Measured> {
  const { startTime, closeTime, historyLength } = await client.workflow.getHandle(workflowId).describe();
  if (closeTime === undefined) throw new Error(`${workflowId} has not ended`);
  return { ms: closeTime.getTime() - startTime.getTime(), events: historyLength };
}

function looking(name: string, count: number): string {
  const steps = Array.from(
    { length: count },
    (_, index) =>
      `  - id: look-${index + 1}\n    phase: investigate\n    uses: simulated.look-at-thing@1\n    with: { target: "\${{ inputs.target }}" }\n`,
  );
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: ${name}, version: 1, summary: Look again and again. }
inputs:
  target: { type: string }
  reason: { type: string, min: 5 }
steps:
${steps.join('')}`;
}
