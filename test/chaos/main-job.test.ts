// Real processes killed with SIGKILL, real Temporal, real journal; AWS is the emulator behind the shim, Slack the sandbox's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PartName, parts, type Processes, startProcesses } from '../support/processes.js';
import {
  boundariesOf,
  brokenCards,
  callsOf,
  type Disturbance,
  dropAnswer,
  type Ended,
  killAt,
  killInside,
  nothing,
  runWith,
} from './support/main-job.js';
import { sample, scaleOf, seedOf } from './support/scale.js';
import { tell } from './support/tell.js';

const scale = scaleOf();
const seed = seedOf();
const fullMs = 2 * 60 * 60_000;

let at: Processes;
let reference: Ended;
const all: Ended[] = [];
let dropped = 0;

beforeAll(async () => {
  at = await startProcesses();
  reference = await runWith(at, nothing);
  expect(reference.broken).toEqual([]);
  tell(`undisturbed, the main job has ${reference.events.length} events and ${reference.calls.length} calls to AWS`);
}, 5 * 60_000);

afterAll(() => at.stop());

async function holdThrough(disturbances: Disturbance[]): Promise<void> {
  const startedMs = Date.now();
  const killsBefore = at.kills.length;
  const ended: Ended[] = [];
  for (const disturbance of disturbances) {
    const one = await runWith(at, disturbance).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return { name: disturbance.name, run: '', struck: false, broken: [why], calls: [], events: [] } satisfies Ended;
    });
    at.world.aws.shim.faults.clear();
    ended.push(one);
    tell(
      `${one.name}: ${one.broken.length === 0 ? 'holds' : one.broken.join('; ')}${one.struck ? '' : ' (did not strike)'}`,
    );
  }
  all.push(...ended);
  dropped += ended.filter(({ calls }) => calls.some(({ fault }) => fault === 'drop-after')).length;
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  tell(`${ended.length} runs, ${at.kills.length - killsBefore} kills, ${seconds} s (${scale}, seed ${seed})`);
  expect(ended.filter(({ broken }) => broken.length > 0).map(({ name, broken }) => ({ name, broken }))).toEqual([]);
  expect(ended.filter(({ struck }) => !struck).map(({ name }) => name)).toEqual([]);
}

/** The named ones always, and so many of the others as the scale allows. */
function pick<T>(list: T[], always: T[], more: number): T[] {
  if (scale === 'full') return list;
  const others = list.filter((each) => !always.includes(each));
  const picked = new Set([...always, ...sample(others, more, seed)]);
  return list.filter((each) => picked.has(each));
}

test.each(parts)(
  'the %s is killed at each step boundary, and the run completes with everything made once',
  async (part: PartName) => {
    const boundaries = boundariesOf(reference.events);
    const always = boundaries.filter(
      (each) => each === 'gate.asked #1' || (part === 'worker' && each === 'hold.intended of isolate #1'),
    );
    expect(always.length).toBeGreaterThan(0);
    await holdThrough(pick(boundaries, always, 1).map((boundary) => killAt(boundary, part)));
  },
  fullMs,
);

test(
  'the worker is killed inside each call to AWS, and the run completes with everything made once',
  async () => {
    const calls = callsOf(reference.calls);
    const always = calls.filter(({ action, nth }) => action === 'ModifyNetworkInterfaceAttribute' && nth === 4);
    expect(always.length).toBe(1);
    await holdThrough(pick(calls, always, 1).map((call) => killInside(call)));
  },
  fullMs,
);

test(
  'the answer to each call to AWS is dropped after it took effect, and the run completes with everything made once',
  async () => {
    const calls = callsOf(reference.calls);
    const named = ['CreateSecurityGroup', 'ModifyNetworkInterfaceAttribute', 'CreateSnapshots'];
    const always = calls.filter(({ action, nth }) => named.includes(action) && nth === 1);
    expect(always.length).toBe(named.length);
    await holdThrough(pick(calls, always, 2).map((call) => dropAnswer(call)));
  },
  fullMs,
);

test(
  'after all kills each run has one status card and one approval card, and both are current',
  async () => {
    const broken: string[] = [];
    for (const { run } of [reference, ...all.filter((each) => each.run !== '')])
      broken.push(...(await brokenCards(at, run)));
    const killed = parts.map((part) => `${at.kills.filter((each) => each.part === part).length} ${part}`).join(', ');
    tell(
      `in all ${all.length + 1} runs of the main job, ${at.kills.length} kills (${killed}), ${dropped} dropped answers`,
    );
    expect(broken).toEqual([]);
    for (const part of parts) expect(at.kills.filter((each) => each.part === part).length).toBeGreaterThan(0);
    expect(dropped).toBeGreaterThan(0);
  },
  fullMs,
);
