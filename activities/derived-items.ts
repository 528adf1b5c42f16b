/**
 * A step's items must follow from what was launched, and from what checks of the run found; a forged run could otherwise work on
 * whatever it likes. What was found is taken from the record, where only executors write it.
 */
import { canonical } from '../core/canonical.js';
import { derived } from '../core/derived.js';
import { ExpressionError } from '../core/expression.js';
import { followFromLaunch, itemsFrom } from '../core/items.js';
import type { StepFound } from '../core/event-data.js';
import type { Digest, Json, JsonObject } from '../core/json.js';
import { isByPerson, type Runbook, type Step } from '../core/runbook.js';
import { digestOf } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { Warrant } from './contract.js';
import { refuse } from './refuse.js';

export interface Derivation {
  store: Store;
  run: string;
  runbook: Runbook;
  step: Step;
  warrant: Warrant;
}

/**
 * The items that the step may have, in their canonical form. Undefined where they depend on more than the executor can look up,
 * such as how an earlier step ended: then the approved effects alone are the bound.
 */
export async function derivedItems(derivation: Derivation): Promise<ReadonlySet<string> | undefined> {
  const { store, step, warrant } = derivation;
  const { about } = warrant.launch;
  if (about.kind !== 'launch' || step.work.kind === 'exchange' || isByPerson(step.work)) return undefined;
  const inputs = (await store.document('inputs', about.inputs)) as JsonObject | undefined;
  if (inputs === undefined || digestOfInputs(inputs) !== about.inputs)
    throw refuse('warrant.inputs-unknown', 'The inputs that were launched are not on record.');
  if (followFromLaunch(step)) return launchedItems(step)(inputs);
  return derive(step, { inputs, steps: await found(derivation) });
}

const digestOfInputs = derived((inputs: JsonObject) => digestOf(inputs));
const launchedItems = derived((step: Step) => derived((inputs: JsonObject) => derive(step, { inputs })));

/** What each check of the run found; nothing where none is named, as where it was skipped. */
async function found({ store, run, runbook, warrant }: Derivation): Promise<{ [step: string]: Json }> {
  const checks = runbook.steps.filter(({ work }) => work.kind === 'check');
  const entries = checks.map(async ({ id }): Promise<[string, Json]> => {
    const digest = warrant.found?.[id];
    return [id, { found: digest === undefined ? [] : await foundAs(store, run, id, digest) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function foundAs(store: Store, run: string, step: string, digest: Digest): Promise<Json[]> {
  const events = await store.events({ run, actions: ['step.found'] });
  const onRecord = events.some((event) => event.step === step && (event.data as unknown as StepFound).found === digest);
  const body = onRecord ? await store.document('found', digest) : undefined;
  if (Array.isArray(body) && digestOf(body) === digest) return body;
  throw refuse('warrant.found-unknown', `Step "${step}" of ${run} is not on record as having found that.`);
}

function derive(step: Step, names: Record<string, Json>): ReadonlySet<string> | undefined {
  try {
    const items = itemsFrom(step, names);
    return items === undefined ? undefined : new Set(items.map((item) => canonical(item)));
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

export async function refuseForeignItems(derivation: Derivation, items: Json[]): Promise<void> {
  const known = await derivedItems(derivation);
  if (known === undefined) return;
  const foreign = items.find((item) => !known.has(canonical(item)));
  if (foreign !== undefined)
    throw refuse('warrant.foreign-item', `${JSON.stringify(foreign)} does not follow from what was launched.`);
}
