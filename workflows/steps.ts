/** Carries one step through: when it may begin, what kind of work it is, what happens to its failure, and how it ended. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { noCounts } from '../core/counts.js';
import { evaluate, ExpressionError, stepsRead } from '../core/expression.js';
import type { Json } from '../core/json.js';
import { leftOut } from '../core/left-out.js';
import type { Step } from '../core/runbook.js';
import { byPerson } from './by-person.js';
import { change } from './changing.js';
import { check } from './checking.js';
import { collect } from './collecting.js';
import type { StepResult } from './memory.js';
import { asPersonNeed, awaitPerson } from './person.js';
import { eventOf, record } from './record.js';
import { untilUnpaused } from './requests.js';
import { namesOf, type RunContext } from './run-context.js';

export async function runStep(context: RunContext, step: Step): Promise<void> {
  const { memory } = context;
  if (memory.results[step.id] !== undefined) return;
  await unlessSkipped(context, step, () => goThrough(context, step));
  const agreed = memory.skips[step.id];
  if (agreed !== undefined && memory.results[step.id] === undefined) await skip(context, step, agreed.why, agreed.ask);
}

/** Whatever the step waits for ends when people have agreed to leave it out; a batch ends after the change that it is in. */
async function unlessSkipped({ memory }: RunContext, step: Step, work: () => Promise<void>): Promise<void> {
  const scope = new CancellationScope();
  let ended = false;
  const going = scope.run(work).finally(() => {
    ended = true;
  });
  // Its failure is looked at below; until then it must not count as unhandled.
  going.catch(() => undefined);
  // A run that is cancelled waits for what is under way, so this waiting must not end before that.
  await CancellationScope.nonCancellable(() => condition(() => ended || memory.skips[step.id] !== undefined));
  if (!ended) scope.cancel();
  await going.catch((error: unknown) => {
    if (!isCancellation(error) || memory.skips[step.id] === undefined) throw error;
  });
}

async function goThrough(context: RunContext, step: Step): Promise<void> {
  const { memory } = context;
  await condition(() => memory.stopped || step.needs.every((id) => memory.results[id] !== undefined));
  if (memory.stopped) return skip(context, step, leftOut.stopped);
  for (;;) {
    try {
      await untilUnpaused(memory);
      const shut = whyShut(context, step);
      if (shut !== undefined) return await skip(context, step, shut);
      return end(context, step, await carryThrough(context, step));
    } catch (error) {
      await awaitPerson(memory, context.desk, step.id, asPersonNeed(error, step.id));
    }
  }
}

/** Why its condition leaves it out. What reads a choice that nobody made is left out, too: `!=` must not be true of it. */
function whyShut(context: RunContext, { if: test }: Step): string | undefined {
  if (test === undefined) return undefined;
  const names = namesOf(context);
  const { results } = context.memory;
  const undecided = stepsRead(test).filter((id) => results[id]?.choice === '');
  const steps = { ...results, ...Object.fromEntries(undecided.map((id) => [id, withoutChoice(results[id])])) };
  try {
    if (evaluate(test, { ...names, steps: steps as unknown as Json }) === true) return undefined;
    return leftOut.notMet;
  } catch (error) {
    if (undecided.length === 0 || !(error instanceof ExpressionError)) throw error;
    return leftOut.undecided(undecided);
  }
}

function withoutChoice(result: StepResult | undefined): Partial<StepResult> {
  const { choice: _none, ...rest } = result ?? {};
  return rest;
}

function carryThrough(context: RunContext, step: Step): Promise<StepResult> {
  switch (step.work.kind) {
    case 'collect':
      return collect(context, step);
    case 'check':
      return check(context, step);
    case 'change':
    case 'exchange':
      return change(context, step);
    case 'manual':
    case 'decide':
      return byPerson(context, step);
  }
}

function end({ memory }: RunContext, step: Step, result: StepResult): void {
  memory.results[step.id] = result;
  const failed = result.state === 'failed' || result.state === 'partial';
  const stops = step.onFailure === 'stop' || step.onFailure === 'undo';
  if (failed && stops && result.tolerated !== true && step.bestEffortMs === undefined) memory.stopped = true;
}

/** `ask` is the asking at which people agreed to it; absent where the runbook itself left it out. */
export async function skip({ memory }: RunContext, step: Step, why: string, ask?: string): Promise<void> {
  const data = { why, ...(ask === undefined ? {} : { ask }) };
  await record(memory, eventOf(memory, 'step.skipped', { step: step.id, outcome: 'skipped', data }));
  memory.results[step.id] = { state: 'skipped', counts: noCounts, ...unanswered(step) };
}

/** A text that shows the choice of a decision that nobody had to make, or what was not looked for, must not fail for it. */
function unanswered({ work }: Step): Partial<StepResult> {
  if (work.kind === 'decide') return { choice: '' };
  return work.kind === 'check' ? { found: [] } : {};
}
