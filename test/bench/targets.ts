/**
 * Thousands of simulated targets in one plain run: what the engine adds to the calls themselves, its memory, and how far what
 * Temporal is given stays from its limits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import pLimit from 'p-limit';
import { sha256 } from '../../journal/digest.js';
import type { Figure } from './figure.js';
import { startBench } from './installation.js';
import { callMs } from './simulated.js';

/** From here on the server writes warnings; it refuses at 2 MB. */
const payloadKbMax = 256;
/** From here on it suggests to continue as new; it ends a run at 51,200. */
const historyMax = 4_096;
const withinMs = 15 * 60_000;

export async function benchTargets(short: boolean): Promise<Figure[]> {
  const count = short ? 1_000 : 10_000;
  const targets = Array.from({ length: count }, (_, index) => `i-${sha256(String(index)).slice(7, 24)}`);
  const at = await startBench({ runbooks: { 'many.yaml': locking(count) } });
  try {
    const inputs = { targets, reason: 'a bench' };
    const launchedMs = Date.now();
    const { run } = await at.say('alice', { verb: 'launch', runbook: 'many', inputs });
    await at.asking(run, withinMs);
    const approvedMs = Date.now();
    await at.say('bob', { verb: 'approve', run });
    const { state } = (await at.client.workflow.getHandle(run).result()) as { state: string };
    const settled = await at.events(run, 'change.settled');
    const good = settled.filter(({ outcome }) => outcome === 'applied').length;
    if (state !== 'done' || good !== count) throw new Error(`the run ended ${state}, with ${good} of ${count} locked`);
    const [asked] = await at.events(run, 'gate.asked');
    const [done] = await at.events(run, 'run.done');
    const tookMs = Date.parse(asked?.recordedAt ?? '') - launchedMs + Date.parse(done?.recordedAt ?? '') - approvedMs;
    const loopMs = await loop(targets);
    const { events, kb } = await historyOf(at.client, run);
    const ran = `${count} targets, five calls of ${callMs} ms each, 64 targets at once, workers: ${at.workers}`;
    return [
      {
        name: 'added to a simulated target',
        ran: `${ran}; the run ${tookMs} ms without the wait for people, the calls alone ${loopMs.toFixed(0)} ms`,
        value: (tookMs - loopMs) / count,
        unit: 'ms',
        target: 1.5,
        noisy: true,
      },
      {
        name: 'worker over many targets: memory',
        ran: `${ran}; the most that either had`,
        value: at.memory.most(),
        unit: 'MB',
        target: 500,
        noisy: false,
      },
      { name: 'history of many targets', ran, value: events, unit: 'events', target: historyMax, noisy: false },
      {
        name: 'largest payload of many targets',
        ran: `${ran}; of all that lies in the history, and the server refuses 2048 KB`,
        value: kb,
        unit: 'KB',
        target: payloadKbMax,
        noisy: false,
      },
    ];
  } finally {
    await at.stop();
  }
}

/** The calls of the same run and nothing else: each target read for the plan, eight at once, and then read, written, read back and read again. */
async function loop(targets: string[]): Promise<number> {
  const startedMs = performance.now();
  const planning = pLimit(8);
  await Promise.all(targets.map(() => planning(() => sleep(callMs))));
  const settling = pLimit(64);
  await Promise.all(
    targets.map(() =>
      settling(async () => {
        for (let call = 0; call < 4; call += 1) await sleep(callMs);
      }),
    ),
  );
  return performance.now() - startedMs;
}

async function historyOf(client: Client, run: string): Promise<{ events: number; kb: number }> {
  const { events } = await client.workflow.getHandle(run).fetchHistory();
  const bytes = (events ?? []).flatMap((event) => payloadsIn(event));
  return { events: events?.length ?? 0, kb: Math.max(...bytes) / 1024 };
}

/** Sizes of the payloads in it, wherever they stand. */
function payloadsIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('data' in value && value.data instanceof Uint8Array) return [value.data.byteLength];
  return Object.values(value).flatMap(payloadsIn);
}

function locking(max: number): string {
  return `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: many, version: 1, summary: Lock many things. }
inputs:
  targets: { type: list, of: aws-instance, max: ${max} }
  reason: { type: string, min: 5 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
  - id: lock
    phase: contain
    uses: simulated.lock-thing@1
    for_each: \${{ inputs.targets }}
    with: { target: "\${{ item }}" }
    gate: change
`;
}
