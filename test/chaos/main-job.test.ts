// Real processes killed with SIGKILL, real Temporal, real journal; AWS is the emulator behind the shim, Slack the sandbox's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PartName, parts, type Processes, startProcesses } from '../support/processes.js';
import { brokenCards } from './support/cards.js';
import { boundariesOf, callsOf, dropAnswer, killAt, killInside, nothing } from './support/disturbances.js';
import { droppedIn, holdThrough, pick } from './support/hold-through.js';
import { type Ended, runWith } from './support/main-job.js';
import { tell } from './support/tell.js';

const limitMs = 2 * 60 * 60_000;
/** Longer than a killed worker's work takes to be taken up again, shorter than what is created may stay invisible. */
const lateMs = 6_000;

let at: Processes;
let reference: Ended;
const all: Ended[] = [];

beforeAll(async () => {
  at = await startProcesses();
}, 5 * 60_000);

afterAll(() => at.stop());

test(
  'undisturbed, everything is made once',
  async () => {
    reference = await runWith(at, nothing);
    expect(reference.broken).toEqual([]);
    tell(`undisturbed, the main job has ${reference.events.length} events and ${reference.calls.length} calls to AWS`);
  },
  limitMs,
);

test.each(parts)(
  'the %s is killed at each step boundary, and the run completes with everything made once',
  async (part: PartName) => {
    const boundaries = boundariesOf(reference.events);
    const named = ['gate.asked #1', ...(part === 'worker' ? ['hold.intended of isolate #1'] : [])];
    const always = boundaries.filter((each) => named.includes(each));
    expect(always.length).toBe(named.length);
    const cases = pick(boundaries, always, part === 'worker' ? 1 : 0).map((boundary) => killAt(boundary, part));
    all.push(...(await holdThrough(at, cases, runWith)));
  },
  limitMs,
);

test.each(parts)(
  'the %s is killed inside each call to AWS, and the run completes with everything made once',
  async (part: PartName) => {
    const calls = callsOf(reference.calls);
    const always = calls.filter(({ action, nth }) => action === 'ModifyNetworkInterfaceAttribute' && nth === 4);
    expect(always.length).toBe(1);
    const cases = pick(calls, always, part === 'worker' ? 1 : 0).map((call) => killInside(call, part));
    all.push(...(await holdThrough(at, cases, runWith)));
  },
  limitMs,
);

test(
  'the worker is killed inside each call that changes AWS, which lands only when the run has gone on, and everything is made once',
  async () => {
    const changing = callsOf(reference.calls).filter(({ action }) => !/^(Describe|Get)/.test(action));
    const always = changing.filter(({ action, nth }) => action === 'CreateSnapshots' && nth === 1);
    expect(always.length).toBe(1);
    const cases = pick(changing, always, 0).map((call) => killInside(call, 'worker', lateMs));
    all.push(...(await holdThrough(at, cases, runWith)));
  },
  limitMs,
);

test(
  'the answer to each call to AWS is dropped after it took effect, and the run completes with everything made once',
  async () => {
    const calls = callsOf(reference.calls);
    const named = ['CreateSecurityGroup', 'ModifyNetworkInterfaceAttribute', 'CreateSnapshots'];
    const always = calls.filter(({ action, nth }) => named.includes(action) && nth === 1);
    expect(always.length).toBe(named.length);
    const cases = pick(calls, always, 1).map((call) => dropAnswer(call));
    all.push(...(await holdThrough(at, cases, runWith)));
  },
  limitMs,
);

test(
  'after all kills each run has one status card and one approval card, and both are current',
  async () => {
    const broken: string[] = [];
    for (const { run } of [reference, ...all]) broken.push(...(await brokenCards(at, run)));
    const killed = parts.map((part) => `${at.kills.filter((each) => each.part === part).length} ${part}`).join(', ');
    const dropped = droppedIn(all);
    tell(`in all ${all.length + 1} main jobs, ${at.kills.length} kills (${killed}), ${dropped} dropped answers`);
    expect(broken).toEqual([]);
    for (const part of parts) expect(at.kills.filter((each) => each.part === part).length).toBeGreaterThan(0);
    expect(dropped).toBeGreaterThan(0);
  },
  limitMs,
);
