/** Carries a changing step through: agreed to, carried out in stages of batches, asked again for what lay outside, taken back on request. */
import { CancellationScope } from '@temporalio/workflow';
import type { BatchResult, CarryOutInput } from '../activities/contract.js';
import { addCounts, type Counts, noCounts, stateOf } from '../core/counts.js';
import type { StepFinished } from '../core/event-data.js';
import type { Json } from '../core/json.js';
import { stageEnds } from '../core/ramp.js';
import type { Step } from '../core/runbook.js';
import { agree, agreeOn, planOf } from './agreeing.js';
import { watchOver } from './containing.js';
import type { Planned, StepResult } from './memory.js';
import { inParallel } from './parallel.js';
import { NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling, eventOf, record } from './record.js';
import { untilUnpaused } from './requests.js';
import { askOf, type RunContext, warrantOf } from './run-context.js';

/** Rounds in which a step may ask for what lay outside what was approved; then a person must look. */
const roundsMax = 5;

export async function change(context: RunContext, step: Step): Promise<StepResult> {
  const { memory } = context;
  const first = (await planLeft(context, step)) ?? (await agree(context, step));
  let planned = first;
  let counts = first.plan.settled ?? noCounts;
  let notBegun = 0;
  for (let round = 1; ; round += 1) {
    const ended = await carryOut(context, step, planned);
    // What lay outside before was settled in this round, or lies outside still.
    counts = addCounts({ ...counts, outside: 0 }, ended.counts);
    notBegun = ended.notBegun;
    if (ended.outside.length === 0 || notBegun > 0 || round >= roundsMax) break;
    planned = await agreeOn(context, step, ended.outside);
  }
  const state = stateOf(counts);
  const tolerated = state !== 'done' && isTolerated(step, counts);
  if (state !== 'done' && !tolerated) {
    memory.incomplete[step.id] = first;
    await applyFailureRule(context, step, planned, sumUp(counts, notBegun));
  }
  delete memory.planned[step.id];
  delete memory.incomplete[step.id];
  return { state, counts, ...(tolerated ? { tolerated } : {}) };
}

/** After a failure that a person looked at: what did not end well, under the agreement that there is; what that lacks asks anew. */
async function planLeft(context: RunContext, step: Step): Promise<Planned | undefined> {
  const { memory } = context;
  const before = memory.incomplete[step.id];
  if (before === undefined) return undefined;
  const plan = await planOf(context, step, { leftOf: before.plan });
  const planned: Planned = { ...before, plan };
  delete memory.incomplete[step.id];
  memory.planned[step.id] = planned;
  return planned;
}

/** Whether so few failed that the run goes on; nothing done at all is never tolerated. */
function isTolerated({ tolerate = 0 }: Step, counts: Counts): boolean {
  return stateOf(counts) === 'partial' && counts.outside === 0 && amiss(counts) <= tolerate;
}

/** Targets that are not as they were to be. */
function amiss({ failed, moved, unshown }: Counts): number {
  return failed + moved + unshown;
}

async function applyFailureRule(context: RunContext, step: Step, planned: Planned, sum: string): Promise<void> {
  if (step.onFailure === 'undo') await undo(context, step, planned);
  if (step.onFailure !== 'ask') return;
  const next = '`retry` tries again what failed, and that alone; `cancel` ends the run and keeps what is in force.';
  const why = `Step "${step.id}" did not end well: ${sum}.`;
  throw new NeedsPerson({ code: 'step.incomplete', why, next, step: step.id }, true);
}

/** A step that asked for it is taken back when it fails; it stays failed, and the run stops there. */
async function undo(context: RunContext, step: Step, { plan, ask }: Planned): Promise<void> {
  const { memory } = context;
  const warrant = warrantOf(context, askOf(memory, ask));
  const work = { run: memory.run, step: step.id, warrant, retry: step.retry };
  // Half taken back is worse than either, so neither a skip nor a cancel ends it.
  memory.undoing = { ...memory.undoing, [step.id]: true };
  const counts = await CancellationScope.nonCancellable(() =>
    calling(memory, executor(plan.system, step.timeoutMs).takeBack(work)),
  );
  const data: StepFinished = {
    state: 'failed',
    counts: { 'taken back': counts.applied, 'not taken back': counts.failed + counts.moved },
    exceptions: [],
  };
  await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: 'failed', data }));
}

function sumUp(counts: Counts, notBegun: number): string {
  const said = Object.entries({ ...counts, 'not begun': notBegun }).filter(([, count]) => count > 0);
  return said.length === 0
    ? 'there was nothing to do, which is not success'
    : said.map(([what, count]) => `${count} ${what}`).join(', ');
}

interface Carried {
  counts: Counts;
  outside: Json[];
  /** Items that a ramp did not come to, because too many before them failed. */
  notBegun: number;
}

async function carryOut(context: RunContext, step: Step, planned: Planned): Promise<Carried> {
  const { memory } = context;
  const { plan, ask } = planned;
  const warrant = warrantOf(context, askOf(memory, ask));
  if (step.phase === 'contain') await watchOver(context, step, plan, warrant);
  memory.wrote = true;
  const stages = stagesOf(step, plan.items);
  const closes = stages.flat().length === 1;
  const base = { run: memory.run, step: step.id, plan, warrant, closes, retry: step.retry };
  const ends: BatchResult[] = [];
  let begun = 0;
  for (const stage of stages) {
    if (amiss(sumOf(ends)) > (step.tolerate ?? 0) && step.ramp !== undefined) break;
    const results = await inParallel(stage, async (range) => {
      await untilUnpaused(memory);
      const work: CarryOutInput = { ...base, ...range, opens: range.from === 0 };
      return calling(memory, executor(plan.system, step.timeoutMs).carryOut(work));
    });
    ends.push(...results);
    begun = stage.at(-1)?.to ?? begun;
  }
  const counts = sumOf(ends);
  const notBegun = plan.items - begun;
  if (!closes) {
    const all = addCounts(plan.settled ?? noCounts, counts);
    const data: StepFinished = {
      state: stateOf(all),
      counts: { ...all, ...(notBegun > 0 ? { 'not begun': notBegun } : {}) },
      exceptions: ends.flatMap((each) => each.exceptions).slice(0, 10),
    };
    await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: data.state, data }));
  }
  return { counts, outside: ends.flatMap((each) => each.outside), notBegun };
}

interface Range {
  from: number;
  to: number;
}

/** Stages one after the other, of batches at once. What is exchanged is one batch; a plan without items has one, too, for the record. */
function stagesOf({ work, batch, ramp = [] }: Step, items: number): Range[][] {
  const size = work.kind === 'exchange' ? Math.max(items, 1) : batch;
  const ends = stageEnds(ramp, items);
  return ends.map((end, index) => {
    const start = ends[index - 1] ?? 0;
    const count = Math.max(Math.ceil((end - start) / size), 1);
    return Array.from({ length: count }, (_, nth) => ({
      from: start + nth * size,
      to: Math.min(start + (nth + 1) * size, end),
    }));
  });
}

function sumOf(ends: BatchResult[]): Counts {
  return ends.reduce((sum, each) => addCounts(sum, each.counts), noCounts);
}
