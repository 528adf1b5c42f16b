/**
 * The entry of the build for workers that have versions: the same workflows, each with what becomes of it when another version
 * is promoted. A build of its own, for Temporal refuses such an answer from a worker that has no version.
 */
import { setWorkflowOptions } from '@temporalio/workflow';
import { containment } from './containment.js';
import { run } from './run.js';

// It ends when its steps end, and until then whoever approved it approved what this version does.
setWorkflowOptions({ versioningBehavior: 'PINNED' }, run);
// It stands for weeks and must not need a worker of long ago: golden histories show that it can go on with the next version.
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, containment);

export { containment, run };
