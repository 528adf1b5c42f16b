// The built command, and what it says to whoever sets keys up.
import { createSecretKey, randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { payloadCodec } from '../../worker/payload-codec.js';
import { writePayloads } from '../../worker/payload-json.js';
import { freePort } from '../../worker/ports.js';
import { type Cli, openCli } from './support.js';

let cli: Cli;
let untouched: string;

beforeAll(async () => {
  cli = await openCli();
  untouched = readFileSync(join(cli.root, 'firebreak.yaml'), 'utf8');
});

afterAll(() => cli.end());

beforeEach(() => writeFileSync(join(cli.root, 'firebreak.yaml'), untouched));

/** As README.md says it. The first is the active one. */
function useKeys(...ids: string[]): Buffer {
  const active = randomBytes(32);
  for (const id of ids) {
    const bytes = id === ids[0] ? active : randomBytes(32);
    writeFileSync(join(cli.root, `payload-${id}`), `${bytes.toString('base64')}\n`, { mode: 0o600 });
  }
  const keys = ids.map((id) => `"${id}": { file: payload-${id} }`).join(', ');
  appendFileSync(
    join(cli.root, 'firebreak.yaml'),
    `temporal: { encryption: { active: "${ids[0]}", keys: { ${keys} } } }\n`,
  );
  return active;
}

async function finding() {
  const { json } = await cli.run(['doctor', '--json']);
  return (json()['findings'] as { name: string }[]).find(({ name }) => name === 'payloads');
}

test('it decodes with the keys of the workspace until it is told to stop', async () => {
  const bytes = useKeys('2026-11', '2026-05');
  const running = cli.start(['codec', '--listen', '127.0.0.1:0', '--json']);
  await running.printed('"needsToken"');
  running.child.kill('SIGTERM');
  const { code: ended, json } = await running.ended;
  expect(ended).toBe(0);
  expect(json()).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    keys: ['2026-11', '2026-05'],
    encodes: false,
    needsToken: false,
  });

  const port = await freePort();
  const again = cli.start(['codec', '--listen', `127.0.0.1:${port}`]);
  await again.printed('Ctrl-C stops it.');
  const key = createSecretKey(bytes);
  const said = [{ metadata: {}, data: Buffer.from('beacon seen') }];
  const encrypted = await payloadCodec({ active: { id: '2026-11', key }, all: new Map() }).encode(said);
  const answer = await fetch(`http://127.0.0.1:${port}/decode`, {
    method: 'POST',
    body: JSON.stringify(writePayloads(encrypted)),
  });
  expect(await answer.json()).toEqual(writePayloads(said));
  again.child.kill('SIGINT');
  const { code, stdout } = await again.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('it decodes with the keys 2026-11, 2026-05');
  expect(stdout).toContain('Everybody with an account on this machine can read through it.');
});

test('it needs nothing but firebreak.yaml, for a slip in another file must not hide what happened', async () => {
  useKeys('2026-11');
  const people = readFileSync(join(cli.root, 'people.yaml'), 'utf8');
  writeFileSync(join(cli.root, 'people.yaml'), 'kind: Peple');
  const running = cli.start(['codec', '--listen', '127.0.0.1:0']);
  await running.printed('Ctrl-C stops it.');
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0 });
  writeFileSync(join(cli.root, 'people.yaml'), people);
});

test.each([
  ['a workspace without keys', () => undefined, [], 'codec.no-keys'],
  ['an address without a port', () => useKeys('a'), ['--listen', '127.0.0.1'], 'cli.usage'],
  ['an origin with a path', () => useKeys('a'), ['--origin', 'http://localhost:8233/ui'], 'cli.usage'],
  ['an address that others can reach', () => useKeys('a'), ['--listen', '192.0.2.1:8888'], 'codec.not-loopback'],
  ['a token file that is not there', () => useKeys('a'), ['--token-file', '/nowhere/token'], 'secret.missing'],
  [
    'keys of which the active one is not listed',
    () => appendFileSync(join(cli.root, 'firebreak.yaml'), 'temporal: { encryption: { active: a, keys: {} } }\n'),
    [],
    'bundle.invalid',
  ],
])('%s is refused with what to do', async (_, make, args, code) => {
  make();
  const { code: exit, json } = await cli.run(['codec', ...args, '--json']);
  expect(exit).toBe(2);
  expect(json()).toMatchObject({ error: { code, nextStep: expect.stringMatching(/./) as string } });
});

test('doctor says that payloads are not encrypted', async () => {
  expect(await finding()).toEqual({
    name: 'payloads',
    ok: true,
    says: 'not encrypted: Temporal keeps them as they are',
  });
});

test('doctor says which key encrypts, and that others decrypt', async () => {
  useKeys('2026-11', '2026-05');
  expect(await finding()).toEqual({
    name: 'payloads',
    ok: true,
    says: 'encrypted with the key "2026-11"; 1 more can decrypt',
  });
});

test('doctor warns of a listed key that cannot be read, and that is no failure', async () => {
  useKeys('2026-11', '2026-05');
  chmodSync(join(cli.root, 'payload-2026-05'), 0o644);
  expect(await finding()).toEqual({
    name: 'payloads',
    ok: true,
    says: expect.stringMatching(
      /^encrypted with the key "2026-11"; The payload key "2026-05" cannot be read\./,
    ) as string,
    nextStep: expect.stringContaining('chmod 600') as string,
  });
  const { stdout } = await cli.run(['doctor']);
  expect(stdout).toMatch(/^warn +payloads /m);
  expect(stdout).toMatch(/^payloads: Next: run `chmod 600/m);
});

test('doctor says that nothing can start without the active key', async () => {
  useKeys('2026-11');
  writeFileSync(join(cli.root, 'payload-2026-11'), 'not a key', { mode: 0o600 });
  expect(await finding()).toMatchObject({
    ok: false,
    says: 'The payload key "2026-11" cannot be read. It is not 32 bytes in base64.',
  });
  const { code, stderr } = await cli.run(['up']);
  expect(code).toBe(2);
  expect(stderr).toContain('The payload key "2026-11" cannot be read.');
});
