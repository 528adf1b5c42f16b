/** Adopting: a launch that takes over, at one of its steps, what somebody has done by hand. */
import type { Runbook } from '../core/runbook.js';
import type { LaunchAbout } from '../core/statement.js';
import { digestOf } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { Adopt } from './api.js';
import { short } from './lines.js';
import { Refusal } from './refusal.js';
import { unknownName } from './unknown.js';

export function refuseUnadoptable({ name, steps }: Runbook, { step: id, was }: Adopt): void {
  const changing = steps.filter(({ work }) => work.kind === 'change').map((step) => step.id);
  if (!changing.includes(id))
    throw unknownName('step.unknown', `${name} has no step "${id}" that changes something`, id, changing);
  if (Object.keys(was).length === 0)
    throw new Refusal(
      'adopt.nothing-told',
      'Nothing is told of what was there before.',
      'say it for each target, as in `--was eni-0ab1c2d3=sg-0ab1c2d3`.',
    );
}

/** What is told lies in the store before anybody signs its digest. */
export async function keepAdopted(store: Store, { step, was }: Adopt): Promise<NonNullable<LaunchAbout['adopts']>> {
  const digest = digestOf(was);
  await store.putDocument('adopted', digest, was);
  return { step, was: digest };
}

export function adoptLines(adopt: Adopt | undefined): string[] {
  if (adopt === undefined) return [];
  const told = Object.entries(adopt.was).map(([target, before]) => `  ${target} was ${short(before)}`);
  return [`takes over what was done by hand at step "${adopt.step}"; a release puts back what you tell:`, ...told];
}
