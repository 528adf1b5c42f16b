/** What the steps of a run share while it goes on, and what their expressions may name. */
import type { BeginInput, Warrant } from '../activities/contract.js';
import { itemsFrom } from '../core/items.js';
import type { Digest, Json } from '../core/json.js';
import type { Step } from '../core/runbook.js';
import type { AskRecord, RunMemory } from './memory.js';
import { NeedsPerson } from './person.js';
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

export function namesOf({ input, memory }: RunContext): Record<string, Json> {
  return { inputs: input.inputs, steps: memory.results as unknown as Json };
}

/** The inputs of the step's unit, one for each item of `for_each`. */
export function itemsOf(context: RunContext, step: Step): Json[] {
  const items = itemsFrom(step, namesOf(context));
  if (items === undefined)
    throw new NeedsPerson(
      {
        code: 'step.not-a-list',
        why: `for_each of "${step.id}" is not a list.`,
        next: 'correct the runbook and launch again.',
        step: step.id,
      },
      true,
    );
  if (step.bound !== undefined && step.work.kind !== 'change' && items.length > step.bound)
    throw new NeedsPerson(
      {
        code: 'bound.exceeded',
        why: `${items.length} targets were found for "${step.id}", and it is for ${step.bound} at most.`,
        next: '`skip` goes on without it; or correct the runbook and launch again.',
        step: step.id,
      },
      true,
    );
  return items;
}

export function askOf(memory: RunMemory, id: string | undefined): AskRecord | undefined {
  return memory.asks.find(({ ask }) => ask.id === id);
}

/** What checks found, by the name that executors know it by. */
function foundOf({ results }: RunMemory): Record<string, Digest> {
  return Object.fromEntries(
    Object.entries(results).flatMap(([step, { foundAs }]) => (foundAs === undefined ? [] : [[step, foundAs]])),
  );
}

export function warrantOf({ input: { launch }, memory }: RunContext, asked: AskRecord | undefined): Warrant {
  const found = foundOf(memory);
  const base: Warrant = Object.keys(found).length === 0 ? { launch } : { launch, found };
  if (asked === undefined) return base;
  const { gate, round, plan } = asked.ask.about;
  return { ...base, gate: { gate, round, plan, statements: asked.statements } };
}
