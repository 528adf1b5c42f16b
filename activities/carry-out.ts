/**
 * Carries out one batch of a plan: judges the warrant, settles, then plans the same items again. What is left over inside the
 * bound (an interface attached meanwhile) is settled at once, a few times at most; what lies outside comes back, to be asked for in another round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { canonical } from '../core/canonical.js';
import { changeKey, type Outcome } from '../core/change.js';
import { countOutcomes, stateOf } from '../core/counts.js';
import { exchangeGate } from '../core/builtin.js';
import { FirebreakError } from '../core/errors.js';
import { atLeast } from '../core/gate.js';
import type { Hold, Origin } from '../core/hold.js';
import type { Bundle } from '../core/installation.js';
import type { Digest, Json } from '../core/json.js';
import type { PlannedChange, StepPlan } from '../core/plan.js';
import { leastGate } from '../core/risk.js';
import { digestOf } from '../journal/digest.js';
import type { BatchResult, CarryOutInput } from './contract.js';
import type { AnyAction } from './define-action.js';
import type { ExecutorDeps } from './deps.js';
import { draft } from './drafts.js';
import { exchangeOf, releaseHold } from './exchange.js';
import { actionOf } from './find-unit.js';
import { loadPlan, planItems } from './plan-step.js';
import { type SettleContext, settleAll } from './settle.js';
import {
  type Grant,
  judgeGate,
  judgeLaunch,
  judgeWarrant,
  type Question,
  refuse,
  refuseEnded,
  refuseForeignItems,
  refuseOtherSystem,
} from './warrant.js';

/** Looks after the first settling; what still moves then is a person's to see. */
const looksMax = 3;
/** Exceptions that travel in a result; all of them lie in the store. */
const exceptionsMax = 10;

export interface Attempt {
  /** Names this work in event ids: the same for every attempt of it, another one when a person has it done again. */
  id: string;
  attempt: number;
  signal: AbortSignal;
  world: unknown;
}

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

/** The latest outcome of each key: a later look says how a change really ended. */
function latest(outcomes: Outcome[]): Outcome[] {
  return [...new Map(outcomes.map((outcome) => [outcome.key, outcome])).values()];
}

async function carryOutStep(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: CarryOutInput,
  plan: StepPlan,
  attempt: Attempt,
): Promise<Outcome[]> {
  const grant = await grantOf(deps, bundle, input, 'now');
  const { launch } = input.warrant;
  const items = plan.items.slice(input.from, input.to);
  if (launch.about.kind === 'launch') await refuseForeignItems(deps.store, grant, launch.about.inputs, items);
  const action = actionOfStep(grant);
  refuseOtherUnit(plan, action);
  const context = settleContext(deps, bundle, input, grant, attempt);
  const mine = new Set(items.map((item) => canonical(item)));
  const changes = plan.changes.filter((change) => mine.has(canonical(change.item)));
  const outcomes = await settleAll(changes, { ...context, look: '0' });
  for (const { item, ...error } of plan.failed.filter((each) => mine.has(canonical(each.item))))
    outcomes.push(await itemFailed(input, action, item, error, context));
  return latest([...outcomes, ...(await lookAgain(deps, bundle, plan, action, items, outcomes, context))]);
}

/** Plans the items again until nothing is left that may be settled; what people did not agree to comes back as `outside`. */
async function lookAgain(
  deps: ExecutorDeps,
  bundle: Bundle,
  plan: StepPlan,
  action: AnyAction,
  items: Json[],
  before: Outcome[],
  context: SettleContext,
): Promise<Outcome[]> {
  const failedItems = new Set(plan.failed.map((each) => canonical(each.item)));
  const goodItems = items.filter((item) => !failedItems.has(canonical(item)));
  const found: Outcome[] = [];
  for (let look = 1; look <= looksMax; look += 1) {
    const { changes, failed } = await planItems(action, goodItems, planContext(deps, bundle, context, plan));
    const ended = new Map([...before, ...found].map((outcome) => [outcome.key, outcome]));
    const leftovers = changes.filter((change) => mayTryAgain(change, ended.get(changeKey(change))));
    for (const { item, ...error } of failed)
      if (!ended.has(itemKey(item))) found.push(await itemFailed({ step: context.step }, action, item, error, context));
    if (leftovers.length === 0) break;
    if (look > 1) await sleep(look * 500, undefined, { signal: context.signal });
    found.push(...(await settleAll(leftovers, { ...context, look: String(look) })));
  }
  return found;
}

/** A difference is settled again, unless it ended in a way that only a person or a new round can change. */
function mayTryAgain(change: PlannedChange, ended: Outcome | undefined): boolean {
  if (change.standing === 'already') return ended === undefined || ended.shown === 'no';
  return ended === undefined || (ended.status !== 'moved' && ended.status !== 'outside');
}

async function carryOutExchange(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: CarryOutInput,
  plan: StepPlan,
  attempt: Attempt,
): Promise<Outcome[]> {
  const verb = input.warrant.launch.verb as 'release' | 'undo';
  const question = questionOf(deps, bundle, input, 'now');
  const about = judgeLaunch(question, [verb]);
  await refuseEnded(question);
  const runs = await exchangedRuns(deps, about.inputs);
  const changes = plan.changes.slice(input.from, input.to);
  const holds = new Map<string, Hold>();
  let bound: ReadonlySet<Digest> = new Set();
  for (const change of changes) {
    const hold = await deps.store.hold(change.hold ?? '');
    if (hold === undefined) continue;
    refuseOtherSystem(deps.system, hold.target.system);
    holds.set(hold.id, hold);
    // The gate follows from the hold, not from the run that wants to lift it.
    const spec = atLeast(exchangeGate(hold, verb), leastGate[hold.risk]);
    bound = await judgeGate(question, input.warrant.gate?.gate ?? '', spec, false);
  }
  const context: SettleContext = {
    ...baseContext(deps, bundle, input, attempt),
    origin: originFor(input, holds.values().next().value),
    containing: false,
    covers: (effect) => bound.has(effect),
  };
  const done = [...holds.values()].filter((hold) => hold.state === 'closed' && hold.outcome === 'done');
  const open = changes.filter((change) => !done.some(({ id }) => id === change.hold));
  const outcomes = await inWaves(open, holds, (change) => releaseHold(change, runs, context));
  // Newest first, as they were planned: what was built on something goes before it.
  for (const hold of done)
    outcomes.push(await undoDone(hold, runs, { ...context, origin: originFor(input, hold), look: 'undo' }));
  return outcomes;
}

/** What is no longer held is an ordinary change with before and after exchanged; it takes a hold of its own while it is made. */
async function undoDone(hold: Hold, runs: string[], context: SettleContext): Promise<Outcome> {
  if (!runs.includes(hold.origin.run))
    throw refuse(
      'warrant.foreign-hold',
      `${hold.id} is of ${hold.origin.run}, which is not what was launched to be undone.`,
    );
  const { hold: _hold, ...change } = exchangeOf(hold, runs);
  const [outcome] = await settleAll([change], context);
  return outcome as Outcome;
}

/** What leans on something is released before it: the interfaces before the group that they were put into. */
async function inWaves(
  changes: PlannedChange[],
  holds: Map<string, Hold>,
  release: (change: PlannedChange) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let rest = changes;
  while (rest.length > 0) {
    const needed = new Set(rest.flatMap((change) => holds.get(change.hold ?? '')?.dependsOn ?? []));
    const free = rest.filter((change) => !needed.has(changeKey(change)));
    const wave = free.length > 0 ? free : rest;
    for (let at = 0; at < wave.length; at += 8)
      outcomes.push(...(await Promise.all(wave.slice(at, at + 8).map(release))));
    rest = rest.filter((change) => !wave.includes(change));
  }
  return outcomes;
}

/** Whose holds a release goes over: from the inputs that were launched and signed, not from the caller. */
async function exchangedRuns(deps: Pick<ExecutorDeps, 'store'>, inputs: Digest): Promise<string[]> {
  const launched = (await deps.store.document('inputs', inputs)) as { runs?: string[]; run?: string } | undefined;
  return launched?.runs ?? (launched?.run === undefined ? [] : [launched.run]);
}

function originFor(input: CarryOutInput, hold: Hold | undefined): Origin {
  if (hold === undefined)
    throw new FirebreakError('release.nothing-held', 'None of what is to be released is on record.', {
      nextStep: 'see `firebreak holds`.',
    });
  return { ...hold.origin, run: input.run.run, incident: input.run.incident, step: input.step };
}

export async function grantOf(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  asOf: Question['asOf'],
): Promise<Grant> {
  return judgeWarrant(questionOf(deps, bundle, input, asOf), (step) =>
    step.work.kind === 'change' ? actionOf(step.work.unit).risk : 'read',
  );
}

function questionOf(
  { store, system }: ExecutorDeps,
  bundle: Bundle,
  { run, step, warrant }: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  asOf: Question['asOf'],
): Question {
  return { store, bundle, system, run, step, warrant, asOf };
}

/** A plan is made for whoever asks, of any unit; people agreed to this step's, at the gate that its risk asks for. */
export function refuseOtherUnit({ changes, step }: StepPlan, { name }: AnyAction): void {
  const other = changes.find(({ unit }) => unit !== name);
  if (other !== undefined)
    throw refuse('warrant.other-unit', `Step "${step}" is ${name}; its plan has a change of ${other.unit}.`);
}

export function actionOfStep({ step }: Grant): AnyAction {
  if (step.work.kind !== 'change')
    throw new FirebreakError('step.changes-nothing', `Step "${step.id}" changes nothing (this is a bug).`, {
      nextStep: 'report it.',
    });
  return actionOf(step.work.unit);
}

function baseContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step'>,
  attempt: Attempt,
): Omit<SettleContext, 'origin' | 'containing' | 'covers'> {
  return {
    store: deps.store,
    world: attempt.world,
    actionOf,
    run: input.run,
    step: input.step,
    protected: bundle.installation.protected,
    actor: `executor:${deps.system}`,
    attempt: attempt.attempt,
    look: '0',
    signal: attempt.signal,
  };
}

export function settleContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  grant: Grant,
  attempt: Attempt,
): SettleContext {
  const { about } = input.warrant.launch;
  const gate = grant.step.gate ?? '';
  const spec = grant.runbook.gates[gate];
  if (about.kind !== 'launch' || spec === undefined)
    throw new FirebreakError('warrant.no-gate', `Step "${input.step}" has no gate.`, { nextStep: 'launch it anew.' });
  return {
    ...baseContext(deps, bundle, input, attempt),
    origin: { run: input.run.run, incident: input.run.incident, step: input.step, runbook: about.runbook, gate, spec },
    containing: grant.step.phase === 'contain',
    covers: grant.covers,
  };
}

function planContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  context: SettleContext,
  plan: StepPlan,
): Parameters<typeof planItems>[2] {
  return {
    store: deps.store,
    world: context.world,
    system: deps.system,
    protected: bundle.installation.protected,
    onFailure: plan.onFailure,
  };
}

function itemKey(item: Json): string {
  return `item:${canonical(item)}`;
}

/** An item that could not even be planned is an outcome too: nothing is skipped silently. */
async function itemFailed(
  { step }: { step: string },
  action: AnyAction,
  item: Json,
  error: { code: string; message: string; nextStep?: string },
  context: SettleContext,
): Promise<Outcome> {
  const at = new Date().toISOString();
  const target = { system: action.name.split('.')[0] ?? '', type: 'item', id: canonical(item) };
  const outcome: Outcome = {
    version: 1,
    key: itemKey(item),
    unit: action.name,
    item,
    target,
    aspect: action.aspect,
    status: 'failed',
    shown: 'no',
    error,
    attempt: context.attempt,
    startedAt: at,
    endedAt: at,
  };
  await context.store.putOutcomes(context.run.run, step, [outcome]);
  return outcome;
}

async function summarise(
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

async function started(deps: ExecutorDeps, { run, step }: CarryOutInput, { id }: Attempt): Promise<void> {
  await deps.store.append([
    draft(run, { id: `${step}/${id}/started`, actor: `executor:${deps.system}`, action: 'step.started', step }),
  ]);
}

async function finished(
  deps: ExecutorDeps,
  { run, step }: CarryOutInput,
  { id }: Attempt,
  { counts, exceptions }: BatchResult,
): Promise<void> {
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
