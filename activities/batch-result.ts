/** What came of a batch: each ending on the record, and the sum of them for the workflow. */
import { canonical } from '../core/canonical.js';
import type { Outcome } from '../core/change.js';
import { addCounts, countOutcomes, noCounts, stateOf } from '../core/counts.js';
import { digestOf } from '../journal/digest.js';
import type { Attempt } from './attempt.js';
import type { BatchResult, CarryOutInput } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { draft } from './drafts.js';

/** Exceptions that travel in a result; all of them lie in the store. */
const exceptionsMax = 10;

export async function started(deps: ExecutorDeps, { run, step }: CarryOutInput, { id }: Attempt): Promise<void> {
  await deps.store.append([
    draft(run, { id: `${step}/${id}/started`, actor: `executor:${deps.system}`, action: 'step.started', step }),
  ]);
}

export async function summarise(
  deps: ExecutorDeps,
  input: CarryOutInput,
  { id }: Attempt,
  outcomes: Outcome[],
): Promise<BatchResult> {
  const counts = countOutcomes(outcomes);
  const actor = `executor:${deps.system}`;
  await deps.store.append(
    outcomes.map(
      ({ key, status, shown, target, unit, aspect, before, after, found, observed, error, hold, attempt }) => {
        const data = JSON.parse(
          JSON.stringify({ unit, aspect, shown, before, after, found, observed, error, hold }),
        ) as object;
        return draft(input.run, {
          id: `${input.step}/${id}/${key}/settled/${nameOf({ status, data })}`,
          actor,
          action: 'change.settled',
          step: input.step,
          target,
          outcome: status,
          data: { ...data, attempt },
        });
      },
    ),
  );
  const exceptions = outcomes
    .filter(
      (outcome) => outcome.error !== undefined || outcome.status === 'outside' || warningOf(outcome) !== undefined,
    )
    .slice(0, exceptionsMax)
    .map((outcome) => ({ key: outcome.key, status: outcome.status, ...exceptionOf(outcome) }));
  const outside = [
    ...new Map(
      outcomes.filter(({ status }) => status === 'outside').map(({ item }) => [canonical(item), item]),
    ).values(),
  ];
  return { counts, exceptions, outside };
}

export async function finished(
  deps: ExecutorDeps,
  { run, step, plan }: CarryOutInput,
  { id }: Attempt,
  { counts: mine, exceptions }: BatchResult,
): Promise<void> {
  const counts = addCounts(plan.settled ?? noCounts, mine);
  const data = { state: stateOf(counts), counts, exceptions };
  await deps.store.append([
    draft(run, {
      id: `${step}/${id}/finished/${nameOf(data)}`,
      actor: `executor:${deps.system}`,
      action: 'step.finished',
      step,
      outcome: data.state,
      data,
    }),
  ]);
}

function exceptionOf(outcome: Outcome): { code: string; message: string } {
  const { error, target } = outcome;
  if (error !== undefined) return { code: error.code, message: error.message };
  const warning = warningOf(outcome);
  if (warning !== undefined) return { code: 'change.warning', message: warning };
  return { code: 'change.outside-bound', message: `${target.id} is not in what was approved.` };
}

/** What a unit could not do as well as it should, although the effect is there: a person must know it. */
function warningOf({ observed }: Outcome): string | undefined {
  if (typeof observed !== 'object' || observed === null || Array.isArray(observed)) return undefined;
  const { warning } = observed;
  return typeof warning === 'string' ? warning : undefined;
}

/** An attempt that was lost after it said how it ended may end otherwise the next time: that is another event, and the last one counts. */
function nameOf(ending: unknown): string {
  return digestOf(ending).slice('sha256:'.length, 'sha256:'.length + 8);
}
