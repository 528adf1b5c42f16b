/**
 * Takes over what somebody did by hand. What was there before nobody can read any more: it is as a person tells it, and people
 * agree to that word, too, for a release will put it back. What is not quite as the step leaves it is made so.
 */
import { canonical, same } from '../core/canonical.js';
import { changeKey, effectOf, type OnFailure } from '../core/change.js';
import { FirebreakError } from '../core/errors.js';
import type { Digest, Json } from '../core/json.js';
import type { PlannedChange } from '../core/plan.js';
import { digestOf, effectDigest } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { AnyAction } from './define-action.js';
import { refuse } from './refuse.js';

/** The changes, those that are named among them as adopted; names are those of targets, as `eni-1` or `eni-1#groups`. */
export async function adopted(
  changes: PlannedChange[],
  { store, action, onFailure, was }: { store: Store; action: AnyAction; onFailure: OnFailure; was: Digest },
): Promise<PlannedChange[]> {
  const told = await toldBefore(store, was);
  const found = new Map<string, PlannedChange>();
  for (const [name, before] of Object.entries(told)) {
    const change = changeNamed(changes, name);
    refuseHeld(change, action);
    found.set(changeKey(change), adoptedChange(change, stateTold(action, change, before), onFailure));
  }
  return changes.map((change) => found.get(changeKey(change)) ?? change);
}

async function toldBefore(store: Store, was: Digest): Promise<{ [name: string]: Json }> {
  const told = await store.document('adopted', was);
  if (typeof told === 'object' && told !== null && !Array.isArray(told) && digestOf(told) === was) return told;
  throw refuse('adopt.unknown', 'What was there before is not on record as it was told.');
}

function changeNamed(changes: PlannedChange[], name: string): PlannedChange {
  const matching = changes.filter(({ target, aspect }) => target.id === name || `${target.id}#${aspect}` === name);
  const [change] = matching;
  if (change !== undefined && matching.length === 1) return change;
  const known = changes.map(({ target, aspect }) => `${target.id}#${aspect}`);
  throw new FirebreakError(
    change === undefined ? 'adopt.no-such-target' : 'adopt.ambiguous',
    `${change === undefined ? 'The step works on no' : 'There are several sides of'} ${name}.`,
    { nextStep: `Cancel, and name one of ${known.join(', ')}.` },
  );
}

function refuseHeld({ hold, target, oneWay }: PlannedChange, { name }: AnyAction): void {
  const nextStep = 'Cancel, and launch it without adopting this.';
  if (oneWay)
    throw new FirebreakError('adopt.one-way', `${name} has no way back, so there is nothing to take over.`, {
      nextStep,
    });
  if (hold !== undefined)
    throw new FirebreakError('adopt.held', `${target.id} is held by Firebreak already (${hold}).`, { nextStep });
}

/** As JSON; or as people type it, a text, a list with commas, yes or no, which is the one field that such a state has. */
function stateTold({ name, state }: AnyAction, { target, after }: PlannedChange, told: Json): Json {
  for (const reading of typeof told === 'string' ? readingsOf(told, after) : [told]) {
    const read = state.safeParse(reading);
    if (read.success) return read.data as Json;
  }
  throw new FirebreakError(
    'adopt.unreadable',
    `What ${target.id} is said to have been is no state that ${name} knows.`,
    {
      nextStep: `Cancel, and tell it like this one: ${canonical(after)}`,
    },
  );
}

function readingsOf(told: string, like: Json): Json[] {
  const list = told.split(',').map((part) => part.trim());
  const words: Json[] = [told, list, ...(told === 'true' || told === 'false' ? [told === 'true'] : [])];
  const [field, ...more] = typeof like === 'object' && like !== null ? Object.keys(like) : [];
  return field === undefined || more.length > 0 ? words : [...words, ...words.map((word) => ({ [field]: word }))];
}

function adoptedChange(change: PlannedChange, before: Json, onFailure: OnFailure): PlannedChange {
  if (same(before, change.after))
    throw new FirebreakError('adopt.no-change', `${change.target.id} is said to have been as it is now.`, {
      nextStep: 'Cancel, and launch it without adopting this: there is nothing to put back.',
    });
  const found = change.standing === 'already' ? {} : { found: change.before };
  const taken: PlannedChange = { ...change, ...found, before, adopted: true, standing: 'change' };
  return { ...taken, effect: effectDigest(effectOf(taken, onFailure)) };
}
