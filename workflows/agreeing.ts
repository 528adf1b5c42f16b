/** What a changing step waits for before it writes: its plan, and the people who must agree to it. */
import { CancellationScope } from '@temporalio/workflow';
import { evaluate, stepsRead } from '../core/expression.js';
import { atLeast } from '../core/gate.js';
import type { Json } from '../core/json.js';
import type { PlanRef } from '../core/plan.js';
import { leastGate, worst } from '../core/risk.js';
import type { Step } from '../core/runbook.js';
import { awaitAsk, openAsk } from './asking.js';
import type { AskRecord, Planned } from './memory.js';
import { NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling } from './record.js';
import { askOf, itemsOf, namesOf, type RunContext } from './run-context.js';

/** The step's plan, once people have agreed to it; planned and asked for with the other steps that name its gate. */
export async function agree(context: RunContext, step: Step): Promise<Planned> {
  const { memory } = context;
  if (memory.planned[step.id] === undefined) await planTogether(context, step);
  const planned = memory.planned[step.id];
  if (planned === undefined) throw new Error(`step ${step.id} has no plan`);
  await agreed(context, step, planned);
  return planned;
}

/** A new round for these items alone. */
export async function agreeOn(context: RunContext, step: Step, items: Json[]): Promise<Planned> {
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
  const id = asked.ask.id;
  // Several steps wait for it: that one of them is left out must not end the asking for the others.
  const wait = awaiting.get(id) ?? CancellationScope.nonCancellable(() => awaitAsk(memory, asked));
  awaiting.set(id, wait);
  return Promise.race([wait, CancellationScope.current().cancelRequested]);
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
  const changes = step.work.kind === 'change' || step.work.kind === 'exchange';
  if (!changes || memory.results[step.id] !== undefined || memory.planned[step.id] !== undefined) return false;
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
  if (work.kind !== 'exchange') throw new Error(`${step.id} changes nothing`);
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
