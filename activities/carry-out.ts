/** Carries out one batch of a plan, and puts on record how it began and what came of it. */
import type { Attempt } from './attempt.js';
import { finished, started, summarise } from './batch-result.js';
import { carryOutExchange } from './carry-out-exchange.js';
import { carryOutStep } from './carry-out-step.js';
import type { BatchResult, CarryOutInput } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { loadPlan } from './plan-step.js';

export async function carryOut(deps: ExecutorDeps, input: CarryOutInput, attempt: Attempt): Promise<BatchResult> {
  const bundle = await deps.bundle();
  const plan = await loadPlan(deps.store, input.plan, input.run.run, input.step);
  if (input.opens) await started(deps, input, attempt);
  const outcomes = isExchange(input)
    ? await carryOutExchange(deps, bundle, input, plan, attempt)
    : await carryOutStep(deps, bundle, input, plan, attempt);
  const result = await summarise(deps, input, attempt, outcomes);
  if (input.closes) await finished(deps, input, attempt, result);
  return result;
}

function isExchange({ warrant }: CarryOutInput): boolean {
  return warrant.launch.verb === 'release' || warrant.launch.verb === 'undo';
}
