// AWS for tests: moto behind the shim, one for each test file, and instances as an attacker may have left them.
// Reads here go past the units, with a client of their own, so that a unit is never its own witness.
import {
  AttachNetworkInterfaceCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
  RunInstancesCommand,
  type SecurityGroup,
  type Tag,
} from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { makeQuarantineGroup } from '../../activities/aws/make-quarantine-group.js';
import { type AwsWorld, openAwsWorld } from '../../activities/aws/world.js';
import type { AnyAction, Planned } from '../../activities/define-action.js';
import { changeKey } from '../../core/change.js';
import type { Hold } from '../../core/hold.js';
import type { AwsSystem, SecretRef } from '../../core/installation.js';
import type { Json } from '../../core/json.js';
import { type AwsSandbox, startAws } from '../../sandbox/aws/start-aws.js';

export const region = 'eu-west-1';

/** The first start on a machine installs moto. */
export const startTimeoutMs = 10 * 60_000;

export interface TestAws extends AwsSandbox {
  /** Administers the sandbox; through the shim like everybody. */
  ec2: EC2Client;
  settings: AwsSystem;
}

let current: TestAws | undefined;

/** Starts the sandbox that the other helpers of this file use. Stop it in `afterAll`. */
export async function startAwsSandbox(): Promise<TestAws> {
  const sandbox = await startAws();
  const ec2 = new EC2Client({
    region,
    endpoint: sandbox.url,
    credentials: { accessKeyId: 'AKIAADMIN', secretAccessKey: 'admin' },
  });
  process.env['FIREBREAK_TEST_AWS_KEY'] = 'AKIATEST';
  process.env['FIREBREAK_TEST_AWS_SECRET'] = 'test';
  current = { ...sandbox, ec2, settings: settingsFor(sandbox.url) };
  return current;
}

/** The inventory's entry for a sandbox at that address. */
export function settingsFor(endpoint: string): AwsSystem {
  const credentials = {
    accessKeyId: { env: 'FIREBREAK_TEST_AWS_KEY' },
    secretAccessKey: { env: 'FIREBREAK_TEST_AWS_SECRET' },
  };
  return { kind: 'aws', region, endpoint, credentials, shownOn: 'emulator' };
}

export function aws(): TestAws {
  if (current === undefined) throw new Error('Call startAwsSandbox() in beforeAll first.');
  return current;
}

/** The world of a step, as an executor opens it. */
export function worldOf(options: { incident?: string; signal?: AbortSignal; settings?: AwsSystem } = {}): AwsWorld {
  const { incident = 'inc-0000000001', settings = aws().settings, signal } = options;
  return openAwsWorld({
    system: 'aws',
    settings,
    readSecret,
    run: 'run-0000000001',
    incident,
    step: 'test',
    ...(signal === undefined ? {} : { signal }),
  });
}

function readSecret(ref: SecretRef): string {
  return 'env' in ref ? (process.env[ref.env] ?? '') : '';
}

/** The same world, but the SDK never repeats a call: what it does is what a process does that is killed then. */
export function mortal(world: AwsWorld): AwsWorld {
  const { region: regionOf, iam, secrets, sts } = world;
  const once = { region: regionOf, endpoint: aws().url, maxAttempts: 1 };
  return {
    ...world,
    ec2: world.ec2Once,
    iam: new IAMClient({ ...once, credentials: iam.config.credentials }),
    secrets: new SecretsManagerClient({ ...once, credentials: secrets.config.credentials }),
    sts: new STSClient({ ...once, credentials: sts.config.credentials }),
  };
}

export interface StartedInstance {
  instance: string;
  vpc: string;
  subnet: string;
  /** By device index. */
  interfaces: string[];
  /** By device: `/dev/xvda`, `/dev/xvdb`, ... */
  volumes: string[];
  /** The groups that every interface holds at first: SSH from everywhere, and everything out. */
  original: string[];
  /** Another group of the VPC, that nobody holds. */
  other: string;
  /** The sealed quarantine group of the VPC; empty when it was not wanted. */
  quarantine: string;
}

let vpcs = 0;

/** An instance in a VPC of its own. The first interface gets its groups from the instance, the others have been attached. */
export async function startInstance(
  options: { interfaceCount?: number; volumeCount?: number; quarantined?: boolean } = {},
): Promise<StartedInstance> {
  const { interfaceCount = 1, volumeCount = 1, quarantined = true } = options;
  const { ec2 } = aws();
  vpcs += 1;
  const block = `10.${vpcs}.0.0/16`;
  const vpc = given((await ec2.send(new CreateVpcCommand({ CidrBlock: block }))).Vpc?.VpcId);
  const subnet = given((await ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: block }))).Subnet?.SubnetId);
  const original = await makeGroup(vpc, 'ssh');
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: original, IpPermissions: [sshFromEverywhere] }));
  const other = await makeGroup(vpc, 'other');
  const started = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-12c6146b',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnet,
      SecurityGroupIds: [original],
      BlockDeviceMappings: Array.from({ length: volumeCount }, (_, index) => ({
        DeviceName: deviceAt(index),
        Ebs: { VolumeSize: 8, DeleteOnTermination: true },
      })),
    }),
  );
  const [first] = given(started.Instances);
  const instance = given(first?.InstanceId);
  const interfaces = [given(first?.NetworkInterfaces?.[0]?.NetworkInterfaceId)];
  for (let index = 1; index < interfaceCount; index += 1)
    interfaces.push(await attachInterface({ instance, subnet, groups: [original], index }));
  const volumes = given(first?.BlockDeviceMappings).map(({ Ebs }) => given(Ebs?.VolumeId));
  const quarantine = quarantined ? await makeQuarantine(instance) : '';
  return { instance, vpc, subnet, interfaces, volumes, original: [original], other, quarantine };
}

export const sshFromEverywhere = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

function deviceAt(index: number): string {
  return `/dev/xvd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

/** A further interface on an instance, as an attacker may attach one during the response. */
export async function attachInterface(of: {
  instance: string;
  subnet: string;
  groups: string[];
  index: number;
}): Promise<string> {
  const { ec2 } = aws();
  const made = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: of.subnet, Groups: of.groups }));
  const id = given(made.NetworkInterface?.NetworkInterfaceId);
  await ec2.send(
    new AttachNetworkInterfaceCommand({ NetworkInterfaceId: id, InstanceId: of.instance, DeviceIndex: of.index }),
  );
  return id;
}

export async function makeGroup(vpc: string, name: string, tags: Record<string, string> = {}): Promise<string> {
  const Tags: Tag[] = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const command = new CreateSecurityGroupCommand({
    GroupName: name,
    Description: name,
    VpcId: vpc,
    ...(Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: 'security-group', Tags }] }),
  });
  return given((await aws().ec2.send(command)).GroupId);
}

/** Groups of each interface of an instance, by device index. */
export async function groupsOf(instance: string): Promise<string[][]> {
  const query = new DescribeNetworkInterfacesCommand({
    Filters: [{ Name: 'attachment.instance-id', Values: [instance] }],
  });
  const found = given((await aws().ec2.send(query)).NetworkInterfaces);
  return [...found]
    .toSorted((a, b) => (a.Attachment?.DeviceIndex ?? 0) - (b.Attachment?.DeviceIndex ?? 0))
    .map(({ Groups }) => given(Groups).map(({ GroupId }) => given(GroupId)));
}

export async function setGroups(networkInterface: string | undefined, groups: string[]): Promise<void> {
  await aws().ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: given(networkInterface), Groups: groups }),
  );
}

/** All groups of a VPC but its default one, by name. */
export async function groupsIn(vpc: string): Promise<SecurityGroup[]> {
  const { SecurityGroups } = await aws().ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }),
  );
  return given(SecurityGroups)
    .filter(({ GroupName }) => GroupName !== 'default')
    .toSorted((a, b) => ((a.GroupName ?? '') < (b.GroupName ?? '') ? -1 : 1));
}

/** Settles the quarantine group of the instance's VPC, as the step before isolation does; returns its id. */
async function makeQuarantine(instance: string): Promise<string> {
  const world = worldOf();
  const [planned] = await makeQuarantineGroup.plan({ instance }, world);
  const made = await makeQuarantineGroup.write(
    given(planned).target,
    { rules: [] },
    holdOf(makeQuarantineGroup, given(planned), null),
    world,
  );
  return given((made as { group?: string }).group);
}

/** Writes everything that a unit plans for an item, without the engine: no comparing, no holds. */
export async function writeAll(action: AnyAction, item: Json, world: AwsWorld = worldOf()): Promise<Planned<Json>[]> {
  const planned: Planned<Json>[] = await action.plan(action.input.parse(item), world);
  for (const each of planned) {
    const { state } = await action.read(each.target, undefined, world);
    await action.write(each.target, each.after, holdOf(action, each, state, item), world);
  }
  return planned;
}

/** A hold as the engine would have written it before the first write. */
export function holdOf(action: AnyAction, planned: Planned<Json>, before: Json, item: Json = {}): Hold {
  const { target, after, aspect = action.aspect } = planned;
  const at = '2026-01-01T00:00:00.000Z';
  const origin = { run: 'run-0000000001', incident: 'inc-0000000001', step: 'test' };
  return {
    version: 1,
    id: 'hold-0000000001',
    key: changeKey({ target, aspect }),
    unit: action.name,
    item,
    target,
    aspect,
    risk: action.risk,
    guarded: action.guarded,
    oneWay: action.oneWay,
    partsOpen: action.partsOpen,
    containing: true,
    planned: before,
    before,
    after,
    holders: [{ ...origin, requester: 'alice', since: at }],
    origin: {
      ...origin,
      runbook: `sha256:${'0'.repeat(64)}`,
      gate: 'containment',
      spec: { need: 1, from: ['security-oncall'], withinMs: 900_000, personalKeys: 0, approvalValidMs: 3_600_000 },
    },
    state: 'intended',
    intendedAt: at,
  };
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The sandbox left something out that a test needs.');
  return value;
}
