/** How the containment that outlives a run learns whose it is. */
import { defineSignal, getExternalWorkflowHandle } from '@temporalio/workflow';
import type { PrincipalId } from '../core/json.js';
import { containmentId } from '../core/queues.js';

export const ownerSignal = defineSignal<[PrincipalId]>('owner');

/** One that has ended holds nothing any more, and has nobody to page. */
export async function tellContainment(run: string, owner: PrincipalId): Promise<void> {
  await getExternalWorkflowHandle(containmentId(run))
    .signal(ownerSignal, owner)
    .catch(() => undefined);
}
