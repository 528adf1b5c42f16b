/** Carries a check through: once, or again and again until what it finds is as it should be or its time is over. */
import { sleep } from '@temporalio/workflow';
import type { CheckResult } from '../activities/contract.js';
import { noCounts } from '../core/counts.js';
import { formatDuration } from '../core/duration.js';
import type { StepFinished } from '../core/event-data.js';
import { evaluate } from '../core/expression.js';
import type { Json } from '../core/json.js';
import type { Step, Until } from '../core/runbook.js';
import type { StepResult } from './memory.js';
import { NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling, eventOf, record } from './record.js';
import { untilUnpaused } from './requests.js';
import { itemsOf, namesOf, type RunContext, warrantOf } from './run-context.js';

export async function check(context: RunContext, step: Step): Promise<StepResult> {
  try {
    return await lookUntil(context, step);
  } finally {
    // A retry looks for as long again, after a look that could not be made as well.
    delete context.memory.untils[step.id];
  }
}

async function lookUntil(context: RunContext, step: Step): Promise<StepResult> {
  const { memory } = context;
  if (step.work.kind !== 'check') throw new Error(`${step.id} checks nothing`);
  const { until } = step.work;
  const items = itemsOf(context, step);
  const isMet = (seen: CheckResult): boolean => until === undefined || isAsAwaited(context, until, seen);
  // Beyond a continue-as-new, too, it ends when it was to end.
  const deadline = (memory.untils[step.id] ??= Date.now() + (until?.withinMs ?? 0));
  let looks = 1;
  let seen = await look(context, step, items, looks);
  while (!isMet(seen) && Date.now() < deadline) {
    await sleep(Math.max(Math.min(until?.everyMs ?? 0, deadline - Date.now()), 1));
    looks += 1;
    seen = await look(context, step, items, looks);
  }
  const met = isMet(seen);
  const state = stateOf(seen, items.length, met);
  const counts = { found: seen.findings.length, looks, ...(seen.failed === 0 ? {} : { failed: seen.failed }) };
  const data: StepFinished = { state, counts, exceptions: seen.exceptions };
  await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: state, data }));
  if (state !== 'done' && step.onFailure === 'ask') throw notAsAwaited(step, met, until);
  return { state, counts: noCounts, found: seen.findings, foundAs: seen.found };
}

async function look(context: RunContext, step: Step, items: Json[], looks: number): Promise<CheckResult> {
  const { memory } = context;
  if (step.work.kind !== 'check') throw new Error(`${step.id} checks nothing`);
  await untilUnpaused(memory);
  const work = {
    run: memory.run,
    step: step.id,
    items,
    warrant: warrantOf(context, undefined),
    opens: looks === 1,
    retry: step.retry,
  };
  return calling(memory, executor(step.work.system, step.timeoutMs).check(work));
}

/** What could not be looked at is as nobody wants it. */
function isAsAwaited(context: RunContext, { met }: Until, { findings, failed }: CheckResult): boolean {
  return failed === 0 && evaluate(met, { ...namesOf(context), found: findings }) === true;
}

function stateOf({ failed }: CheckResult, items: number, met: boolean): 'done' | 'partial' | 'failed' {
  if (!met) return 'failed';
  if (failed === 0) return 'done';
  return failed < items ? 'partial' : 'failed';
}

function notAsAwaited({ id }: Step, met: boolean, until: Until | undefined): NeedsPerson {
  const why =
    met || until === undefined
      ? `Step "${id}" could not look at everything.`
      : `What step "${id}" waits for was not so within ${formatDuration(until.withinMs)}.`;
  const next =
    '`retry` looks again for as long; `skip` goes on without it; `cancel` ends the run and keeps what is in force.';
  return new NeedsPerson({ code: met ? 'check.incomplete' : 'until.not-met', why, next, step: id }, true);
}
