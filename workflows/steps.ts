/** Carries one step through: when it may begin, what it works on, what people must agree to, and how it ended. */
import { condition } from '@temporalio/workflow';
import type { BeginInput, CarryOutInput, Warrant } from '../activities/contract.js';
import { addCounts, type Counts, noCounts, stateOf } from '../core/counts.js';
import type { StepFinished } from '../core/event-data.js';
import { evaluate, stepsRead } from '../core/expression.js';
import { atLeast } from '../core/gate.js';
import type { Json } from '../core/json.js';
import type { PlanRef } from '../core/plan.js';
import { leastGate, worst } from '../core/risk.js';
import type { Step } from '../core/runbook.js';
import { awaitAsk, openAsk } from './asking.js';
import { watchOver } from './containing.js';
import type { AskRecord, Planned, RunMemory, StepResult } from './memory.js';
import { asPersonNeed, awaitPerson, NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling, eventOf, record } from './record.js';
import type { Desk } from './statements.js';

export interface RunContext {
  input: BeginInput;
  memory: RunMemory;
  desk: Desk;
  /** Planning under way, by gate: several steps that name one gate are planned and asked for together. */
  planning: Map<string, Promise<void>>;
  /** Waits under way, by asking: a gate reminds once, however many steps wait for it. */
  awaiting: Map<string, Promise<Exclude<AskRecord['state'], 'asking'>>>;
  /** The last handing over to the containment that has begun. */
  containing?: Promise<void>;
}

/** Batches of one step under way at once. */
const batchesAtOnce = 8;
/** Rounds in which a step may ask for what lay outside what was approved; then a person must look. */
const roundsMax = 5;

export async function runStep(context: RunContext, step: Step): Promise<void> {
  const { memory } = context;
  if (memory.results[step.id] !== undefined) return;
  await condition(() => memory.stopped || step.needs.every((id) => memory.results[id] !== undefined));
  if (memory.stopped) return skip(context, step, 'the run was stopped by a failure before it');
  for (;;) {
    try {
      if (step.if !== undefined && evaluate(step.if, namesOf(context)) !== true)
        return await skip(context, step, 'its condition is not met');
      const result = step.work.kind === 'collect' ? await collect(context, step) : await change(context, step);
      return end(context, step, result);
    } catch (error) {
      await awaitPerson(memory, context.desk, step.id, asPersonNeed(error, step.id));
    }
  }
}

function end({ memory }: RunContext, step: Step, result: StepResult): void {
  memory.results[step.id] = result;
  const failed = result.state === 'failed' || result.state === 'partial';
  const stops = step.onFailure === 'stop' || step.onFailure === 'undo';
  if (failed && stops && step.bestEffortMs === undefined) memory.stopped = true;
}

async function skip({ memory }: RunContext, step: Step, why: string): Promise<void> {
  await record(memory, eventOf(memory, 'step.skipped', { step: step.id, outcome: 'skipped', data: { why } }));
  memory.results[step.id] = { state: 'skipped', counts: noCounts };
}

function namesOf({ input, memory }: RunContext): Record<string, Json> {
  return { inputs: input.inputs, steps: memory.results as unknown as Json };
}

/** The inputs of the step's unit, one for each item of `for_each`. */
export function itemsOf(context: RunContext, step: Step): Json[] {
  if (step.work.kind === 'exchange') return [];
  const names = namesOf(context);
  const { with: template } = step.work;
  if (step.forEach === undefined) return [evaluate(template, names)];
  const list = evaluate(step.forEach, names);
  if (!Array.isArray(list))
    throw new NeedsPerson(
      {
        code: 'step.not-a-list',
        why: `for_each of "${step.id}" is not a list.`,
        next: 'correct the runbook and launch again.',
        step: step.id,
      },
      true,
    );
  return list.map((item) => evaluate(template, { ...names, item }));
}

// Collecting

async function collect(context: RunContext, step: Step): Promise<StepResult> {
  const { memory, input } = context;
  if (step.work.kind !== 'collect') throw new Error(`${step.id} collects nothing`);
  const { unit, system } = step.work;
  const items = itemsOf(context, step);
  const batches = chunks(items, step.batch);
  const timeBox = step.bestEffortMs === undefined ? {} : { timeBoxMs: step.bestEffortMs };
  const closes = batches.length === 1;
  let failure: string | undefined;
  const ends = await inParallel(batches, async (batch, index) => {
    try {
      const work = {
        run: memory.run,
        step: step.id,
        unit,
        items: batch,
        ...timeBox,
        warrant: { launch: input.launch },
        opens: index === 0,
        closes,
        retry: step.retry,
      };
      return await calling(memory, executor(system, step.timeoutMs).collect(work));
    } catch (error) {
      const need = asPersonNeed(error, step.id);
      // Evidence does not hold up containment: what could not be collected is on the record, and the run goes on.
      if (step.bestEffortMs === undefined) throw need;
      failure = need.needs.why;
      return { collected: 0, failed: batch.length };
    }
  });
  const failed = ends.reduce((sum, each) => sum + each.failed, 0);
  const collected = ends.reduce((sum, each) => sum + each.collected, 0);
  const state = failed === 0 ? 'done' : collected > 0 ? 'partial' : 'failed';
  if (!closes || failure !== undefined) {
    const data: StepFinished = {
      state,
      counts: { collected, failed },
      exceptions:
        failure === undefined ? [] : [{ key: step.id, status: 'failed', code: 'evidence.failed', message: failure }],
    };
    await record(memory, eventOf(memory, 'step.finished', { step: step.id, outcome: state, data }));
  }
  return { state, counts: noCounts };
}

// Changing

async function change(context: RunContext, step: Step): Promise<StepResult> {
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

/** The step's plan, once people have agreed to it; planned and asked for with the other steps that name its gate. */
async function agree(context: RunContext, step: Step): Promise<Planned> {
  const { memory } = context;
  if (memory.planned[step.id] === undefined) await planTogether(context, step);
  const planned = memory.planned[step.id];
  if (planned === undefined) throw new Error(`step ${step.id} has no plan`);
  await agreed(context, step, planned);
  return planned;
}

/** A new round for these items alone. */
async function agreeOn(context: RunContext, step: Step, items: Json[]): Promise<Planned> {
  const plan = await planOf(context, step, items);
  const planned = await askFor(context, step.gate ?? '', [{ step, plan }]);
  const mine = planned[step.id] as Planned;
  context.memory.planned[step.id] = mine;
  await agreed(context, step, mine);
  return mine;
}

async function agreed(context: RunContext, step: Step, { ask }: Planned): Promise<void> {
  const asked = askOf(context.memory, ask);
  if (asked === undefined) return;
  const state = await awaitOnce(context, asked);
  if (state === 'passed') return;
  const denier = asked.counted.find(({ verb }) => verb === 'deny')?.by;
  const why =
    state === 'denied'
      ? `Gate "${asked.ask.about.gate}" was denied by ${denier}.`
      : `Gate "${asked.ask.about.gate}" ran out of time; nothing was done.`;
  throw new NeedsPerson(
    { code: `gate.${state}`, why, next: '`retry` plans anew and asks again; `cancel` ends the run.', step: step.id },
    true,
  );
}

function awaitOnce({ memory, awaiting }: RunContext, asked: AskRecord): Promise<Exclude<AskRecord['state'], 'asking'>> {
  const known = awaiting.get(asked.ask.id);
  if (known !== undefined) return known;
  const wait = awaitAsk(memory, asked);
  awaiting.set(asked.ask.id, wait);
  return wait;
}

function askOf(memory: RunMemory, id: string | undefined): AskRecord | undefined {
  return memory.asks.find(({ ask }) => ask.id === id);
}

/** Plans all steps that name this step's gate and can be planned now, and asks for them in one round. */
async function planTogether(context: RunContext, step: Step): Promise<void> {
  const gate = step.gate ?? '';
  // Again and again: of several that waited for one that failed, the first plans for all of them.
  for (let running = context.planning.get(gate); running !== undefined; running = context.planning.get(gate)) {
    await running.catch(() => undefined);
    if (context.memory.planned[step.id] !== undefined) return;
  }
  const mine = planGroup(context, step, gate).finally(() => context.planning.delete(gate));
  context.planning.set(gate, mine);
  await mine;
}

async function planGroup(context: RunContext, first: Step, gate: string): Promise<void> {
  const { memory, input } = context;
  const steps = input.runbook.steps.filter(
    (step) => step.id === first.id || (step.gate === gate && isPlannable(context, step)),
  );
  const planned = await Promise.all(
    steps.map(async (step) => {
      try {
        return [{ step, plan: await planOf(context, step, itemsOf(context, step)) }];
      } catch (error) {
        // Another step's trouble is shown when that step is reached; it does not hold up this one.
        if (step.id === first.id) throw error;
        return [];
      }
    }),
  );
  Object.assign(memory.planned, await askFor(context, gate, planned.flat()));
}

function isPlannable(context: RunContext, step: Step): boolean {
  const { memory } = context;
  if (step.work.kind === 'collect' || memory.results[step.id] !== undefined || memory.planned[step.id] !== undefined)
    return false;
  const read = [step.if, step.forEach, step.work.kind === 'change' ? step.work.with : undefined].flatMap((expr) =>
    expr === undefined ? [] : stepsRead(expr),
  );
  if (read.some((id) => memory.results[id] === undefined)) return false;
  return step.if === undefined || evaluate(step.if, namesOf(context)) === true;
}

export async function planOf({ memory, input }: RunContext, step: Step, items: Json[]): Promise<PlanRef> {
  const round = (memory.rounds[step.gate ?? ''] ?? 0) + 1;
  const { run } = memory;
  const { work, retry } = step;
  if (work.kind === 'change') {
    const { unit, system } = work;
    return calling(
      memory,
      executor(system, step.timeoutMs).plan({
        run,
        step: step.id,
        round,
        unit,
        items,
        onFailure: step.onFailure,
        retry,
      }),
    );
  }
  if (work.kind === 'collect') throw new Error(`${step.id} changes nothing`);
  const asked = input.inputs as { runs?: string[]; run?: string; step?: string };
  const runs = asked.runs ?? (asked.run === undefined ? [] : [asked.run]);
  const only = asked.step === undefined ? {} : { onlyStep: asked.step };
  return calling(
    memory,
    executor(work.system, step.timeoutMs).planExchange({
      run,
      step: step.id,
      round,
      of: work.of,
      runs,
      ...only,
      retry,
    }),
  );
}

/** A gate with nothing to change does not ask. */
async function askFor(
  context: RunContext,
  gate: string,
  planned: { step: Step; plan: PlanRef }[],
): Promise<Record<string, Planned>> {
  const { memory, input, desk } = context;
  const asking = planned.filter(({ plan }) => plan.toChange > 0);
  const spec = input.runbook.gates[gate];
  let ask: string | undefined;
  // A step without a gate goes on without an approval; its executor refuses it.
  if (asking.length > 0 && spec !== undefined) {
    const least = leastGate[worst(asking.map(({ plan }) => plan.risk))];
    const asked = await openAsk(memory, desk, {
      gate,
      spec: atLeast(spec, least),
      allows: 'carry out',
      plans: asking.map(({ plan }) => plan),
      containing: asking.some(({ step }) => step.phase === 'contain'),
      excluded: [memory.run.requester],
    });
    ask = asked.ask.id;
  }
  return Object.fromEntries(
    planned.map(({ step, plan }) => [step.id, { plan, ...(ask === undefined || plan.toChange === 0 ? {} : { ask }) }]),
  );
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
  const ends = await inParallel(batches, (range, index) =>
    calling(memory, executor(plan.system, step.timeoutMs).carryOut({ ...base, ...range, opens: index === 0 })),
  );
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

function warrantOf({ launch }: BeginInput, asked: AskRecord | undefined): Warrant {
  if (asked === undefined) return { launch };
  const { gate, round, plan } = asked.ask.about;
  return { launch, gate: { gate, round, plan, statements: asked.statements } };
}

function chunks<T>(list: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

async function inParallel<T, R>(list: T[], work: (each: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = Array(list.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < list.length; index = next++) results[index] = await work(list[index] as T, index);
  };
  await Promise.all(Array.from({ length: Math.min(batchesAtOnce, list.length) }, lane));
  return results;
}
