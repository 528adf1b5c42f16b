/** Carries a changing step through: agreed to, carried out in batches, asked again for what lay outside, taken back on request. */
import type { CarryOutInput } from '../activities/contract.js';
import { addCounts, type Counts, noCounts, stateOf } from '../core/counts.js';
import type { StepFinished } from '../core/event-data.js';
import type { Json } from '../core/json.js';
import type { Step } from '../core/runbook.js';
import { agree, agreeOn } from './agreeing.js';
import { watchOver } from './containing.js';
import type { Planned, StepResult } from './memory.js';
import { chunks, inParallel } from './parallel.js';
import { NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling, eventOf, record } from './record.js';
import { untilUnpaused } from './requests.js';
import { askOf, type RunContext, warrantOf } from './run-context.js';

/** Rounds in which a step may ask for what lay outside what was approved; then a person must look. */
const roundsMax = 5;

export async function change(context: RunContext, step: Step): Promise<StepResult> {
  const { memory } = context;
  let planned = await agree(context, step);
  let counts = noCounts;
  for (let round = 1; ; round += 1) {
    const ended = await carryOut(context, step, planned);
    // What lay outside before was settled in this round, or lies outside still.
    counts = addCounts({ ...counts, outside: 0 }, ended.counts);
    if (ended.outside.length === 0 || round >= roundsMax) break;
    planned = await agreeOn(context, step, ended.outside);
  }
  const state = stateOf(counts);
  if (state !== 'done' && step.onFailure === 'undo') await undo(context, step, planned);
  if (state !== 'done' && step.onFailure === 'ask') {
    const next = '`retry` plans it anew and settles what is left; `cancel` ends the run and keeps what is in force.';
    throw new NeedsPerson(
      { code: 'step.incomplete', why: `Step "${step.id}" ended ${state}: ${sumUp(counts)}.`, next, step: step.id },
      true,
    );
  }
  delete memory.planned[step.id];
  return { state, counts };
}

/** A step that asked for it is taken back when it fails; it stays failed, and the run stops there. */
async function undo({ memory, input }: RunContext, step: Step, { plan, ask }: Planned): Promise<void> {
  const warrant = warrantOf(input, askOf(memory, ask));
  const counts = await calling(
    memory,
    executor(plan.system, step.timeoutMs).takeBack({ run: memory.run, step: step.id, warrant, retry: step.retry }),
  );
  const data: StepFinished = {
    state: 'failed',
    counts: { 'taken back': counts.applied, 'not taken back': counts.failed + counts.moved },
    exceptions: [],
  };
  await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: 'failed', data }));
}

function sumUp(counts: Counts): string {
  const said = Object.entries(counts).filter(([, count]) => count > 0);
  return said.length === 0
    ? 'there was nothing to do, which is not success'
    : said.map(([what, count]) => `${count} ${what}`).join(', ');
}

async function carryOut(
  context: RunContext,
  step: Step,
  { plan, ask }: Planned,
): Promise<{ counts: Counts; outside: Json[] }> {
  const { memory, input } = context;
  const warrant = warrantOf(input, askOf(memory, ask));
  if (step.phase === 'contain') await watchOver(context, step, plan, warrant);
  memory.wrote = true;
  const size = step.work.kind === 'exchange' ? Math.max(plan.items, 1) : step.batch;
  const ranges = chunks([...Array(plan.items).keys()], size).map((indexes) => ({
    from: indexes[0] ?? 0,
    to: (indexes.at(-1) ?? -1) + 1,
  }));
  const batches = ranges.length === 0 ? [{ from: 0, to: 0 }] : ranges;
  const closes = batches.length === 1;
  const base: Omit<CarryOutInput, 'from' | 'to' | 'opens'> = {
    run: memory.run,
    step: step.id,
    plan,
    warrant,
    closes,
    retry: step.retry,
  };
  const ends = await inParallel(batches, async (range, index) => {
    await untilUnpaused(memory);
    return calling(memory, executor(plan.system, step.timeoutMs).carryOut({ ...base, ...range, opens: index === 0 }));
  });
  const counts = ends.reduce((sum, each) => addCounts(sum, each.counts), noCounts);
  if (!closes) {
    const data: StepFinished = {
      state: stateOf(counts),
      counts: { ...counts },
      exceptions: ends.flatMap((each) => each.exceptions).slice(0, 10),
    };
    await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: data.state, data }));
  }
  return { counts, outside: ends.flatMap((each) => each.outside) };
}
