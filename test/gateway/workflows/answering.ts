/** A run and a containment that only answer: how often they heard something, or why not. For tests of the door alone. */
import { ApplicationFailure, condition, defineUpdate, proxyActivities, setHandler, sleep } from '@temporalio/workflow';
import type { BeginInput, ControlActivities } from '../../../activities/contract.js';
import type { Statement } from '../../../core/statement.js';

const stateUpdate = defineUpdate<{ outcome: string }, [Statement]>('state');
const control = proxyActivities<ControlActivities>({ startToCloseTimeout: 10_000 });

/** Longer than a door waits in these tests. */
const slowMs = 3_000;

export async function run(input: BeginInput): Promise<void> {
  const heard = answer();
  const begun = await control.begin(input);
  if (begun.refused !== undefined) return;
  await condition(() => heard.ended);
}

export async function containment(): Promise<void> {
  const heard = answer();
  await condition(() => heard.ended);
}

function answer(): { ended: boolean } {
  const heard = { count: 0, ended: false };
  setHandler(stateUpdate, async ({ verb, reason }) => {
    heard.count += 1;
    if (verb === 'deny')
      throw ApplicationFailure.nonRetryable('Whoever asked for this cannot also decide it.', 'gate.requester-excluded');
    if (reason === 'slowly') await sleep(slowMs);
    if (verb === 'cancel') heard.ended = true;
    return { outcome: `heard ${heard.count}` };
  });
  return heard;
}
