/** A list of disturbances, one after the other, and what came of all of them. */
import { expect } from 'vitest';
import type { Processes } from '../../support/processes.js';
import type { Disturbance } from './disturbances.js';
import type { Ended } from './main-job.js';
import { partOf, sample, scaleOf, seedOf } from './scale.js';
import { tell } from './tell.js';

const scale = scaleOf();
const seed = seedOf();
const part = partOf();

/** This part's share of all cases; on the short scale the named ones always, and so many of the others. */
export function pick<T>(list: T[], always: T[], more: number): T[] {
  if (scale === 'full') return list.filter((_, index) => index % part.of === part.nth - 1);
  const others = list.filter((each) => !always.includes(each));
  const picked = new Set([...always, ...sample(others, more, seed)]);
  return list.filter((each) => picked.has(each));
}

/** Fails with every promise that was broken, and when something did not go wrong that should have. */
export async function holdThrough(
  at: Processes,
  disturbances: Disturbance[],
  runWith: (at: Processes, disturbance: Disturbance) => Promise<Ended>,
): Promise<Ended[]> {
  const startedMs = Date.now();
  const killsBefore = at.kills.length;
  const ended: Ended[] = [];
  const missed: string[] = [];
  for (const disturbance of disturbances) {
    const one = await runWith(at, disturbance).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return { name: disturbance.name, run: '', struck: false, broken: [why], calls: [], events: [] } satisfies Ended;
    });
    at.world.aws.shim.faults.clear();
    ended.push(one);
    const says = one.broken.length === 0 ? 'holds' : one.broken.join('; ');
    const hadNone = !one.struck && one.calls.length > 0 && disturbance.hasNoOccasion?.(one.calls) === true;
    if (!one.struck && !hadNone) missed.push(one.name);
    tell(`${one.name}: ${says}${one.struck ? '' : hadNone ? ' (had no occasion to)' : ' (did not)'}`);
  }
  const kills = at.kills.length - killsBefore;
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  tell(
    `${ended.length} runs, ${kills} kills, ${droppedIn(ended)} dropped answers, ${seconds} s (${scale}, part ${part.nth}/${part.of}, seed ${seed})`,
  );
  const failed = ended.filter(({ broken }) => broken.length > 0);
  expect(failed.map(({ name, broken }) => ({ name, broken }))).toEqual([]);
  expect(missed).toEqual([]);
  return ended;
}

export function droppedIn(ended: Ended[]): number {
  return ended.filter(({ calls }) => calls.some(({ fault }) => fault === 'drop-after')).length;
}
