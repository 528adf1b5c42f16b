// How calls end when AWS throttles, denies, is away or answers nonsense, met by the real SDK on the wire.
import { CreateSnapshotsCommand, DescribeNetworkInterfacesCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, everyPage } from '../../../activities/aws/ask.js';
import { awsCode } from '../../../activities/aws/errors.js';
import { interfacesOf } from '../../../activities/aws/network-interface.js';
import { type AwsWorld, openAwsWorld } from '../../../activities/aws/world.js';
import { FirebreakError } from '../../../core/errors.js';
import type { SecretRef } from '../../../core/installation.js';
import {
  aws,
  mortal,
  settingsFor,
  startAwsSandbox,
  startInstance,
  startTimeoutMs,
  worldOf,
} from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => {
  aws().shim.faults.clear();
  aws().shim.calls.clear();
});
afterAll(() => aws().stop());

const describeVpcs = () => ask(mortal(worldOf()), new DescribeVpcsCommand({}), { about: 'the region' });

test('throttling that passes is not noticed; throttling that stays is an error to retry', {
  timeout: 30_000,
}, async () => {
  aws().shim.faults.add({ kind: 'throttle', action: 'DescribeVpcs', count: 2 });
  await ask(worldOf(), new DescribeVpcsCommand({}));
  expect(aws().shim.calls.counts()).toEqual({ DescribeVpcs: 3 });
  aws().shim.faults.add({ kind: 'throttle', action: 'DescribeVpcs' });
  await expect(describeVpcs()).rejects.toMatchObject({ code: 'aws.throttled', isTerminal: false });
});

test('a call that must not be repeated is made again after throttling only, because then nothing was made', async () => {
  const { instance } = await startInstance({ quarantined: false });
  const create = () =>
    ask(worldOf(), new CreateSnapshotsCommand({ InstanceSpecification: { InstanceId: instance } }), { once: true });
  aws().shim.faults.add({ kind: 'throttle', action: 'CreateSnapshots', count: 1 });
  await create();
  expect(aws().shim.calls.counts()['CreateSnapshots']).toBe(2);
  aws().shim.calls.clear();
  aws().shim.faults.add({ kind: 'drop-after', action: 'CreateSnapshots', count: 1 });
  await expect(create()).rejects.toMatchObject({ code: 'aws.unreachable' });
  expect(aws().shim.calls.counts()['CreateSnapshots']).toBe(1);
});

test.each(['UnauthorizedOperation', 'AuthFailure', 'ExpiredToken'])(
  '%s names the permission and where to give it',
  async (code) => {
    aws().shim.faults.add({
      kind: 'error',
      status: 403,
      code,
      message: 'You are not authorized',
      action: 'DescribeVpcs',
    });
    await expect(describeVpcs()).rejects.toMatchObject({
      code: 'aws.denied',
      isTerminal: true,
      message: expect.stringContaining('ec2:DescribeVpcs of the region'),
      nextStep: expect.stringContaining('allow ec2:DescribeVpcs'),
    });
  },
);

test('what AWS does not know, and what it refuses, end for good and keep its own words', async () => {
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'InvalidVpcID.NotFound',
    message: 'no such VPC',
    action: 'DescribeVpcs',
    nth: 1,
  });
  aws().shim.faults.add({
    kind: 'error',
    status: 400,
    code: 'IncorrectState',
    message: 'not now',
    action: 'DescribeVpcs',
    nth: 2,
  });
  await expect(describeVpcs()).rejects.toMatchObject({ code: 'aws.not-found', isTerminal: true });
  const refused = await describeVpcs().catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: 'aws.refused',
    isTerminal: true,
    message: expect.stringContaining('IncorrectState: not now'),
  });
  expect(awsCode(refused)).toBe('IncorrectState');
});

test('an AWS that fails, hangs up or is not there is an error to retry', async () => {
  aws().shim.faults.add({
    kind: 'error',
    status: 500,
    code: 'InternalError',
    message: 'oops',
    action: 'DescribeVpcs',
    nth: 1,
  });
  aws().shim.faults.add({ kind: 'drop-before', action: 'DescribeVpcs', nth: 2 });
  await expect(describeVpcs()).rejects.toMatchObject({ code: 'aws.unreachable', isTerminal: false });
  await expect(describeVpcs()).rejects.toMatchObject({ code: 'aws.unreachable', isTerminal: false });
  const nobody = mortal(worldOf({ settings: settingsFor('http://127.0.0.1:1') }));
  await expect(ask(nobody, new DescribeVpcsCommand({}))).rejects.toMatchObject({
    code: 'aws.unreachable',
    isTerminal: false,
  });
});

test('an answer that does not come in time is given up', { timeout: 30_000 }, async () => {
  aws().shim.faults.add({ kind: 'latency', ms: 17_000, action: 'DescribeVpcs' });
  const startedAt = performance.now();
  await expect(describeVpcs()).rejects.toMatchObject({ code: 'aws.unreachable', isTerminal: false });
  expect(performance.now() - startedAt).toBeLessThan(16_900);
});

test.each([
  ['a tidy error page', 404, '<!doctype html><title>Not Found</title>', true],
  ['an untidy error page', 404, '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<p>x', true],
  ['a captive portal', 200, '<!doctype html>\n<html lang=en><p>Welcome', false],
  ['a proxy that denies', 403, '<html><head></head><body>denied</body></html>', true],
  ['half a document', 200, '<?xml version="1.0"?><A><reservationSet><item>', false],
  ['a balancer with nobody behind it', 503, '', false],
])('%s is not readable', async (_what, status, body, terminal) => {
  aws().shim.faults.add({ kind: 'answer', status, body, contentType: 'text/html', action: 'DescribeVpcs' });
  await expect(describeVpcs()).rejects.toMatchObject({
    code: 'aws.answer-unreadable',
    ...(terminal ? { isTerminal: true } : {}),
  });
});

test('a step that is told to end stops waiting', async () => {
  const stop = new AbortController();
  aws().shim.faults.add({ kind: 'latency', ms: 2_000, action: 'DescribeVpcs' });
  const asked = ask(worldOf({ signal: stop.signal }), new DescribeVpcsCommand({}));
  setTimeout(() => stop.abort(), 50);
  await expect(asked).rejects.toMatchObject({ code: 'aws.interrupted', isTerminal: false });
});

test('interfaces on a second page are not forgotten', async () => {
  const { instance, interfaces } = await startInstance({ interfaceCount: 2, quarantined: false });
  const page = await fetchPage(instance);
  const [first, second] = [
    ...page.matchAll(/<item><association>.*?<\/vpcId><\/item>|<item><attachment>.*?<\/vpcId><\/item>/gs),
  ].map(([text]) => text);
  aws().shim.faults.add({
    kind: 'answer',
    action: 'DescribeNetworkInterfaces',
    nth: 1,
    body: pageWith(first, '<nextToken>more</nextToken>'),
  });
  aws().shim.faults.add({ kind: 'answer', action: 'DescribeNetworkInterfaces', nth: 2, body: pageWith(second, '') });
  aws().shim.calls.clear();
  expect((await interfacesOf(worldOf(), instance)).map(({ id }) => id).toSorted()).toEqual(interfaces.toSorted());
  const asked = aws()
    .shim.calls.list()
    .filter(({ action }) => action === 'DescribeNetworkInterfaces');
  expect(asked.map(({ params }) => params['NextToken'])).toEqual([undefined, 'more']);
});

test('pages that never end, and a page without its list, are unreadable, not short', async () => {
  await expect(everyPage('ec2:X', () => Promise.resolve({ items: [1], next: 'again' }))).rejects.toMatchObject({
    code: 'aws.answer-unreadable',
  });
  const pages = [
    { items: [1], next: 'more' },
    { items: undefined, next: undefined },
  ];
  await expect(
    everyPage('ec2:X', () => Promise.resolve(pages.shift() ?? { items: [], next: undefined })),
  ).rejects.toMatchObject({ code: 'aws.answer-unreadable' });
});

test('credentials are read when they are needed, and one that cannot be read is said', async () => {
  const read: unknown[] = [];
  const world = worldWith('key', (ref) => {
    read.push(ref);
    return 'AKIAFILE';
  });
  expect(read).toEqual([]);
  await ask(world, new DescribeVpcsCommand({}));
  await ask(world, new DescribeVpcsCommand({}));
  expect(read).toEqual([{ file: 'key' }, { file: 'secret' }]);
  const missing = worldWith('gone', () => {
    throw new FirebreakError('secret.missing', 'There is no file gone.', { nextStep: 'write it.' });
  });
  await expect(ask(missing, new DescribeVpcsCommand({}))).rejects.toMatchObject({ code: 'secret.missing' });
});

function pageWith(item: string | undefined, next: string): string {
  const list = `<networkInterfaceSet>${item ?? ''}</networkInterfaceSet>${next}`;
  return `<?xml version="1.0" encoding="utf-8"?>\n<Page xmlns="http://ec2.amazonaws.com/doc/2016-11-15">${list}</Page>`;
}

function worldWith(file: string, readSecret: (ref: SecretRef) => string): AwsWorld {
  return openAwsWorld({
    system: 'aws',
    settings: { ...aws().settings, credentials: { accessKeyId: { file }, secretAccessKey: { file: 'secret' } } },
    readSecret,
    run: 'run-0000000001',
    incident: 'inc-0000000001',
    step: 'test',
  });
}

async function fetchPage(instance: string): Promise<string> {
  const body = new URLSearchParams({
    Action: 'DescribeNetworkInterfaces',
    Version: '2016-11-15',
    'Filter.1.Name': 'attachment.instance-id',
    'Filter.1.Value.1': instance,
  });
  const headers = {
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=x',
  };
  expect((await aws().ec2.send(new DescribeNetworkInterfacesCommand({}))).NetworkInterfaces?.length).toBeGreaterThan(1);
  return (await fetch(aws().url, { method: 'POST', body, headers })).text();
}
