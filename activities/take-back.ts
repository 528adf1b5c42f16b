/**
 * `on_failure: undo`: what a step did before it failed goes back, under the warrant that approved the step together with this
 * failure rule. An activity of its own, so that a retry of it goes on taking back and never carries out again.
 */
import { countOutcomes, type Counts, stateOf } from '../core/counts.js';
import type { Outcome } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import { type Attempt, settleContext } from './attempt.js';
import { grantOf } from './grant.js';
import type { TakeBackInput } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { planExchange, releaseHold } from './exchange.js';
import { actionOf } from './find-unit.js';

export async function takeBack(deps: ExecutorDeps, input: TakeBackInput, attempt: Attempt): Promise<Counts> {
  const bundle = await deps.bundle();
  const grant = await grantOf(deps, bundle, input, 'passing');
  if (grant.step.onFailure !== 'undo' || grant.step.phase === 'contain') {
    throw new FirebreakError('warrant.no-undo', `Nobody agreed that "${input.step}" is undone when it fails.`, {
      nextStep: 'undo it through the door: firebreak undo.',
    });
  }
  const run = input.run.run;
  await refuseUnlessFailed(deps, input);
  const context = { ...settleContext(deps, bundle, input, grant, attempt), covers: () => true };
  const held = (await deps.store.holds({ run, state: 'open' })).filter(
    (hold) => hold.origin.step === input.step && !hold.oneWay,
  );
  const outcomes: Outcome[] = [];
  // Newest first: what was built on something goes before it.
  for (const hold of held.toSorted((a, b) => (a.intendedAt < b.intendedAt ? 1 : -1))) {
    outcomes.push(
      await releaseHold(await planExchange(hold, [run], actionOf(hold.unit), attempt.world), [run], context),
    );
  }
  return countOutcomes(outcomes);
}

/** The rule that people agreed to is for a failure; without one, taking back is an undo, which asks. */
async function refuseUnlessFailed({ store }: ExecutorDeps, { run, step }: TakeBackInput): Promise<void> {
  if (stateOf(countOutcomes(await store.outcomes(run.run, step))) !== 'done') return;
  throw new FirebreakError('warrant.not-failed', `Step "${step}" did not fail, so nothing of it is taken back.`, {
    nextStep: 'undo it through the door: firebreak undo.',
  });
}
