/** How a run hands what it contains to the workflow that outlives it; before the first write, so that no kill leaves it unwatched. */

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import type { Warrant } from '../activities/contract.js';
import type { PlanRef } from '../core/plan.js';
import { containmentId, workflowTaskTimeoutMs } from '../core/queues.js';
import type { Step } from '../core/runbook.js';
import { containment, type Watched, watchMoreSignal } from './containment.js';
import type { RunMemory } from './memory.js';
import { tellContainment } from './owner.js';
import { calling } from './record.js';
import type { RunContext } from './run-context.js';

export async function watchOver(context: RunContext, step: Step, plan: PlanRef, warrant: Warrant): Promise<void> {
  const { memory } = context;
  const id = `${step.id}#${plan.round}`;
  const watched: Watched = {
    step: step.id,
    plan,
    warrant,
    ...(step.reviewAfterMs === undefined ? {} : { reviewAfterMs: step.reviewAfterMs }),
  };
  context.containing = handOverNext(memory, id, watched, context.containing);
  await context.containing;
}

/** One after the other, and each on its own: a handing over that failed must not keep the next from being tried. */
async function handOverNext(
  memory: RunMemory,
  id: string,
  watched: Watched,
  before: Promise<void> | undefined,
): Promise<void> {
  await before?.catch(() => undefined);
  if (memory.watched.includes(id)) return;
  const { owner } = memory;
  await calling(memory, handToContainment(memory, watched));
  // Handed over in this moment: the containment was begun with the name of whoever had it before.
  if (memory.owner !== owner) await calling(memory, tellContainment(memory.run.run, memory.owner));
  memory.watched.push(id);
}

/** Starts the containment, or gives more to the one that is there. It ends by itself when nothing is held, and is started again. */
async function handToContainment({ run, owner, watch }: RunMemory, watched: Watched): Promise<void> {
  const workflowId = containmentId(run.run);
  try {
    await startChild(containment, {
      workflowId,
      workflowTaskTimeout: workflowTaskTimeoutMs,
      // Neither the end of the run nor its cancelling ends the watch over what it holds.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      args: [{ version: 1, run, owner, watch, watched: [watched] }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await getExternalWorkflowHandle(workflowId).signal(watchMoreSignal, watched);
  }
}
