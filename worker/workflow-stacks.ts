/** How deep stack traces inside workflows are. */
import { setFlagsFromString } from 'node:v8';

/**
 * The SDK takes a stack trace of every promise that a workflow makes, for its query `__stack_trace`: at the usual depth of ten
 * almost half of what a workflow task costs, and 75 KB of each run that waits. What a run waits for is in its view, and
 * of a bug the place where it was thrown remains.
 */
const framesMax = 2;

/** For workflows that are loaded from now on. This process's own code keeps its depth: `Error` has it already. */
export function limitWorkflowStacks(): void {
  // Workflows run in contexts of their own with a frozen `Error`, which takes the depth from here and from nowhere else.
  setFlagsFromString(`--stack-trace-limit=${framesMax}`);
}
