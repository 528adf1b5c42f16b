// Real EC2 calls to the emulator behind the shim.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { collectInstance } from '../../../activities/aws/collect-instance.js';
import type { Evidence } from '../../../activities/define-action.js';
import { aws, startAwsSandbox, startInstance, startTimeoutMs, worldOf } from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => aws().shim.faults.clear());
afterAll(() => aws().stop());

async function collect(instance: string): Promise<{ evidence: Evidence[]; error?: unknown }> {
  const evidence: Evidence[] = [];
  try {
    for await (const each of collectInstance.collect({ instance }, worldOf())) evidence.push(each);
    return { evidence };
  } catch (error) {
    return { evidence, error };
  }
}

function read({ body }: Evidence): string {
  return Buffer.from(body).toString('utf8');
}

test('what dies first is collected first, each piece with the call that gave it', async () => {
  const { instance, interfaces, volumes } = await startInstance({
    interfaceCount: 2,
    volumeCount: 2,
    quarantined: false,
  });
  const { evidence, error } = await collect(instance);
  expect(error).toBeUndefined();
  expect(evidence.map(({ name, method }) => [name, method])).toEqual([
    ['console-output.txt', 'ec2:GetConsoleOutput 2016-11-15'],
    ['instance.json', 'ec2:DescribeInstances 2016-11-15'],
    ['interfaces.json', 'ec2:DescribeNetworkInterfaces 2016-11-15'],
    ['volumes.json', 'ec2:DescribeVolumes 2016-11-15'],
    ['attributes.json', 'ec2:DescribeInstanceAttribute 2016-11-15'],
  ]);
  const [console, metadata, ...more] = evidence.map(read);
  expect(console).toContain('Linux version');
  expect(JSON.parse(metadata ?? '')).toMatchObject({ InstanceId: instance });
  const [interfacesRead, volumesRead, attributes] = more.map((text) => JSON.parse(text) as Record<string, unknown>[]);
  expect(interfacesRead?.map(({ NetworkInterfaceId }) => NetworkInterfaceId).toSorted()).toEqual(interfaces.toSorted());
  expect(volumesRead?.map(({ VolumeId }) => VolumeId).toSorted()).toEqual(volumes.toSorted());
  expect(attributes).toMatchObject({
    DisableApiTermination: { Value: false },
    InstanceInitiatedShutdownBehavior: { Value: 'stop' },
  });
  expect(evidence.every(({ target }) => target.id === instance && target.type === 'instance')).toBe(true);
});

test('a piece that cannot be had does not keep the others from being kept, and is named at the end', async () => {
  const { instance } = await startInstance({ quarantined: false });
  aws().shim.faults.add({
    kind: 'error',
    status: 403,
    code: 'UnauthorizedOperation',
    message: 'no',
    action: 'DescribeVolumes',
  });
  const { evidence, error } = await collect(instance);
  expect(evidence.map(({ name }) => name)).toEqual([
    'console-output.txt',
    'instance.json',
    'interfaces.json',
    'attributes.json',
  ]);
  expect(error).toMatchObject({
    code: 'aws.evidence-incomplete',
    message: expect.stringContaining('ec2:DescribeVolumes'),
    isTerminal: true,
  });
});

test('an instance that does not give its latest console output gives that of its last start', async () => {
  const { instance } = await startInstance({ quarantined: false });
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'UnsupportedOperation',
    message: 'not on Nitro',
    action: 'GetConsoleOutput',
    nth: 1,
  });
  const { evidence, error } = await collect(instance);
  expect(error).toBeUndefined();
  expect(evidence[0]?.name).toBe('console-output.txt');
  expect(
    aws()
      .shim.calls.list()
      .filter(({ action }) => action === 'GetConsoleOutput')
      .slice(-2)
      .map(({ params }) => params['Latest']),
  ).toEqual(['true', undefined]);
});

test('an instance that AWS does not know is one clear error, not five', async () => {
  expect((await collect('i-0123456789abcdef0')).error).toMatchObject({
    code: 'aws.not-found',
    target: 'i-0123456789abcdef0',
  });
});
