/** What a card is made from, fetched: the run as the journal has it, what it holds, and its plan where the card shows one. */
import type { CardFacts } from './cards.js';
import type { SlackDoor } from './speak.js';

export async function factsOf(door: SlackDoor, run: string): Promise<CardFacts | undefined> {
  const found = await door.view(run);
  if (found === undefined) return undefined;
  // A status shows the plan only when planning was all the run was for; a large plan is not read for nothing.
  const plan = found.view.verb === 'plan' ? await door.plan(run) : { plan: undefined, steps: [] };
  return { ...found, plan };
}
