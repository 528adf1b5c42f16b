/** `needs a person` is a state, not a failure: the step waits until somebody says retry, or the run is cancelled. */
import { ActivityFailure, ApplicationFailure, condition, isCancellation } from '@temporalio/workflow';
import type { NeedsAPerson } from '../core/event-data.js';
import type { RunMemory } from './memory.js';
import { eventOf, record } from './record.js';
import type { Desk } from './statements.js';

/** Thrown where only a person can say how to go on. */
export class NeedsPerson extends Error {
  readonly needs: NeedsAPerson;
  /** Whether a retry must plan and ask anew: after a denial, an expiry, or a refused warrant. */
  readonly anew: boolean;

  constructor(needs: NeedsAPerson, anew: boolean) {
    super(needs.why);
    this.needs = needs;
    this.anew = anew;
  }
}

/** What a person is told of an error; what was cancelled stays cancelled. */
export function asPersonNeed(error: unknown, step: string): NeedsPerson {
  if (error instanceof NeedsPerson) return error;
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const next = 'look at it; `retry` goes on from here, `cancel` ends the run and keeps what is in force.';
  if (cause instanceof ApplicationFailure) {
    const told = (cause.details?.[0] as { nextStep?: string } | undefined)?.nextStep;
    return new NeedsPerson(
      {
        code: cause.type ?? 'engine.error',
        why: cause.message,
        next: told === undefined ? next : `${told} Then \`retry\`, or \`cancel\`.`,
        step,
      },
      true,
    );
  }
  const why = error instanceof Error ? `${error.message} (this is a bug)` : 'an unknown error (this is a bug)';
  return new NeedsPerson({ code: 'engine.error', why, next, step }, true);
}

/** Waits for `retry`. A cancelled run never comes back from here. */
export async function awaitPerson(
  memory: RunMemory,
  desk: Desk,
  step: string,
  { needs, anew }: NeedsPerson,
): Promise<void> {
  let told = false;
  desk.waiting.set(step, () => {
    told = true;
    // At once, so that steps which wait for the same gate are planned and asked for together again.
    if (anew) forgetPlan(memory, step);
  });
  try {
    await record(memory, eventOf(memory, 'run.needs-a-person', { step, data: needs }));
    await condition(() => told);
  } finally {
    desk.waiting.delete(step);
  }
  await record(memory, eventOf(memory, 'run.resumed', { step }));
}

/** With those of steps that were not reached yet: what was denied to one of them, or ran out of time, was so for all. */
function forgetPlan(memory: RunMemory, step: string): void {
  const ask = memory.planned[step]?.ask;
  delete memory.planned[step];
  const state = memory.asks.find((asked) => asked.ask.id === ask)?.state;
  if (state !== 'denied' && state !== 'expired') return;
  for (const [other, planned] of Object.entries(memory.planned)) if (planned.ask === ask) delete memory.planned[other];
}
