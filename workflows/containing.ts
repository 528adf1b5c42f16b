/** How a run hands what it contains to the workflow that outlives it; before the first write, so that no kill leaves it unwatched. */
import { getExternalWorkflowHandle, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { Warrant } from '../activities/contract.js';
import type { PlanRef } from '../core/plan.js';
import type { Step } from '../core/runbook.js';
import { containment, type Watched, watchMoreSignal } from './containment.js';
import { calling } from './record.js';
import type { RunContext } from './steps.js';

export function containmentId(run: string): string {
  return `containment-${run}`;
}

export async function watchOver({ memory }: RunContext, step: Step, plan: PlanRef, warrant: Warrant): Promise<void> {
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
  if (!first)
    return calling(memory, getExternalWorkflowHandle(containmentId(memory.run.run)).signal(watchMoreSignal, watched));
  const { run, watch } = memory;
  await calling(
    memory,
    startChild(containment, {
      workflowId: containmentId(run.run),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      args: [{ version: 1, run, watch, watched: [watched] }],
    }),
  );
}
