// `hook` and `inventory`, offline, in the workspace that docs/hooks.md makes; what `hook sign` prints is sent to the gateway.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { namesOfAlert } from '../../journal/alert.js';
import { authenticate } from '../../worker/authenticate-hook.js';
import { alert, finding, key, token, withHooks, writeHookSecrets } from '../gateway/hooks/support.js';
import { editFile } from '../support/installation.js';
import { type Cli, openCli } from './support.js';

let cli: Cli;
const instance = 'i-0ab1c2d3e4f5a6b7c';
const targets = `targets:
  web-1: { system: aws, type: instance, id: ${instance}, owner: security-oncall, labels: { tier: web } }
protected:
  - { system: aws, type: role, id: firebreak, why: Firebreak itself. }
`;

beforeEach(async () => {
  cli = await openCli();
  await cli.stopGateway();
  editFile(join(cli.root, 'firebreak.yaml'), (text) => `${withHooks.installation(text)}${targets}`);
  editFile(join(cli.root, 'people.yaml'), withHooks.people);
  writeHookSecrets(cli.root);
});

afterEach(() => cli.end());

function body(text: string): string {
  const file = join(cli.root, 'body.json');
  writeFileSync(file, text);
  return file;
}

test('hook test shows what the sample would launch, by whom and as which run, every time the same', async () => {
  const file = body(finding(instance, 'f-1'));
  const first = (await cli.run(['hook', 'test', 'guardduty', '--body', file, '--json'])).json();
  expect(first).toMatchObject({
    launches: true,
    by: 'guardduty',
    runbook: 'aws-host-compromise',
    id: 'f-1',
    inputs: { instances: [instance], reason: expect.stringContaining('TorClient, severity 8.') as string },
  });
  expect(first['run']).toBe(namesOfAlert('guardduty', 'f-1').run);
  expect(first['run']).not.toBe(namesOfAlert('guardduty', 'f-2').run);
});

test('hook test says when nothing would be launched, and what does not fit', async () => {
  const low = body(finding(instance, 'f-1', 'Recon:EC2/PortProbeUnprotectedPort'));
  expect(await cli.run(['hook', 'test', 'guardduty', '--body', low])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('would launch nothing') as string,
  });
  const bad = await cli.run(['hook', 'test', 'guardduty', '--body', body('{"detail":{}}')]);
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('"when" of hook "guardduty"') as string });
  const unknown = await cli.run(['hook', 'test', 'guarduty', '--body', low]);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "guardduty"?') as string });
});

test('hook sign prints a request that is authentic, and no secret', async () => {
  const text = alert(instance);
  const { curl } = (await cli.run(['hook', 'sign', 'alerts', '--body', body(text), '--json'])).json() as {
    curl: string;
  };
  const headers = Object.fromEntries(
    [...curl.matchAll(/-H '(webhook-[a-z]+): ([^']+)'/g)].map(([, name, value]) => [name, value]),
  );
  const header = (name: string) => headers[name];
  expect(authenticate('standard-webhooks', header, Buffer.from(text), [key], Date.now())).toMatchObject({
    message: expect.stringMatching(/^msg_/) as string,
  });
  expect(curl).not.toContain(key);
  const bearer = await cli.run(['hook', 'sign', 'guardduty', '--body', body(finding(instance))]);
  expect(bearer.stdout).not.toContain(token);
  // The shell finds the token where it lies.
  const shown = bearer.stdout.replace(/^curl .*?\n/, "printf '%s\\n' \\\n");
  expect(execFileSync('sh', ['-c', shown], { cwd: cli.root, encoding: 'utf8' })).toContain(`Bearer ${token}`);
});

test('doctor tells which hook is shut and why, without the secret', async () => {
  writeFileSync(join(cli.root, '.firebreak', 'alerts-key'), 'whsec_short', { mode: 0o600 });
  const { json, stdout } = await cli.run(['doctor', '--json'], { env: { TEMPORAL_ADDRESS: '127.0.0.1:9' } });
  const findings = json()['findings'] as { name: string; ok: boolean; says: string }[];
  expect(findings.find(({ name }) => name === 'hooks')).toMatchObject({
    ok: false,
    says: expect.stringMatching(/guardduty \(bearer\) launches .*shut: alerts; A secret of a hook must be/) as string,
  });
  expect(findings.find(({ name }) => name === 'inventory')).toMatchObject({ ok: true });
  expect(stdout).not.toContain('whsec_short');
});

test('validate names what does not fit between the two files', async () => {
  editFile(join(cli.root, 'firebreak.yaml'), (text) =>
    text.replace('reason: GuardDuty', 'resaon: GuardDuty').replace('owner: security-oncall', 'owner: security-on-call'),
  );
  editFile(join(cli.root, 'people.yaml'), (text) => text.replace('hook: alerts', 'hook: alert'));
  const { code, json } = await cli.run(['validate', '--json']);
  expect(code).toBe(2);
  const codes = (json()['problems'] as { code: string }[]).map((problem) => problem.code);
  expect(codes.toSorted()).toEqual([
    'hook.missing-input',
    'hook.nobody',
    'hook.unknown-input',
    'people.unknown-hook',
    'target.unknown-owner',
  ]);
});

test('inventory lists systems, names, owners and what is protected, without secrets', async () => {
  const { code, json, stdout } = await cli.run(['inventory', '--json']);
  expect(code).toBe(0);
  expect(json()).toMatchObject({
    environment: 'test',
    systems: { aws: { region: 'eu-west-1' } },
    targets: [{ name: 'web-1', id: instance, owner: 'security-oncall', labels: { tier: 'web' } }],
    protected: [{ target: { id: 'firebreak' }, why: 'Firebreak itself.' }],
  });
  expect(stdout).not.toContain(token);
  const shown = (await cli.run(['inventory'])).stdout;
  expect(shown).toMatch(new RegExp(`web-1 +aws +instance +${instance} +security-oncall +tier=web`));
  expect(shown).toContain('Firebreak itself.');
});

test('by-hand commands take the name of a host', async () => {
  const { stdout, code } = await cli.run(['explain', 'aws-host-compromise', '--commands', 'instances=web-1']);
  expect(code).toBe(0);
  expect(stdout).toContain(instance);
  const wrong = await cli.run(['explain', 'aws-host-compromise', '--commands', 'instances=web-2']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "web-1"?') as string });
});
