/** A run: the launch is judged, steps go their ways, people are heard, and it ends on the record whatever happens. */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { BeginInput, FinishInput } from '../activities/contract.js';
import { noCounts } from '../core/counts.js';
import type { StepFinished } from '../core/event-data.js';
import { evaluate } from '../core/expression.js';
import type { CheckWork, Step } from '../core/runbook.js';
import { planOf } from './agreeing.js';
import { check } from './checking.js';
import { freshMemory, type RunMemory } from './memory.js';
import { asPersonNeed } from './person.js';
import { control } from './proxies.js';
import { eventOf, record } from './record.js';
import { hearRequest, takeUpRequests } from './requests.js';
import { namesOf, type RunContext } from './run-context.js';
import { acceptStatements, type Desk } from './statements.js';
import { runStep, skip } from './steps.js';

export interface RunInput extends BeginInput {
  memory?: RunMemory;
}

export interface RunResult {
  state: 'done' | 'failed' | 'cancelled' | 'refused';
}

export async function run(input: RunInput): Promise<RunResult> {
  const desk: Desk = {
    memory: undefined,
    opening: 0,
    waiting: new Map(),
    answering: new Map(),
    ended: false,
    onRequest: () => Promise.resolve({ code: 'run.not-begun', reason: 'The run has not begun.' }),
  };
  acceptStatements(desk);
  const memory = input.memory ?? (await begin(input));
  if (memory === undefined) return { state: 'refused' };
  const { memory: _memory, ...begun } = input;
  const context: RunContext = { input: begun, memory, desk, planning: new Map(), awaiting: new Map() };
  desk.onRequest = (statement) => hearRequest(context, statement);
  desk.memory = memory;
  takeUpRequests(context);
  try {
    const handedOver = await goThrough(context);
    if (handedOver) return await continueAsNew<typeof run>({ ...begun, memory });
  } catch (error) {
    if (!isCancellation(error)) throw error;
    memory.cancelled = true;
  }
  return CancellationScope.nonCancellable(() => finish(context));
}

async function begin(input: BeginInput): Promise<RunMemory | undefined> {
  const begun = await control.begin(input);
  if (begun.refused !== undefined) return undefined;
  const { launch } = begun;
  return freshMemory({ run: input.run, incident: input.incident, launch, requester: input.launch.by }, begun);
}

/** All steps to their ends, or until the run is cancelled or hands itself over: true for the last. */
async function goThrough(context: RunContext): Promise<boolean> {
  const { memory, input } = context;
  const scope = new CancellationScope();
  let ended = false;
  let steps: Promise<void>[] = [];
  const going = scope.run(async () => {
    steps =
      input.launch.verb === 'plan' ? [planOnly(context)] : input.runbook.steps.map((step) => runStep(context, step));
    await Promise.all(steps);
    ended = true;
  });
  // Failures of the going are looked at below; until then they must not count as unhandled.
  going.catch(() => undefined);
  await Promise.race([going, condition(() => memory.cancelled || ended || mayHandOver(memory))]);
  if (ended) return false;
  if (!memory.cancelled) return true;
  scope.cancel();
  // All of them, for the record must not say that the run has ended while a batch is still under way.
  await Promise.allSettled(steps);
  await going.catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
  });
  return false;
}

/** At a boundary with nothing under way; gates that ask go on asking in the next run of the chain. */
function mayHandOver(memory: RunMemory): boolean {
  return workflowInfo().continueAsNewSuggested && memory.inFlight === 0 && allHandlersFinished();
}

/** What would be changed, without asking anybody and without changing anything. */
async function planOnly(context: RunContext): Promise<void> {
  const { steps } = context.input.runbook;
  // They only read, and what they find is what other steps would work on. One look tells what is so now.
  for (const step of steps) if (step.work.kind === 'check') await lookAlone(context, step, step.work);
  await Promise.all(steps.filter(({ work }) => work.kind === 'change').map((step) => planAlone(context, step)));
}

async function lookAlone(context: RunContext, step: Step, work: CheckWork): Promise<void> {
  const { until: _until, ...once } = work;
  await ifWanted(context, step, async () => {
    context.memory.results[step.id] = await check(context, { ...step, work: once });
  });
}

/** What its condition leaves out is no part of the plan. */
async function ifWanted(context: RunContext, step: Step, work: () => Promise<void>): Promise<void> {
  try {
    if (step.if !== undefined && evaluate(step.if, namesOf(context)) !== true)
      return await skip(context, step, 'its condition is not met');
    await work();
  } catch (error) {
    const { needs } = asPersonNeed(error, step.id);
    await planIncomplete(context, step, 'failed', { code: needs.code, message: needs.why });
  }
}

function planAlone(context: RunContext, step: Step): Promise<void> {
  return ifWanted(context, step, async () => {
    const { items, failed } = await planOf(context, step);
    if (failed === 0) context.memory.results[step.id] = { state: 'done', counts: noCounts };
    // What could not be read is no "nothing to do": a plan of half the hosts must not look like one of all.
    else await planIncomplete(context, step, failed < items ? 'partial' : 'failed', unplanned(failed, items));
  });
}

function unplanned(failed: number, items: number): { code: string; message: string } {
  return { code: 'plan.incomplete', message: `${failed} of ${items} could not be planned; the plan says why.` };
}

async function planIncomplete(
  { memory }: RunContext,
  step: Step,
  state: 'partial' | 'failed',
  why: { code: string; message: string },
): Promise<void> {
  memory.results[step.id] = { state, counts: noCounts };
  const data: StepFinished = { state, counts: {}, exceptions: [{ key: step.id, status: 'failed', ...why }] };
  await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: state, data }));
}

/** What people left out is neither done nor shown, and may be half done. */
function doneSays({ skips }: RunMemory): string {
  const left = Object.keys(skips);
  return left.length === 0
    ? 'every step is done and shown'
    : `every other step is done and shown; left out by people: ${left.join(', ')}`;
}

async function finish({ memory, input, desk }: RunContext): Promise<RunResult> {
  const steps = input.runbook.steps;
  const bad = steps.filter(
    ({ id, bestEffortMs }) =>
      bestEffortMs === undefined && ['failed', 'partial'].includes(memory.results[id]?.state ?? ''),
  );
  const state = memory.cancelled ? 'cancelled' : bad.length > 0 || memory.stopped ? 'failed' : 'done';
  const says = {
    cancelled: 'cancelled; what is in force stays in force',
    failed: `incomplete: ${bad.map(({ id }) => id).join(', ')}`,
    done: doneSays(memory),
  }[state];
  const action: FinishInput['action'] = `run.${state}`;
  await condition(allHandlersFinished);
  desk.ended = true;
  await control.finish({ run: memory.run, action, says, endedAt: new Date(Date.now()).toISOString() });
  // Whoever spoke meanwhile is told that it was too late.
  await condition(allHandlersFinished);
  return { state };
}
