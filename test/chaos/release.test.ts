// What is held must come back as it was, whatever dies while it is given back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PartName, parts, type Processes, startProcesses } from '../support/processes.js';
import { brokenCards } from './support/cards.js';
import { boundariesOf, callsOf, dropAnswer, killAt, killInside, nothing } from './support/disturbances.js';
import { holdThrough, pick } from './support/hold-through.js';
import type { Ended } from './support/main-job.js';
import { releaseWith } from './support/release.js';

const limitMs = 2 * 60 * 60_000;

let at: Processes;
let reference: Ended;
const all: Ended[] = [];

beforeAll(async () => {
  at = await startProcesses();
}, 5 * 60_000);

afterAll(() => at.stop());

test(
  'undisturbed, every original is back',
  async () => {
    reference = await releaseWith(at, nothing);
    expect(reference.broken).toEqual([]);
  },
  limitMs,
);

test(
  'the worker is killed at each boundary of a release, and every original is back',
  async () => {
    const boundaries = boundariesOf(reference.events);
    const always = boundaries.filter((each) => /^hold.releasing .*#3$/.test(each));
    expect(always.length).toBe(1);
    const cases = pick(boundaries, always, 0).map((boundary) => killAt(boundary, 'worker'));
    all.push(...(await holdThrough(at, cases, releaseWith)));
  },
  limitMs,
);

test.each(parts)(
  'the %s is killed inside each call to AWS, and every original is back',
  async (part: PartName) => {
    const calls = callsOf(reference.calls);
    const always = calls.filter(({ action, nth }) => action === 'ModifyNetworkInterfaceAttribute' && nth === 2);
    expect(always.length).toBe(1);
    const cases = pick(calls, always, 0).map((call) => killInside(call, part));
    all.push(...(await holdThrough(at, cases, releaseWith)));
  },
  limitMs,
);

test(
  'the answer to each call to AWS is dropped after it took effect, and every original is back',
  async () => {
    const calls = callsOf(reference.calls);
    const always = calls.filter(({ action, nth }) => action === 'DeleteSecurityGroup' && nth === 1);
    expect(always.length).toBe(1);
    all.push(...(await holdThrough(at, pick(calls, always, 0).map(dropAnswer), releaseWith)));
  },
  limitMs,
);

test(
  'each release has one of each card, and all are current',
  async () => {
    const broken: string[] = [];
    for (const { run } of [reference, ...all]) broken.push(...(await brokenCards(at, run)));
    expect(broken).toEqual([]);
  },
  limitMs,
);
