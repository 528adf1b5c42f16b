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

interface Adopting {
  store: Store;
  run: string;
  step: string;
  action: AnyAction;
  onFailure: OnFailure;
  was: Digest;
}

/** The changes, those that are named among them as adopted; names are those of targets, as `eni-1` or `eni-1#groups`. */
export async function adopted(changes: PlannedChange[], adopting: Adopting): Promise<PlannedChange[]> {
  const { store, run, step, action, onFailure, was } = adopting;
  const told = await toldBefore(store, was);
  // A try before this one took over what it could: what is planned again may be what it left, and may be held by it.
  const settled = await store.outcomes(run, step);
  const found = new Map<string, PlannedChange>();
  for (const [name, before] of Object.entries(told)) {
    const [change, ...more] = changesNamed(changes, name);
    if (change === undefined && changesNamed(settled, name).length > 0) continue;
    if (change === undefined || more.length > 0) throw noneOrSeveral(changes, name);
    const state = stateTold(action, change, before);
    const held = change.hold === undefined ? undefined : await store.hold(change.hold);
    const ours = held?.origin.run === run && held.origin.step === step;
    if (!ours) refuseHeld(change, action);
    if (!ours || same(held.before, state)) found.set(changeKey(change), adoptedChange(change, state, onFailure));
  }
  return changes.map((change) => found.get(changeKey(change)) ?? change);
}

async function toldBefore(store: Store, was: Digest): Promise<{ [name: string]: Json }> {
  const told = await store.document('adopted', was);
  if (typeof told === 'object' && told !== null && !Array.isArray(told) && digestOf(told) === was) return told;
  throw refuse('adopt.unknown', 'What was there before is not on record as it was told.');
}

function changesNamed<T extends Pick<PlannedChange, 'target' | 'aspect'>>(changes: T[], name: string): T[] {
  return changes.filter(({ target, aspect }) => target.id === name || `${target.id}#${aspect}` === name);
}

function noneOrSeveral(changes: PlannedChange[], name: string): FirebreakError {
  const known = changes.map(({ target, aspect }) => `${target.id}#${aspect}`);
  const none = changesNamed(changes, name).length === 0;
  return new FirebreakError(
    none ? 'adopt.no-such-target' : 'adopt.ambiguous',
    `${none ? 'The step works on no' : 'There are several sides of'} ${name}.`,
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
