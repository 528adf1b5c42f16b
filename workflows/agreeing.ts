/** What a changing step waits for before it writes: its plan, and the people who must agree to it. */
import { CancellationScope } from '@temporalio/workflow';
import type { PlanInput } from '../activities/contract.js';
import { boundOf, type BoundEffect } from '../core/bound.js';
import { evaluate, type Expr, stepsRead } from '../core/expression.js';
import { atLeast } from '../core/gate.js';
import { followFromLaunch } from '../core/items.js';
import type { Digest, Json } from '../core/json.js';
import type { PlanRef } from '../core/plan.js';
import { leastGateOf, worst } from '../core/risk.js';
import type { Step } from '../core/runbook.js';
import { awaitAsk, openAsk } from './asking.js';
import type { AskRecord, Planned } from './memory.js';
import { NeedsPerson } from './person.js';
import { executor } from './proxies.js';
import { calling } from './record.js';
import { closeIdleAsks } from './requests.js';
import { askOf, itemsOf, namesOf, type RunContext } from './run-context.js';

/** The step's plan, once people have agreed to it; planned and asked for with the other steps that name its gate. */
export async function agree(context: RunContext, step: Step): Promise<Planned> {
  const { memory } = context;
  if (memory.planned[step.id] === undefined) await planTogether(context, step);
  const planned = memory.planned[step.id];
  if (planned === undefined) throw new Error(`step ${step.id} has no plan`);
  await agreed(context, step, planned);
  return planned.plan.atMost === undefined ? planned : planFound(context, step, planned);
}

/** People agreed to a number of targets before these were found. Of more than that nobody said which, so all are asked about. */
async function planFound(context: RunContext, step: Step, { plan: bound, ask }: Planned): Promise<Planned> {
  const items = itemsOf(context, step);
  if (items.length > (bound.atMost ?? 0)) return agreeOn(context, step, items);
  const planned: Planned = { plan: await planOf(context, step, { items }), ...(ask === undefined ? {} : { ask }) };
  context.memory.planned[step.id] = planned;
  return planned;
}

/** A new round for these items alone. */
export async function agreeOn(context: RunContext, step: Step, items: Json[]): Promise<Planned> {
  const plan = await planOf(context, step, { items });
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
  // It asks for others, too: that this step is left out meanwhile must not leave a gate that asks and hears nobody.
  const mine = CancellationScope.nonCancellable(() => planGroup(context, step, gate)).finally(() =>
    context.planning.delete(gate),
  );
  context.planning.set(gate, mine);
  await mine;
  if (Object.keys(context.memory.skips).length > 0) await closeIdleAsks(context);
}

async function planGroup(context: RunContext, first: Step, gate: string): Promise<void> {
  const { memory, input } = context;
  const steps = input.runbook.steps.filter(
    (step) => step.id === first.id || (step.gate === gate && isPlannable(context, step)),
  );
  const planned = await Promise.all(
    steps.map(async (step) => {
      try {
        const bound = step.id === first.id ? undefined : unfound(context, step);
        return [{ step, plan: await planOf(context, step, bound === undefined ? undefined : { bound }) }];
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
  const isKnown = (expr: Expr | undefined): boolean =>
    expr === undefined || stepsRead(expr).every((id) => memory.results[id] !== undefined);
  if (step.if !== undefined && isKnown(step.if) && evaluate(step.if, namesOf(context)) !== true) return false;
  return (
    [step.if, step.forEach, step.work.kind === 'change' ? step.work.with : undefined].every(isKnown) ||
    unfound(context, step) !== undefined
  );
}

/** What can be asked about a step whose targets are still to be found; undefined where they are known, or must be. */
function unfound(context: RunContext, step: Step): BoundEffect | undefined {
  const isKnown = stepsRead(step.forEach ?? noItems).every((id) => context.memory.results[id] !== undefined);
  // Where something is taken over, people see for each target what a release will put back.
  if (isKnown || step.work.kind !== 'change' || adoptedAt(context, step) !== undefined) return undefined;
  return boundOf(step, step.work.risk);
}

/** What is told of the step's targets, where the launch takes over what was done to them by hand. */
function adoptedAt({ input: { launch } }: RunContext, { id }: Step): Digest | undefined {
  const adopts = launch.about.kind === 'launch' ? launch.about.adopts : undefined;
  return adopts?.step === id ? adopts.was : undefined;
}

const noItems: Expr = { op: 'list', items: [] };

/** Of what a step is planned: items, all that follow from its launch, what is still to be found, or what a try left over. */
type Planning = Pick<PlanInput, 'items' | 'launch' | 'bound' | 'leftOf'>;

/**
 * Items that follow from the launch do not travel along, for the executor works them out of what was launched: thousands are near
 * the limit of a payload.
 */
export async function planOf(context: RunContext, step: Step, of: Planning = allOf(context, step)): Promise<PlanRef> {
  const { memory, input } = context;
  const round = (memory.rounds[step.gate ?? ''] ?? 0) + 1;
  const { run } = memory;
  const { work, retry } = step;
  const adopts = adoptedAt(context, step);
  if (work.kind === 'change') {
    const { unit, system } = work;
    return calling(
      memory,
      executor(system, step.timeoutMs).plan({
        run,
        step: step.id,
        round,
        unit,
        ...of,
        onFailure: step.onFailure,
        ...(adopts === undefined ? {} : { adopts }),
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

function allOf(context: RunContext, step: Step): Planning {
  return followFromLaunch(step) ? { launch: context.input.launch } : { items: itemsOf(context, step) };
}

/** A gate with nothing to change does not ask. */
async function askFor(
  context: RunContext,
  gate: string,
  planned: { step: Step; plan: PlanRef }[],
): Promise<Record<string, Planned>> {
  const { memory, input, desk } = context;
  const asking = planned.filter(({ plan }) => changesSomething(plan));
  const spec = input.runbook.gates[gate];
  let ask: string | undefined;
  // A step without a gate goes on without an approval; its executor refuses it.
  if (asking.length > 0 && spec !== undefined) {
    const least = leastGateOf(worst(asking.map(({ plan }) => plan.risk)), memory.byService === true);
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
    planned.map(({ step, plan }) => [
      step.id,
      { plan, ...(ask === undefined || !changesSomething(plan) ? {} : { ask }) },
    ]),
  );
}

function changesSomething({ toChange, atMost = 0 }: PlanRef): boolean {
  return toChange > 0 || atMost > 0;
}
