// Faults on the wire: what an SDK client meets when AWS throttles, fails, is slow or hangs up.
import {
  CreateSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openFaults } from '../../../sandbox/aws/faults.js';
import { parseXml, printXml } from '../../../sandbox/aws/xml.js';
import { aws, region, startAwsSandbox, startTimeoutMs } from '../../support/aws.js';

beforeAll(startAwsSandbox, startTimeoutMs);
afterEach(() => {
  aws().shim.faults.clear();
  aws().shim.calls.clear();
});
afterAll(() => aws().stop());

function once(): EC2Client {
  return new EC2Client({
    region,
    endpoint: aws().url,
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
  });
}

async function control(method: string, path: string, body?: object) {
  const response = await fetch(`${aws().url}/_shim/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

test('throttling is answered as EC2 does it', async () => {
  aws().shim.faults.add({ kind: 'throttle', action: 'DescribeVpcs', count: 1 });
  await expect(once().send(new DescribeVpcsCommand({}))).rejects.toMatchObject({
    name: 'RequestLimitExceeded',
    $metadata: { httpStatusCode: 503 },
  });
  await once().send(new DescribeVpcsCommand({}));
  expect(
    aws()
      .shim.calls.list()
      .map(({ status, fault }) => [status, fault]),
  ).toEqual([
    [503, 'throttle'],
    [200, undefined],
  ]);
});

test('Secrets Manager is throttled and fails in its own protocol, and what is shown of its calls holds no value', async () => {
  const secrets = new SecretsManagerClient({
    region,
    endpoint: aws().url,
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
  });
  const create = new CreateSecretCommand({ Name: 'shown', SecretString: 'not to be shown' });
  aws().shim.faults.add({ kind: 'throttle', action: 'CreateSecret', nth: 1 });
  aws().shim.faults.add({ kind: 'error', action: 'CreateSecret', nth: 2, code: 'InternalServiceError' });
  await expect(secrets.send(create)).rejects.toMatchObject({ name: 'ThrottlingException' });
  await expect(secrets.send(create)).rejects.toMatchObject({
    name: 'InternalServiceError',
    $metadata: { httpStatusCode: 500 },
  });
  await secrets.send(create);
  const calls = aws().shim.calls.list();
  expect(calls.map(({ service, action, params }) => [service, action, params['Name']])).toEqual(
    Array.from({ length: 3 }, () => ['secretsmanager', 'CreateSecret', 'shown']),
  );
  expect(JSON.stringify(calls)).not.toContain('not to be shown');
});

test('a call dropped before it was forwarded had no effect', async () => {
  aws().shim.faults.add({ kind: 'drop-before', action: 'CreateSecurityGroup' });
  const create = new CreateSecurityGroupCommand({ GroupName: 'dropped-before', Description: 'x' });
  await expect(once().send(create)).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect(await named('dropped-before')).toBe(0);
});

test('a call dropped after it was forwarded had its effect, and the caller cannot know', async () => {
  aws().shim.faults.add({ kind: 'drop-after', action: 'CreateSecurityGroup' });
  const create = new CreateSecurityGroupCommand({ GroupName: 'dropped-after', Description: 'x' });
  await expect(once().send(create)).rejects.toThrow(/socket hang up|ECONNRESET/);
  expect(await named('dropped-after')).toBe(1);
});

test('a fault may be an error of AWS, a late answer, or something else that answers in its place', async () => {
  aws().shim.faults.add({ kind: 'error', action: 'DescribeVpcs', nth: 1 });
  aws().shim.faults.add({ kind: 'latency', ms: 200, action: 'DescribeVpcs', nth: 2 });
  aws().shim.faults.add({
    kind: 'answer',
    status: 404,
    contentType: 'text/html',
    body: '<html>not here</html>',
    action: 'DescribeVpcs',
    nth: 3,
  });
  await expect(once().send(new DescribeVpcsCommand({}))).rejects.toMatchObject({ name: 'InternalError' });
  const startedAt = performance.now();
  await once().send(new DescribeVpcsCommand({}));
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
  await expect(once().send(new DescribeVpcsCommand({}))).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
});

test('faults can be set and calls read over HTTP, and a fault that makes no sense is refused', async () => {
  expect((await control('POST', 'faults', { kind: 'throttle', action: 'DescribeVpcs', nth: 2 })).status).toBe(201);
  expect(await control('POST', 'faults', { kind: 'thunder', action: '*' })).toMatchObject({ status: 400 });
  expect((await control('POST', 'faults', { kind: 'throttle', action: '*', often: true })).status).toBe(400);
  await once().send(new DescribeVpcsCommand({}));
  await expect(once().send(new DescribeVpcsCommand({}))).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
  expect(await control('GET', 'faults')).toMatchObject({ body: [{ hits: 1 }] });
  expect(await control('GET', 'calls')).toMatchObject({ body: { counts: { DescribeVpcs: 2 } } });
  expect((await control('DELETE', 'faults')).body).toEqual([]);
  await control('DELETE', 'calls');
  expect(aws().shim.calls.counts()).toEqual({});
  expect((await control('GET', 'nothing')).status).toBe(404);
});

test('a fault drawn by chance is the same for the same seed, so that a run can be repeated', () => {
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
  const hits = drawn(7).reduce((sum, hit) => sum + hit, 0);
  expect(hits).toBeGreaterThan(30);
  expect(hits).toBeLessThan(90);
});

test('an answer that is only read and printed stays the same byte for byte', () => {
  const text =
    '<?xml version="1.0" encoding="utf-8"?>\n<A xmlns="http://ec2/"><b>x &amp; y</b><c/><d><item><e>1</e></item></d></A>';
  const read = parseXml(text);
  expect(read === undefined ? undefined : printXml(read)).toBe(text);
  expect(parseXml('<!doctype html><title>500</title>')).toBeUndefined();
});

function drawn(seed: number): number[] {
  const faults = openFaults();
  faults.add({ kind: 'throttle', action: '*', probability: 0.3, seed });
  return Array.from({ length: 200 }, () => faults.meet('X').length);
}

async function named(name: string): Promise<number | undefined> {
  const { SecurityGroups } = await aws().ec2.send(
    new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: [name] }] }),
  );
  return SecurityGroups?.length;
}
