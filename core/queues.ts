/** Task queues: one for control, without credentials, and one for each system's executor, with that system's alone. */
export const controlQueue = 'firebreak-control';

export function executorQueue(system: string): string {
  return `firebreak-executor-${system}`;
}
