/**
 * What exactly would be said: finds what a person means, stores what a new run would need, and returns the `about` to
 * be signed with lines to read first. Preparing changes nothing and binds nobody; it may be repeated at will.
 */
import { randomBytes } from 'node:crypto';
import type { Bundle } from '../core/installation.js';
import { isResponder } from '../core/people.js';
import type { PrincipalId } from '../core/json.js';
import { whoMay } from '../core/verbs.js';
import type { Store } from '../journal/store.js';
import type { Prepare, Prepared } from './api.js';
import { prepareGateAnswer } from './prepare-gate-answer.js';
import { prepareHandOver } from './prepare-hand-over.js';
import { prepareLaunch } from './prepare-launch.js';
import { prepareRelease, prepareUndo } from './prepare-exchange.js';
import { prepareRunAnswer } from './prepare-run-answer.js';
import { prepareTaskAnswer } from './prepare-task-answer.js';
import { Refusal } from './refusal.js';
import type { Views } from './views.js';

export interface Preparing {
  store: Store;
  views: Views;
  bundle: Bundle;
  by: PrincipalId;
  nonce: string;
}

/** What is said of a run that is there, at its gates or beside them. */
export type RunAsk = Exclude<
  Prepare,
  { verb: 'launch' | 'plan' | 'release' | 'undo' | 'hand-over' | 'confirm' | 'choose' }
>;

export type PreparingDeps = { store: Store; views: Views; bundle: () => Promise<Bundle> };

/** `nonce` is the card's for a button, so that two clicks are one statement; random otherwise. */
export async function prepare(
  deps: PreparingDeps,
  ask: Prepare,
  by: PrincipalId,
  nonce = newNonce(),
): Promise<Prepared> {
  const bundle = await deps.bundle();
  refuseStrangers(bundle, ask, by);
  const preparing: Preparing = { store: deps.store, views: deps.views, bundle, by, nonce };
  switch (ask.verb) {
    case 'launch':
    case 'plan':
      return prepareLaunch(preparing, ask);
    case 'release':
      return prepareRelease(preparing, ask);
    case 'undo':
      return prepareUndo(preparing, ask);
    case 'approve':
    case 'deny':
    case 'withdraw':
      return prepareGateAnswer(preparing, ask);
    case 'hand-over':
      return prepareHandOver(preparing, ask);
    case 'confirm':
    case 'choose':
      return prepareTaskAnswer(preparing, ask);
    default:
      return prepareRunAnswer(preparing, ask);
  }
}

/** Early and only for courtesy: what counts is ruled when it was said, by the engine and again by executors. */
function refuseStrangers({ people }: Bundle, { verb }: Prepare, by: PrincipalId): void {
  const principal = people.principals[by];
  if (principal === undefined) throw new Refusal('person.unknown', `people.yaml has no principal "${by}".`);
  if (principal.revokedAt !== undefined)
    throw new Refusal('person.revoked', `${by} was revoked at ${principal.revokedAt}.`);
  const { who } = whoMay[verb];
  if (who !== 'gate' && who !== 'step' && !isResponder(people, by)) {
    throw new Refusal(
      'person.not-a-responder',
      `${by} is not in a group of responders (${people.responders.join(', ')}), who alone may ${verb}.`,
    );
  }
}

function newNonce(): string {
  return randomBytes(16).toString('hex');
}
