/** Carries a collecting step through: what it gathers is evidence, and it changes nothing. */

import { noCounts } from '../core/counts.js';
import type { StepFinished } from '../core/event-data.js';
import type { Step } from '../core/runbook.js';
import type { StepResult } from './memory.js';
import { chunks, inParallel } from './parallel.js';
import { asPersonNeed } from './person.js';
import { executor } from './proxies.js';
import { calling, eventOf, record } from './record.js';
import { untilUnpaused } from './requests.js';
import { itemsOf, type RunContext, warrantOf } from './run-context.js';

export async function collect(context: RunContext, step: Step): Promise<StepResult> {
  const { memory } = context;
  if (step.work.kind !== 'collect') throw new Error(`${step.id} collects nothing`);
  const { unit, system } = step.work;
  const items = itemsOf(context, step);
  const batches = chunks(items, step.batch);
  const timeBox = step.bestEffortMs === undefined ? {} : { timeBoxMs: step.bestEffortMs };
  const closes = batches.length === 1;
  let failure: string | undefined;
  const ends = await inParallel(batches, async (batch, index) => {
    try {
      await untilUnpaused(memory);
      const work = {
        run: memory.run,
        step: step.id,
        unit,
        items: batch,
        ...timeBox,
        warrant: warrantOf(context, undefined),
        opens: index === 0,
        closes,
        retry: step.retry,
      };
      return await calling(memory, executor(system, step.timeoutMs).collect(work));
    } catch (error) {
      const need = asPersonNeed(error, step.id);
      // Evidence does not hold up containment: what could not be collected is on the record, and the run goes on.
      if (step.bestEffortMs === undefined) throw need;
      failure = need.needs.why;
      return { collected: 0, failed: batch.length };
    }
  });
  const failed = ends.reduce((sum, each) => sum + each.failed, 0);
  const collected = ends.reduce((sum, each) => sum + each.collected, 0);
  const state = failed === 0 ? 'done' : collected > 0 ? 'partial' : 'failed';
  if (!closes || failure !== undefined) {
    const data: StepFinished = {
      state,
      counts: { collected, failed },
      exceptions:
        failure === undefined ? [] : [{ key: step.id, status: 'failed', code: 'evidence.failed', message: failure }],
    };
    await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: state, data }));
  }
  return { state, counts: noCounts };
}
