// Schedules of SIGKILL, drawn from a seed, to real processes, two workers among them, while people play four runbooks: all kinds of steps, all verbs.
// Real Temporal, real journal; AWS is the emulator behind the shim, people speak through the gateway's API.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parts, type Processes, startProcesses } from '../support/processes.js';
import { type Flow, flows, runbooks } from './support/flows.js';
import { type Killed, killBySchedule } from './support/kills.js';
import { partOf, scaleOf, seedOf } from './support/scale.js';
import { tell } from './support/tell.js';

const limitMs = 4 * 60 * 60_000;
/** 25 schedules of each flow on the full scale; one on the short one. */
const schedulesOfEach = scaleOf() === 'full' ? 25 : 1;
const seed = seedOf();
const part = partOf();

let at: Processes;

beforeAll(async () => {
  at = await startProcesses({ runbooks, workers: 2 });
}, 5 * 60_000);

afterAll(() => at.stop());

async function play(flow: Flow, of: number): Promise<{ broken: string[]; killed: Killed }> {
  const stop = killBySchedule(at, of);
  const broken = await flow
    .play(at)
    .catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
  return { broken, killed: await stop() };
}

test.each(flows)('undisturbed: $name', { timeout: limitMs }, async (flow) => {
  expect(await flow.play(at)).toEqual([]);
});

test(
  'whatever dies, nothing is lost, nothing is done twice, nothing is stuck',
  async () => {
    const schedules = flows.flatMap((flow, kind) =>
      Array.from({ length: schedulesOfEach }, (_, nth) => ({ flow, of: seed + nth * flows.length + kind })),
    );
    const mine = schedules.filter((_, index) => index % part.of === part.nth - 1);
    const failed: string[] = [];
    const sum = { worker: 0, gateway: 0, temporal: 0, inside: 0 };
    for (const { flow, of } of mine) {
      const { broken, killed } = await play(flow, of);
      for (const name of parts) sum[name] += killed.by[name];
      sum.inside += killed.inside;
      const says = broken.length === 0 ? 'holds' : broken.join('; ');
      tell(`${flow.name}, seed ${of}, ${JSON.stringify({ ...killed.by, inside: killed.inside })}: ${says}`);
      failed.push(...broken.map((each) => `${flow.name}, seed ${of}: ${each}`));
    }
    tell(`${mine.length} schedules (part ${part.nth}/${part.of}, seed ${seed}), kills: ${JSON.stringify(sum)}`);
    expect(failed).toEqual([]);
    for (const name of parts) expect(sum[name], `kills of the ${name}`).toBeGreaterThan(0);
    expect(sum.inside, 'kills while an executor waited for AWS').toBeGreaterThan(0);
  },
  limitMs,
);
