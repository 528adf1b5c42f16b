/** A system's executor: the only code that reaches that system, on a queue of its own, with that system's credentials alone. */
import { setMaxListeners } from 'node:events';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { digestOf } from '../journal/digest.js';
import { doneBy, heldBy } from '../journal/held.js';
import { FirebreakError } from '../core/errors.js';
import type { Bundle } from '../core/installation.js';
import { itemsFrom } from '../core/items.js';
import type { Json } from '../core/json.js';
import type { StepPlan } from '../core/plan.js';
import { adopted } from './adopt.js';
import type { Runbook } from '../core/runbook.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import { asActivities } from './as-activities.js';
import { openAwsWorld } from './aws/world.js';
import type { Attempt } from './attempt.js';
import { carryOut } from './carry-out.js';
import { checkItems } from './check-items.js';
import { collectEvidence } from './collect-evidence.js';
import type { ExchangePlanInput, ExecutorActivities, PlanInput, RunRef } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { draft } from './drafts.js';
import { planExchange } from './exchange.js';
import { actionOf } from './find-unit.js';
import { leftOver } from './left-over.js';
import { persistently } from './persistently.js';
import { rememberRunbooks } from './known-runbooks.js';
import { planItems, storePlan } from './plan-step.js';
import { takeBack } from './take-back.js';
import { watchHolds } from './watch-holds.js';

export function executorActivities(deps: ExecutorDeps): ExecutorActivities {
  const remembered = bundleRememberer(deps);
  const withAttempt = async <T>(
    run: RunRef,
    step: string,
    work: (attempt: Attempt) => Promise<T>,
    timeBoxMs?: number,
  ): Promise<T> => {
    const signal = endOf(timeBoxMs);
    const bundle = await remembered();
    const world = openWorld(deps, bundle, run, step, signal);
    return work({ id: workId(), attempt: activityInfo().attempt, signal, world });
  };
  return asActivities<ExecutorActivities>({
    plan: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        persistently(input.retry, attempt.signal, () => planStep(deps, input, attempt.world)),
      ),
    planExchange: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        persistently(input.retry, attempt.signal, () => planExchanges(deps, input, attempt.world)),
      ),
    carryOut: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        refusalsOnRecord(deps, input, () =>
          persistently(input.retry, attempt.signal, () => carryOut(deps, input, attempt)),
        ),
      ),
    takeBack: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        refusalsOnRecord(deps, input, () =>
          persistently(input.retry, attempt.signal, () => takeBack(deps, input, attempt)),
        ),
      ),
    collect: (input) =>
      withAttempt(
        input.run,
        input.step,
        (attempt) =>
          refusalsOnRecord(deps, input, () =>
            persistently(input.retry, attempt.signal, () => collectEvidence(deps, input, attempt)),
          ),
        input.timeBoxMs,
      ),
    check: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        refusalsOnRecord(deps, input, () =>
          persistently(input.retry, attempt.signal, () => checkItems(deps, input, attempt)),
        ),
      ),
    watch: (input) =>
      withAttempt(input.run, input.step, (attempt) =>
        persistently(input.retry, attempt.signal, () => watchHolds(deps, input, attempt)),
      ),
  });
}

async function planStep(deps: ExecutorDeps, input: PlanInput, world: unknown): ReturnType<typeof storePlan> {
  const bundle = await deps.bundle();
  const context = {
    store: deps.store,
    world,
    system: deps.system,
    protected: bundle.installation.protected,
    onFailure: input.onFailure,
  };
  const { bound, leftOf, adopts } = input;
  const left = leftOf === undefined ? undefined : await leftOver(deps.store, leftOf, input.run.run, input.step);
  const items =
    left?.items ??
    input.items ??
    (input.launch === undefined ? [] : await launchedItems(deps.store, input.launch, input.step));
  const action = actionOf(input.unit);
  const { changes, failed } = await planItems(action, items, context);
  return keepPlan(deps, input, {
    version: 1,
    run: input.run.run,
    step: input.step,
    round: input.round,
    onFailure: input.onFailure,
    items,
    changes:
      adopts === undefined
        ? changes
        : await adopted(changes, { ...context, run: input.run.run, step: input.step, action, was: adopts }),
    failed,
    ...(bound === undefined ? {} : { bound }),
    ...(left === undefined ? {} : { settled: left.settled }),
    madeAt: new Date().toISOString(),
  });
}

/** The step's items, as they follow from what was launched. What they may change, the warrant says later. */
async function launchedItems(store: Store, { about }: Statement, step: string): Promise<Json[]> {
  const launch = about.kind === 'launch' ? about : undefined;
  const runbook = launch && ((await store.document('runbook', launch.runbook)) as unknown as Runbook | undefined);
  const inputs = launch && (await store.document('inputs', launch.inputs));
  const found = runbook?.steps.find(({ id }) => id === step);
  const items = found !== undefined && inputs !== undefined ? itemsFrom(found, { inputs }) : undefined;
  if (items !== undefined) return items;
  throw new FirebreakError('plan.no-items', `What step "${step}" is to be done with does not follow from its launch.`, {
    nextStep: 'correct the runbook and launch again.',
  });
}

async function planExchanges(
  deps: ExecutorDeps,
  input: ExchangePlanInput,
  world: unknown,
): ReturnType<typeof storePlan> {
  const holds =
    input.of === 'holds'
      ? await heldBy(deps.store, input.runs)
      : await doneBy(deps.store, input.runs[0] ?? '', input.onlyStep);
  // Newest first: what was built on something goes before it.
  const mine = holds
    .filter((hold) => hold.target.system === deps.system)
    .toSorted((a, b) => (a.intendedAt < b.intendedAt ? 1 : -1));
  const changes = [];
  for (const hold of mine) changes.push(await planExchange(hold, input.runs, actionOf(hold.unit), world));
  const items = mine.map((hold) => hold.id);
  return keepPlan(deps, input, {
    version: 1,
    run: input.run.run,
    step: input.step,
    round: input.round,
    onFailure: 'continue',
    items,
    changes,
    failed: [],
    madeAt: new Date().toISOString(),
  });
}

async function keepPlan(
  deps: ExecutorDeps,
  { run, step }: PlanInput | ExchangePlanInput,
  plan: StepPlan,
): ReturnType<typeof storePlan> {
  const ref = await storePlan(deps.store, deps.system, plan);
  await deps.store.append([
    draft(run, {
      id: `${step}/${plan.round}/planned/${ref.id}`,
      actor: `executor:${deps.system}`,
      action: 'plan.made',
      step,
      at: plan.madeAt,
      data: { plan: ref },
    }),
  ]);
  return ref;
}

/** A refusal by the executor's own judgement is on the record, whoever asked and by whatever way. */
async function refusalsOnRecord<T>(
  deps: ExecutorDeps,
  input: { run: RunRef; step: string; warrant: unknown },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FirebreakError && error.isTerminal) {
      const data = { code: error.code, reason: error.message };
      await deps.store.append([
        draft(input.run, {
          id: `${input.step}/refused/${error.code}/${digestOf(input.warrant)}`,
          actor: `executor:${deps.system}`,
          action: 'warrant.refused',
          step: input.step,
          data,
        }),
      ]);
    }
    throw error;
  }
}

/** Runs' runbooks stay known after their files change; noted once for each bundle that this process sees. */
function bundleRememberer(deps: ExecutorDeps): () => Promise<Bundle> {
  let last: string | undefined;
  return async () => {
    const bundle = await deps.bundle();
    if (bundle.digest !== last) await rememberRunbooks(deps.store, bundle);
    last = bundle.digest;
    return bundle;
  };
}

/** Activity ids begin anew when a run continues as new, so the run of the chain is named too. */
function workId(): string {
  const { activityId, workflowExecution } = activityInfo();
  return `${workflowExecution?.runId.slice(0, 8) ?? 'alone'}-${activityId}`;
}

/** Ends the work: cancelled, worker stopping, or the time box is over. */
function endOf(timeBoxMs: number | undefined): AbortSignal {
  const cancelled = cancellationSignal();
  const signal = timeBoxMs === undefined ? cancelled : AbortSignal.any([cancelled, AbortSignal.timeout(timeBoxMs)]);
  // Each call to the system listens to it, and a batch makes many at once.
  setMaxListeners(0, signal);
  return signal;
}

function openWorld(deps: ExecutorDeps, bundle: Bundle, run: RunRef, step: string, signal: AbortSignal): unknown {
  const settings = bundle.installation.systems[deps.system];
  if (settings === undefined) {
    throw new FirebreakError('system.unknown', `firebreak.yaml names no system "${deps.system}".`, {
      nextStep: 'add it under `systems:`.',
      isTerminal: false,
    });
  }
  return openAwsWorld({
    system: deps.system,
    settings,
    readSecret: deps.readSecret,
    run: run.run,
    incident: run.incident,
    step,
    signal,
  });
}
