/** Events in a run's Temporal history, journal included: for each further step, and for each further target of a fan-out. */
import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { ec2Of } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import type { Figure } from './figure.js';

const steps = 21;
const targets = 200;

export async function benchEvents(): Promise<Figure[]> {
  const at = await startInstallation({
    runbooks: {
      'one.yaml': collecting('one-step', 1),
      'many.yaml': collecting('many-steps', steps),
      'wide.yaml': protecting(),
    },
  });
  try {
    const hosts = await manyHosts(at);
    const one = await collectingRun(at, 'one-step');
    const many = await collectingRun(at, 'many-steps');
    const narrow = await protectingRun(at, hosts.slice(0, 1));
    const wide = await protectingRun(at, hosts);
    return [
      {
        name: 'events a step',
        ran: `${steps} gate-free steps ${many} events, 1 step ${one}`,
        value: (many - one) / (steps - 1),
        unit: 'events',
        target: 8,
        noisy: false,
      },
      {
        name: 'events a target',
        ran: `${targets} targets in a fan-out ${wide} events, 1 target ${narrow}`,
        value: (wide - narrow) / (targets - 1),
        unit: 'events',
        target: 0.5,
        noisy: false,
      },
    ];
  } finally {
    await at.stop();
  }
}

async function manyHosts({ world }: TestInstallation): Promise<string[]> {
  const ec2 = ec2Of(world);
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: 'ami-12c6146b', MinCount: targets, MaxCount: targets }),
  );
  ec2.destroy();
  return Instances.map(({ InstanceId = '' }) => InstanceId);
}

async function collectingRun(at: TestInstallation, runbook: string): Promise<number> {
  const { run } = await at.say('alice', {
    verb: 'launch',
    runbook,
    inputs: { instances: at.world.seeded.instances.slice(0, 1), reason: 'a bench' },
  });
  const { state } = await at.ended(run, 120_000);
  if (state !== 'done') throw new Error(`${runbook} ended ${state}`);
  return eventsOf(at, run);
}

async function protectingRun(at: TestInstallation, instances: string[]): Promise<number> {
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'wide', inputs: { instances, reason: 'a bench' } });
  await at.asking(run, 120_000);
  await at.say('bob', { verb: 'approve', run });
  const { state } = await at.ended(run, 300_000);
  if (state !== 'done') throw new Error(`the fan-out over ${instances.length} ended ${state}`);
  return eventsOf(at, run);
}

async function eventsOf(at: TestInstallation, run: string): Promise<number> {
  const { historyLength } = await at.client.workflow.getHandle(run).describe();
  return historyLength;
}

const inputs = `inputs:
  instances: { type: list, of: aws-instance, max: 500 }
  reason: { type: string, min: 5 }
`;

function head(name: string, summary: string): string {
  return `apiVersion: firebreak/v1\nkind: Runbook\nmetadata: { name: ${name}, version: 1, summary: ${summary} }\n${inputs}`;
}

function work(unit: string): string {
  return `    uses: ${unit}\n    for_each: \${{ inputs.instances }}\n    with:\n      instance: \${{ item }}\n`;
}

function collecting(name: string, count: number): string {
  const list = Array.from(
    { length: count },
    (_, index) => `  - id: collect-${index + 1}\n    phase: investigate\n${work('aws.collect-instance@1')}`,
  );
  return `${head(name, 'Collect again and again.')}steps:\n${list.join('')}`;
}

function protecting(): string {
  const gates = 'gates:\n  change: { need: 1, from: [security-oncall, platform-leads], within: 15m }\n';
  return `${head('wide', 'Protect many hosts.')}${gates}steps:\n  - id: protect\n    phase: recover\n${work('aws.protect-instance@1')}    gate: change\n`;
}
