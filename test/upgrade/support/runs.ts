/** Small runs, so that many go on at once: one host each, one question to one person. */
import { DescribeSubnetsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Processes } from '../../support/processes.js';

/** `contain` stays in force after the run and is watched; `recover` is done with the run. */
export type Kind = 'contain' | 'recover';

export const runbooks: Record<string, string> = Object.fromEntries(
  (['contain', 'recover'] as const).map((kind) => [
    `keep-${kind}.yaml`,
    `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: keep-${kind}, version: 1, summary: Keep a host from being terminated. }
inputs:
  host: { type: aws-instance }
  reason: { type: string, min: 10 }
gates:
  keep: { need: 1, from: [security-oncall, platform-leads], within: 8h }
steps:
  - id: protect
    phase: ${kind}
    uses: aws.protect-instance@1
    with: { instance: "\${{ inputs.host }}" }
    gate: keep
`,
  ]),
);

export async function startHosts({ ec2 }: Processes, count: number): Promise<string[]> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const SubnetId = Subnets[0]?.SubnetId;
  if (SubnetId === undefined) throw new Error('The sandbox has no subnet.');
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: count, MaxCount: count, SubnetId }),
  );
  return Instances.flatMap(({ InstanceId }) => InstanceId ?? []);
}

/** Launched, and waits at its gate. */
export async function waiting(at: Processes, kind: Kind, host: string): Promise<string> {
  const inputs = { host, reason: 'it must not be lost' };
  const { run } = await at.say('alice', { verb: 'launch', runbook: `keep-${kind}`, inputs, again: true });
  await at.asking(run);
  return run;
}

/** Agreed to; how it ended. */
export async function finish(at: Processes, run: string): Promise<string> {
  await at.say('bob', { verb: 'approve', run });
  return (await at.ended(run, 5 * 60_000)).state;
}

/** How the run that released it ended. */
export async function release(at: Processes, of: string): Promise<string> {
  const { run } = await at.say('alice', { verb: 'release', of, reason: 'the incident is over' });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  const view = await at.view(run);
  // Lifting what contains an open incident takes two.
  if (view?.asks.some(({ state }) => state === 'asking') === true)
    await at.say('carol', { verb: 'approve', run }).catch((error: { code?: string }) => {
      if (error.code !== 'gate.not-asking') throw error as Error;
    });
  return (await at.ended(run, 5 * 60_000)).state;
}

/** Ids of the runs and containments that have not ended. */
export async function openWorkflows({ temporal }: Processes): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    ids.push(workflowId);
  return ids;
}

/** All of them, some at once, in the order of the list. */
export async function each<T, R>(list: T[], atOnce: number, what: (of: T, nth: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const hand = async (): Promise<void> => {
    while (next < list.length) {
      const mine = next++;
      results[mine] = await what(list[mine] as T, mine);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
  return results;
}
