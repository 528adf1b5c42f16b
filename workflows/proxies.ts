/** Activities as workflows call them, with the queue and the patience that each kind deserves. */
import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { ControlActivities, ExecutorActivities } from '../activities/contract.js';
import { controlQueue, executorQueue } from '../core/queues.js';

/** A killed worker's work goes to another after this long without a sign of life. */
const heartbeatTimeoutMs = 4000;
/** Being killed often must not make the next attempt wait long. */
const lostWork = { initialInterval: 500, maximumInterval: 1000 };

/** Without limit: what people said, and that a gate asks, must get on the record whatever is down at the moment. */
export const control = proxyActivities<ControlActivities>({
  taskQueue: controlQueue,
  startToCloseTimeout: 5 * 60_000,
  heartbeatTimeout: heartbeatTimeoutMs,
  retry: lostWork,
});

/** Tries are counted inside the activity (`activities/persistently.ts`). */
export function executor(system: string, timeoutMs: number): ExecutorActivities {
  const options: ActivityOptions = {
    taskQueue: executorQueue(system),
    startToCloseTimeout: timeoutMs,
    heartbeatTimeout: heartbeatTimeoutMs,
    // A cancelled batch ends after the change that it is in the middle of, and says how far it came.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: lostWork,
  };
  return proxyActivities<ExecutorActivities>(options);
}
