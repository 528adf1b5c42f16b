/** Task queues: one for control, without credentials, and one for each system's executor, with that system's alone. */
export const controlQueue = 'firebreak-control';

export function executorQueue(system: string): string {
  return `firebreak-executor-${system}`;
}

/** The workflow that looks after what a run contains; the run's own id is its workflow id. */
export function containmentId(run: string): string {
  return `containment-${run}`;
}

/**
 * How long a control worker has for one workflow task before another gets it; the server's 10 s would be added to every recovery
 * from a worker killed in the middle of one. Replaying takes about 2 ms a step.
 */
export const workflowTaskTimeoutMs = 5000;
