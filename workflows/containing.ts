/** How a run hands what it contains to the workflow that outlives it; before the first write, so that no kill leaves it unwatched. */
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import type { Warrant } from '../activities/contract.js';
import type { PlanRef } from '../core/plan.js';
import { workflowTaskTimeoutMs } from '../core/queues.js';
import type { Step } from '../core/runbook.js';
import { containment, type Watched, watchMoreSignal } from './containment.js';
import type { RunMemory } from './memory.js';
import { calling } from './record.js';
import type { RunContext } from './steps.js';

function containmentId(run: string): string {
  return `containment-${run}`;
}

export async function watchOver(context: RunContext, step: Step, plan: PlanRef, warrant: Warrant): Promise<void> {
  const { memory } = context;
  const id = `${step.id}#${plan.round}`;
  if (memory.watched.includes(id)) return;
  const first = memory.watched.length === 0;
  memory.watched.push(id);
  const watched: Watched = {
    step: step.id,
    plan,
    warrant,
    ...(step.reviewAfterMs === undefined ? {} : { reviewAfterMs: step.reviewAfterMs }),
  };
  if (first) context.containing = calling(memory, begin(memory, watched));
  await context.containing;
  if (!first)
    await calling(memory, getExternalWorkflowHandle(containmentId(memory.run.run)).signal(watchMoreSignal, watched));
}

async function begin({ run, watch }: RunMemory, watched: Watched): Promise<void> {
  await startChild(containment, {
    workflowId: containmentId(run.run),
    workflowTaskTimeout: workflowTaskTimeoutMs,
    // Neither the end of the run nor its cancelling ends the watch over what it holds.
    parentClosePolicy: ParentClosePolicy.ABANDON,
    cancellationType: ChildWorkflowCancellationType.ABANDON,
    args: [{ version: 1, run, watch, watched: [watched] }],
  });
}
