/** What somebody writes by hand who needs no more than this: one activity after the other. */
import { proxyActivities } from '@temporalio/workflow';

const { look } = proxyActivities<{ look(target: string): Promise<void> }>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '4 seconds',
});

export async function plain(steps: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) await look('thing-1');
}
