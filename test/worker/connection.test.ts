import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  embedded,
  givenTemporal,
  knownTemporal,
  openConnection,
  refuseUnreachable,
  temporalOf,
} from '../../worker/connection.js';
import { freePort } from '../../worker/ports.js';
import { workspaceAt } from '../../worker/workspace.js';

const folder = mkdtempSync(join(tmpdir(), 'firebreak-connection-'));
const file = join(folder, 'temporal.toml');
writeFileSync(
  file,
  `[profile.default]
address = "default.example:7233"
[profile.production]
address = "production.example:7233"
namespace = "incidents"
api_key = "not-a-real-key"
`,
);

test('an address in the environment is taken, with the namespace that goes with it', () => {
  expect(givenTemporal({ TEMPORAL_ADDRESS: '10.0.0.1:7233' })).toMatchObject({
    connectionOptions: { address: '10.0.0.1:7233' },
    namespace: 'default',
  });
  expect(givenTemporal({ TEMPORAL_ADDRESS: '10.0.0.1:7233', TEMPORAL_NAMESPACE: 'incidents' })).toMatchObject({
    namespace: 'incidents',
  });
});

test('a profile that is named is taken whole', () => {
  expect(givenTemporal({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'production' })).toMatchObject({
    connectionOptions: { address: 'production.example:7233', apiKey: 'not-a-real-key', tls: true },
    namespace: 'incidents',
  });
});

test('a temporal.toml that merely lies in the home folder gives nothing, so that a demo stays on this machine', () => {
  expect(givenTemporal({ HOME: folder, XDG_CONFIG_HOME: folder })).toBeUndefined();
});

test('a profile without an address is refused with what to do', () => {
  writeFileSync(join(folder, 'empty.toml'), '[profile.default]\nnamespace = "incidents"\n');
  expect(() => givenTemporal({ TEMPORAL_CONFIG_FILE: join(folder, 'empty.toml') })).toThrow(
    expect.objectContaining({ code: 'temporal.no-address', nextStep: expect.stringContaining('TEMPORAL_ADDRESS') }),
  );
});

test('without an address it is the embedded server, at a port of the workspace that stays', async () => {
  const workspace = workspaceAt(mkdtempSync(join(tmpdir(), 'firebreak-ports-')));
  const [one, two] = await Promise.all([temporalOf(workspace), temporalOf(workspace)]);
  expect(one).toEqual(two);
  expect(one.connectionOptions.address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(await temporalOf(workspace)).toEqual(one);
});

test('a profile that is not there is refused with the file and the profiles that are', () => {
  expect(() => givenTemporal({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prodcution' })).toThrow(
    expect.objectContaining({
      code: 'temporal.bad-config',
      isTerminal: true,
      message: expect.stringMatching(`${file}.*prodcution`),
      nextStep: expect.stringContaining('default, production'),
    }),
  );
});

test('a profile without any file, and a file that is no TOML, are refused as such', () => {
  expect(() => givenTemporal({ TEMPORAL_PROFILE: 'nope', HOME: folder, XDG_CONFIG_HOME: folder })).toThrow(
    expect.objectContaining({ code: 'temporal.bad-config', message: expect.stringContaining('temporal.toml') }),
  );
  const broken = join(folder, 'broken.toml');
  writeFileSync(broken, 'this is no toml');
  expect(() => givenTemporal({ TEMPORAL_CONFIG_FILE: broken })).toThrow(
    expect.objectContaining({ code: 'temporal.bad-config', message: expect.stringContaining(broken) }),
  );
});

test('a server that does not answer is said within seconds, with its address', async () => {
  const startedMs = Date.now();
  await expect(refuseUnreachable(embedded(1))).rejects.toMatchObject({
    code: 'temporal.unreachable',
    isTerminal: false,
    message: expect.stringContaining('Temporal does not answer at 127.0.0.1:1'),
  });
  expect(Date.now() - startedMs).toBeLessThan(10_000);
});

test('whoever only looks makes nothing in a folder that is no workspace', () => {
  const workspace = workspaceAt(mkdtempSync(join(tmpdir(), 'firebreak-look-')));
  expect(knownTemporal(workspace)).toBeUndefined();
  expect(existsSync(workspace.state)).toBe(false);
});

test('a call that waits for its next try when the connection is closed is told so, and the process lives', async () => {
  const thrown: unknown[] = [];
  const note = (error: unknown) => thrown.push(error);
  process.on('uncaughtException', note);
  try {
    const settings = embedded(await freePort());
    const connection = openConnection(settings);
    const ended = connection.workflowService
      .describeNamespace({ namespace: settings.namespace })
      .catch((error: unknown) => error);
    // The first try was refused at once; the second comes 100 to 200 ms later.
    await sleep(50);
    await connection.close();
    expect(await ended).toMatchObject({ code: 1, details: expect.stringContaining('shut down') as string });
    expect(thrown).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
  }
});
