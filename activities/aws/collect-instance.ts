/**
 * Evidence that AWS itself holds about an instance, that which dies first before the rest. Reads only, and asks nothing of the
 * instance, whose answers could not be trusted. A call that fails does not keep the others from being made.
 */
import {
  DescribeInstanceAttributeCommand,
  DescribeVolumesCommand,
  GetConsoleOutputCommand,
  type InstanceAttributeName,
  DescribeNetworkInterfacesCommand,
} from '@aws-sdk/client-ec2';
import { Buffer } from 'node:buffer';
import type * as z from 'zod';
import { FirebreakError, sentence } from '../../core/errors.js';
import { defineCollector, type Evidence } from '../define-action.js';
import { ask, everyPage, pageSize, sent } from './ask.js';
import { awsCode, translated } from './errors.js';
import { instanceInput, instanceNamed } from './instance.js';
import { awsTarget } from './targets.js';
import type { AwsWorld } from './world.js';

/** The version of the EC2 API that the SDK speaks. */
const version = '2016-11-15';

/** What one must ask for by name. User data may hold secrets and the attacker's way in. */
const attributes: InstanceAttributeName[] = [
  'disableApiTermination',
  'disableApiStop',
  'instanceInitiatedShutdownBehavior',
  'userData',
];

type Piece = (world: AwsWorld, instance: string) => Promise<Omit<Evidence, 'target'>>;

const pieces: Piece[] = [consoleOutput, metadata, interfaces, volumes, instanceAttributes];

export const collectInstance = defineCollector<z.infer<typeof instanceInput>, AwsWorld>({
  name: 'aws.collect-instance@1',
  summary: 'Collect what AWS knows of an EC2 instance: console output, metadata, interfaces, volumes, attributes.',
  phase: 'investigate',
  permissions: [
    'ec2:DescribeInstanceAttribute',
    'ec2:DescribeInstances',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeVolumes',
    'ec2:GetConsoleOutput',
  ],
  example: { instance: 'i-0123456789abcdef0' },
  byHand: `
mkdir -p "evidence/$instance"
# Only instances on Nitro give the output up to now; others that of their last start.
aws ec2 get-console-output --instance-id "$instance" --latest --output json > "evidence/$instance/console-output.json" ||
  aws ec2 get-console-output --instance-id "$instance" --output json > "evidence/$instance/console-output.json"
aws ec2 describe-instances --instance-ids "$instance" --output json > "evidence/$instance/instance.json"
aws ec2 describe-network-interfaces --filters "Name=attachment.instance-id,Values=$instance" --output json > "evidence/$instance/interfaces.json"
aws ec2 describe-volumes --filters "Name=attachment.instance-id,Values=$instance" --output json > "evidence/$instance/volumes.json"
for attribute in ${attributes.join(' ')}; do
  aws ec2 describe-instance-attribute --instance-id "$instance" --attribute "$attribute" --output json > "evidence/$instance/$attribute.json"
done
sha256sum "evidence/$instance"/*.json | tee "evidence/$instance/SHA256SUMS"`,
  input: instanceInput,

  collect: async function* ({ instance }, world) {
    // An instance that AWS does not know would make every piece fail in its own words.
    await instanceNamed(world, instance);
    const failures: FirebreakError[] = [];
    for (const piece of pieces) {
      const evidence = await piece(world, instance).catch((error: unknown) => {
        failures.push(translated(error, { action: piece.name, about: instance }));
        return undefined;
      });
      if (evidence !== undefined) yield { ...evidence, target: awsTarget(world, 'instance', instance) };
    }
    if (failures.length > 0) throw incomplete(instance, failures);
  },
});

async function consoleOutput(world: AwsWorld, instance: string): Promise<Omit<Evidence, 'target'>> {
  const { InstanceId, Output = '' } = await latestOutput(world, instance);
  sent(InstanceId, 'ec2:GetConsoleOutput', 'instance');
  return {
    name: 'console-output.txt',
    mediaType: 'text/plain',
    body: Buffer.from(Output, 'base64'),
    method: `ec2:GetConsoleOutput ${version}`,
  };
}

/** The output up to now, which only instances on Nitro give; others give that of the last start. */
async function latestOutput(world: AwsWorld, instance: string) {
  try {
    return await ask(world, new GetConsoleOutputCommand({ InstanceId: instance, Latest: true }), { about: instance });
  } catch (error) {
    if (awsCode(error) !== 'UnsupportedOperation') throw error;
    return ask(world, new GetConsoleOutputCommand({ InstanceId: instance }), { about: instance });
  }
}

async function metadata(world: AwsWorld, instance: string): Promise<Omit<Evidence, 'target'>> {
  return json('instance.json', 'ec2:DescribeInstances', await instanceNamed(world, instance));
}

async function interfaces(world: AwsWorld, instance: string): Promise<Omit<Evidence, 'target'>> {
  const action = 'ec2:DescribeNetworkInterfaces';
  const found = await everyPage(action, async (next) => {
    const query = new DescribeNetworkInterfacesCommand(attachedTo(instance, next));
    const { NetworkInterfaces, NextToken } = await ask(world, query, { about: instance });
    return { items: NetworkInterfaces, next: NextToken };
  });
  return json('interfaces.json', action, found);
}

async function volumes(world: AwsWorld, instance: string): Promise<Omit<Evidence, 'target'>> {
  const action = 'ec2:DescribeVolumes';
  const found = await everyPage(action, async (next) => {
    const { Volumes, NextToken } = await ask(world, new DescribeVolumesCommand(attachedTo(instance, next)), {
      about: instance,
    });
    return { items: Volumes, next: NextToken };
  });
  return json('volumes.json', action, found);
}

async function instanceAttributes(world: AwsWorld, instance: string): Promise<Omit<Evidence, 'target'>> {
  const read = await Promise.all(
    attributes.map(async (Attribute) => {
      const {
        $metadata: _metadata,
        InstanceId: _id,
        ...values
      } = await ask(world, new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute }), {
        about: instance,
      });
      return values;
    }),
  );
  return json('attributes.json', 'ec2:DescribeInstanceAttribute', Object.assign({}, ...read));
}

function attachedTo(instance: string, next: string | undefined) {
  const Filters = [{ Name: 'attachment.instance-id', Values: [instance] }];
  return { Filters, MaxResults: pageSize, ...(next === undefined ? {} : { NextToken: next }) };
}

function json(name: string, action: string, value: unknown): Omit<Evidence, 'target'> {
  return {
    name,
    mediaType: 'application/json',
    body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
    method: `${action} ${version}`,
  };
}

function incomplete(instance: string, failures: FirebreakError[]): FirebreakError {
  return new FirebreakError(
    'aws.evidence-incomplete',
    `${failures.length} of ${pieces.length} pieces of evidence of ${instance} are missing: ${failures.map((error) => error.message).join(' ')}`,
    {
      nextStep: failures.map(sentence).at(0)?.split('Next: ')[1] ?? 'retry.',
      isTerminal: failures.every((error) => error.isTerminal),
      target: instance,
    },
  );
}
