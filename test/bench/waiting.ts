/** Runs that wait for people: what each takes of the worker's memory, and how soon any of very many hears what is said to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Figure } from './figure.js';
import { type BenchInstallation, startBench } from './installation.js';

/** Launches under way at once. */
const atOnce = 16;
const withinMs = 120_000;
const restMs = 30_000;

export async function benchWaiting(short: boolean): Promise<Figure[]> {
  return [await cachedRuns(short ? 200 : 400), ...(await manyRuns(short ? 150 : 2_000, short ? 50 : 200))];
}

async function cachedRuns(count: number): Promise<Figure> {
  const cached = count + 100;
  const at = await startBench({ runbooks: { 'wait.yaml': waiting() }, workers: 1, cachedRuns: cached });
  try {
    // What the first runs need once is nobody's share.
    await launch(at, 60);
    const before = await atRest(at);
    await launch(at, count);
    const after = await atRest(at);
    return {
      name: 'memory of a waiting run',
      ran: `${count} more runs waiting at a gate, all of them among the ${cached} that the one worker keeps; the whole process, at rest, grew from ${before.toFixed(0)} to ${after.toFixed(0)} MB`,
      value: ((after - before) * 1024) / count,
      unit: 'KB',
      target: 350,
      noisy: true,
    };
  } finally {
    await at.stop();
  }
}

/** Runs wait for hours: what launching them left behind has been collected by then, which V8 does once little happens. */
async function atRest({ memory }: BenchInstallation): Promise<number> {
  await sleep(restMs);
  return memory.now();
}

async function manyRuns(count: number, cached: number): Promise<Figure[]> {
  const at = await startBench({ runbooks: { 'wait.yaml': waiting() }, workers: 1, cachedRuns: cached });
  try {
    const runs = await launch(at, count);
    // From the first, which the worker has long forgotten, to the last.
    const asked = Array.from({ length: 20 }, (_, index) => runs[Math.floor((index * (runs.length - 1)) / 19)] ?? '');
    const seconds: number[] = [];
    for (const run of asked) {
      const startedMs = performance.now();
      await at.say('alice', { verb: 'note', run, reason: 'still waiting' });
      seconds.push((performance.now() - startedMs) / 1000);
    }
    const ran = `${count} runs waiting at a gate, ${cached} of them kept in memory by the one worker`;
    return [
      {
        name: 'worker with many waiting runs: memory',
        ran: `${ran}; the most that the process had`,
        value: at.memory.most(),
        unit: 'MB',
        target: 700,
        noisy: false,
      },
      {
        name: 'a word to one of many waiting runs',
        ran: `${ran}; worst of ${asked.length} of them, from saying it to its ruling`,
        value: Math.max(...seconds),
        unit: 's',
        target: 2,
        noisy: true,
      },
    ];
  } finally {
    await at.stop();
  }
}

/** Launches so many, and waits until all of them wait. */
async function launch(at: BenchInstallation, count: number): Promise<string[]> {
  const limit = pLimit(atOnce);
  const runs = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      limit(async () => {
        const inputs = { target: `thing-${index}`, reason: 'a bench' };
        const { run } = await at.say('alice', { verb: 'launch', runbook: 'wait', inputs });
        await at.asking(run, withinMs);
        return run;
      }),
    ),
  );
  return runs;
}

function waiting(): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: wait, version: 1, summary: Wait for people. }
inputs:
  target: { type: string }
  reason: { type: string, min: 5 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads], within: 24h }
steps:
  - id: lock
    phase: contain
    uses: simulated.lock-thing@1
    with: { target: "\${{ inputs.target }}" }
    gate: change
`;
}
