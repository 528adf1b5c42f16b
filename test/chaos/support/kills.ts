/** A schedule of kills: which process dies when, drawn from a seed; some while a call to AWS is in the air. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartName, parts, Processes } from '../../support/processes.js';
import { drawFrom } from './scale.js';

type Kind = (typeof parts)[number];

export interface Killed {
  /** Kills that hit a living process, by part. */
  by: Record<Kind, number>;
  /** Of those of the workers, how many while an executor waited for AWS. */
  inside: number;
}

/** Long enough that a call can be met in the air, short enough that runs go on. */
const airMs = 150;
const killsMax = 5;
/** How long a call in the air is waited for; where none comes, the worker is killed all the same. */
const occasionMs = 2_000;

/** Kills until it is told to stop, which waits for the last kill. There are two workers. */
export function killBySchedule(at: Processes, seed: number): () => Promise<Killed> {
  const draw = drawFrom(seed);
  const { faults } = at.world.aws.shim;
  const remove = faults.add({ kind: 'latency', ms: airMs, action: '*' });
  const over = new AbortController();
  const killed: Killed = { by: { worker: 0, gateway: 0, temporal: 0 }, inside: 0 };
  const killing = (async () => {
    for (let left = killsMax; left > 0 && !over.signal.aborted; left -= 1) {
      await sleep(200 + draw() * 2_500);
      const kind: Kind = draw() < 0.6 ? 'worker' : draw() < 0.5 ? 'gateway' : 'temporal';
      const one = draw() < 0.5 ? 'worker' : 'worker-2';
      const inside = kind === 'worker' && (await callInTheAir(at, over.signal));
      if (over.signal.aborted) return;
      // Whose call it is cannot be seen, so both die; else the other one goes on.
      const dying: PartName[] = inside ? ['worker', 'worker-2'] : [kind === 'worker' ? one : kind];
      await Promise.all(dying.map((part) => at.kill(part)));
      killed.by[kind] += dying.length;
      if (inside) killed.inside += 1;
    }
  })();
  return async () => {
    over.abort();
    await killing;
    remove();
    return killed;
  };
}

async function callInTheAir({ world }: Processes, over: AbortSignal): Promise<boolean> {
  const hits = (): number => world.aws.shim.faults.list().reduce((sum, fault) => sum + fault.hits, 0);
  const before = hits();
  const until = Date.now() + occasionMs;
  while (!over.aborted && Date.now() < until) {
    if (hits() > before) return true;
    await sleep(4);
  }
  return false;
}
