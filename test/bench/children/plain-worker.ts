/** The worker of the hand-written workflow, a process of its own as Firebreak's is. Arguments: Temporal's address and namespace, the queue. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { callMs } from '../simulated.js';

const [address = '', namespace = '', taskQueue = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  namespace,
  taskQueue,
  workflowsPath: fileURLToPath(new URL('../plain-workflow.js', import.meta.url)),
  activities: { look: async () => sleep(callMs) },
});
process.on('disconnect', () => worker.shutdown());
process.send?.('ready');
await worker.run();
process.exit();
