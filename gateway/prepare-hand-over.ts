/** Hand over: whose a run is from now on, and who is paged about it and about what it holds. It may come after the run's end. */
import { isResponder } from '../core/people.js';
import type { Prepare, Prepared } from './api.js';
import type { Preparing } from './prepare.js';
import { Refusal } from './refusal.js';
import { unknownName } from './unknown.js';
import { knownRun } from './views.js';

export async function prepareHandOver(
  { views, bundle: { people }, nonce }: Preparing,
  { run, to, reason }: Extract<Prepare, { verb: 'hand-over' }>,
): Promise<Prepared> {
  const view = await knownRun(views, run);
  const known = Object.values(people.principals).filter(({ revokedAt }) => revokedAt === undefined);
  if (!known.some(({ id }) => id === to)) {
    const names = known.map(({ id }) => id);
    throw unknownName('hand-over.unknown', `people.yaml has no active principal "${to}"`, to, names);
  }
  if (!isResponder(people, to))
    throw new Refusal(
      'hand-over.not-a-responder',
      `${to} is not in a group of responders (${people.responders.join(', ')}).`,
    );
  const { launch, incident, runbook, owner } = view;
  const why = reason === undefined ? '' : `: ${reason}`;
  return {
    about: { kind: 'run', run, launch, to },
    nonce,
    run,
    incident,
    shows: [`hand ${run} (${runbook}) over from ${owner} to ${to}${why}`],
  };
}
