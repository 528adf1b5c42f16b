// Verbs that only look, as a person and a script see them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { built } from '../../worker/project.js';
import { write, writeAsk, writeHold, writeLaunch, type Written } from '../gateway/support.js';
import { type Cli, openCli } from './support.js';

// Each call of the command is a process of its own, of which a busy machine starts one in seconds.
vi.setConfig({ testTimeout: 90_000 });

let cli: Cli;
let written: Written;

beforeEach(async () => {
  cli = await openCli();
  written = await writeLaunch(cli.ground.store, { run: 'run-0000000001', incident: 'inc-0000000001' });
});

afterEach(() => cli.end());

test('status lists the runs, and of one says where it stands and what a person must do next', async () => {
  await writeAsk(cli.ground.store, written);
  await writeHold(cli.ground.store, written);
  const all = await cli.run(['status']);
  expect(all.stdout).toMatch(
    /^RUN +STATE +RUNBOOK +INCIDENT +BY +LAUNCHED\nrun-0000000001 +asking +aws-host-compromise +inc-0000000001 +alice /,
  );
  const one = await cli.run(['status', written.run, '--changes']);
  expect(one.stdout).toContain('Separation of duties is nominal');
  expect(one.stdout).toContain('isolate  waiting');
  expect(one.stdout).toMatch(
    /isolate +instance i-1 +aws:eu-west-1:network-interface:eni-1 +groups +\{"groups":\["sg-app"\]\} +\{"groups":\["sg-quarantine"\]\} +change/,
  );
  expect(one.stdout.trimEnd().split('\n').at(-1)).toMatch(/^Next: Gate containment waits/);
  const { json } = await cli.run(['status', written.run, '--json']);
  expect(json()).toMatchObject({ view: { state: 'asking' }, holds: [{ state: 'in force' }] });
});

test('a run that needs a person says why and what to do', async () => {
  await write(cli.ground.store, written, 'run.needs-a-person', {
    code: 'moved',
    why: 'Its groups were changed.',
    next: 'Look at the change, then retry.',
  });
  expect((await cli.run(['status', written.run])).stdout).toContain(
    'Next: Its groups were changed. Look at the change, then retry.',
  );
});

test('holds say what is in force, for whom, and since when something is not known', async () => {
  expect((await cli.run(['holds'])).stdout).toBe('Nothing is held.\n');
  await writeHold(cli.ground.store, written);
  const target = { system: 'aws', type: 'network-interface', id: 'eni-2' };
  const hold = (await cli.ground.store.holds({ state: 'open' }))[0];
  if (hold === undefined) throw new Error('no hold');
  const event = {
    chain: written.incident,
    id: 'intended-2',
    run: written.run,
    occurredAt: new Date().toISOString(),
    actor: 'executor:aws',
    action: 'hold.intended' as const,
  };
  const planned = { groups: ['sg-before'] };
  await cli.ground.store.intend(
    { ...hold, id: 'hold-2', key: 'aws:network-interface:eni-2#groups', target, planned },
    event,
  );
  const { stdout } = await cli.run(['holds', written.incident]);
  expect(stdout).toMatch(
    /^instance i-1 +aws:eu-west-1:network-interface:eni-1 +groups +in force since 20.* run-0000000001 \(alice\)/m,
  );
  expect(stdout).toMatch(
    /network-interface:eni-2 +groups +unknown since 20.*\{"groups":\["sg-app"\]\}; the approved plan saw: \{"groups":\["sg-before"\]\}/,
  );
  expect((await cli.run(['holds', '--json'])).json()).toMatchObject({ holds: [{}, {}] });
});

test('what somebody changed and the watch may not put back is said in holds and in status, with until when', async () => {
  await writeHold(cli.ground.store, written);
  await write(cli.ground.store, written, 'run.done', {});
  const [hold] = await cli.ground.store.holds({ state: 'open' });
  if (hold === undefined) throw new Error('no hold');
  await cli.ground.store.differs(hold.id, true);
  expect((await cli.run(['status', written.run])).stdout).toMatch(
    /not as held since \S+Z {2}[^]*\nNext: 1 of 1 held changes are not as held: .* Firebreak puts them back by itself\.\n$/,
  );
  const until = new Date(Date.now() + 30 * 60_000).toISOString();
  await write(cli.ground.store, written, 'containment.limit-reached', { says: 'no more', hold: hold.id, until });
  for (const verb of [['holds'], ['holds', written.run], ['status', written.run]])
    expect((await cli.run(verb)).stdout).toMatch(new RegExp(`not as held since \\S+Z, not put back until ${until}`));
  expect((await cli.run(['status', written.run])).stdout).toContain(
    `and does so again after ${until}. To have it done`,
  );
});

test('watch prints what happens as it happens, and ends with the run: 0 when done, 1 when failed', async () => {
  const watching = cli.start(['watch', written.run]);
  await watching.printed('launched aws-host-compromise');
  await write(cli.ground.store, written, 'step.started', {});
  await watching.printed('step started');
  await write(cli.ground.store, written, 'run.failed', {});
  const { code, stdout } = await watching.ended;
  expect(code).toBe(1);
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^run-0000000001 is failed\. Next: /);
  const other = await writeLaunch(cli.ground.store, { run: 'run-0000000002', incident: 'inc-0000000001' });
  await write(cli.ground.store, other, 'run.done', {});
  const { code: done, json } = await cli.run(['watch', other.run, '--json']);
  expect({ done, state: json()['state'] }).toEqual({ done: 0, state: 'done' });
});

test('Ctrl-C stops only the watching, and says how to come back', async () => {
  const watching = cli.start(['watch', written.run]);
  await watching.printed('launched');
  watching.child.kill('SIGINT');
  const { code, stdout } = await watching.ended;
  expect(code).toBe(0);
  expect(stdout).toContain('Stopped watching; run-0000000001 goes on. Come back with: firebreak watch run-0000000001');
});

test('watching outlives a restart of the gateway at another address', async () => {
  const watching = cli.start(['watch', written.run]);
  await watching.printed('launched');
  await cli.stopGateway();
  await watching.printed('Waiting until it is back');
  await write(cli.ground.store, written, 'run.done', {});
  await cli.startGateway();
  const { code, stdout } = await watching.ended;
  expect(code).toBe(0);
  expect(stdout.match(/launched/g)).toHaveLength(1);
});

test('an exported timeline is verified offline; one altered byte ends with 1 and names the line', async () => {
  const { incident } = (
    await cli.run(['run', 'aws-host-compromise', 'instances=i-1', '--reason', 'beacon seen', '--detach', '--json'])
  ).json();
  const file = join(cli.root, 'case.jsonl');
  expect(await cli.run(['timeline', 'export', String(incident), '--out', file])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('firebreak timeline verify') as string,
  });
  await cli.stopGateway();
  const good = await cli.run(['timeline', 'verify', file]);
  expect(good.stdout).toContain(`${String(incident)} is whole: 2 events, 1 statements proven again`);
  expect(good.code).toBe(0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"gate.asked"', '"gate.passed"'));
  const bad = await cli.run(['timeline', 'verify', file, '--keys', join(cli.root, 'people.yaml')]);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/case\.jsonl:3 {2}Event 2 was altered/);
  expect((await cli.run(['timeline', 'verify', file, '--json'])).json()).toMatchObject({ ok: false });
  expect(await cli.run(['timeline', 'verify', 'no-such-file'])).toMatchObject({ code: 2 });
});

test('the report for people goes to stdout, and an incident nobody opened is refused', async () => {
  const { code, stdout } = await cli.run(['timeline', 'export', written.incident, '--format', 'md']);
  expect({ code, title: stdout.split('\n')[0] }).toEqual({
    code: 0,
    title: expect.stringContaining('inc-0000000001') as string,
  });
  expect(await cli.run(['timeline', 'export', 'inc-0000000009'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('inc-0000000001') as string,
  });
  expect(await cli.run(['timeline', 'export', written.incident, '--format', 'pdf'])).toMatchObject({ code: 2 });
});

test('validate checks the workspace offline, and names each error of a runbook at its line', async () => {
  await cli.stopGateway();
  expect(await cli.run(['validate'])).toMatchObject({ code: 0, stdout: expect.stringContaining('valid') as string });
  const file = join(cli.root, 'broken.yaml');
  writeFileSync(
    file,
    'apiVersion: firebreak/v1\nkind: Runbook\nmetadata: { name: broken, version: 1, summary: Broken. }\nstep: []\n',
  );
  const { code, stdout } = await cli.run(['validate', file]);
  expect(code).toBe(2);
  expect(stdout).toMatch(/broken\.yaml:4:1 .*"step".*\n {2}Next: /);
  expect((await cli.run(['validate', file, '--json'])).json()).toMatchObject({
    valid: false,
    problems: expect.arrayContaining([expect.objectContaining({ line: 4 })]) as unknown[],
  });
  expect(await cli.run(['validate', 'no-such.yaml'])).toMatchObject({ code: 2 });
  expect(await cli.run(['validate', '--workspace', join(cli.root, 'keys')])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is no workspace') as string,
  });
});

test('explain prints the shipped runbook as a checklist, by name or by file', async () => {
  await cli.stopGateway();
  const { code, stdout } = await cli.run(['explain', 'aws-host-compromise']);
  expect(code).toBe(0);
  expect(stdout).toContain('Who must agree');
  expect(await cli.run(['explain', 'aws-host'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('aws-host-compromise.') as string,
  });
});

test('permissions prints the least policy of a runbook, of units, or of everything, ready for a file', async () => {
  await cli.stopGateway();
  const whole = await cli.run(['permissions']);
  expect(whole.code).toBe(0);
  expect(JSON.parse(whole.stdout)).toMatchObject({ Version: '2012-10-17', Statement: [{ Sid: 'Read' }, {}, {}, {}] });
  const one = (await cli.run(['permissions', 'aws.protect-instance@1', '--json'])).json();
  expect(one['units']).toEqual(['aws.protect-instance@1']);
  expect(JSON.stringify(one['policy'])).toContain('ec2:ModifyInstanceAttribute');
  expect(JSON.stringify(one['policy'])).not.toContain('ec2:CreateSnapshots');
  const runbook = (await cli.run(['permissions', 'aws-host-compromise', 'aws.protect-instance@1', '--json'])).json();
  expect(runbook['units']).toHaveLength(5);
  expect(await cli.run(['permissions', 'aws.isolate-instanse@1'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('aws.isolate-instance@1') as string,
  });
  expect(await cli.run(['permissions', 'aws-host'])).toMatchObject({ code: 2 });
});

test('doctor finds everything that is away or wrong, each with what to do', async () => {
  const { code, json } = await cli.run(['doctor', '--json'], { env: { TEMPORAL_ADDRESS: '127.0.0.1:9' } });
  const findings = json()['findings'] as { name: string; ok: boolean; nextStep?: string }[];
  expect(code).toBe(3);
  expect(Object.fromEntries(findings.map(({ name, ok }) => [name, ok]))).toEqual({
    node: true,
    workspace: true,
    keys: false,
    configuration: true,
    inventory: true,
    temporal: false,
    workers: false,
    payloads: true,
    gateway: false,
    aws: false,
    hooks: true,
    slack: true,
  });
  for (const { ok, nextStep } of findings) expect(ok || (nextStep ?? '') !== '').toBe(true);
});

test('keys are made once, readable by their owner alone, and their public halves pinned', async () => {
  const { code, json } = await cli.run(['keys', '--json']);
  expect(code).toBe(0);
  const [{ id }] = json()['pinned'] as [{ id: string }];
  expect(readFileSync(join(cli.root, 'people.yaml'), 'utf8')).toContain(id);
  expect((await cli.run(['keys', '--json'])).stdout).toBe((await cli.run(['keys', '--json'])).stdout);
  expect(await cli.run(['validate'])).toMatchObject({ code: 0 });
});

test('holds of a name that is not there is a mistake in the name, not the answer that nothing is held', async () => {
  await writeHold(cli.ground.store, written);
  const run = await cli.run(['holds', 'run-0000000010']);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toContain('did you mean "run-0000000001"?');
  const incident = await cli.run(['holds', 'inc-0000000010']);
  expect(incident).toMatchObject({ code: 2, stdout: '' });
  expect(incident.stderr).toContain('did you mean "inc-0000000001"?');
});

test('watch without a gateway, or of a run that is not there, ends at once and says why', async () => {
  const unknown = await cli.run(['watch', 'run-0000000010']);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('run-0000000001') as string });
  await cli.stopGateway();
  const startedMs = Date.now();
  const { code, stderr } = await cli.run(['watch', written.run]);
  expect(code).toBe(3);
  expect(stderr).toContain('Next: firebreak up');
  expect(stderr).not.toContain('Waiting until it is back');
  expect(Date.now() - startedMs).toBeLessThan(20_000);
});

test('a folder is not taken for a runbook', async () => {
  const { code, stderr } = await cli.run(['explain', cli.root]);
  expect(code).toBe(2);
  expect(stderr).toContain(`${cli.root} is a folder`);
  expect(stderr).not.toContain('this is a bug');
});

test('doctor looks and makes nothing, in whatever folder it is called', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-nothing-'));
  const { code, json } = await cli.run(['doctor', '--workspace', folder, '--json']);
  expect(code).toBe(3);
  expect(json()['findings']).toContainEqual(
    expect.objectContaining({ name: 'temporal', ok: false, nextStep: expect.stringContaining('firebreak up') }),
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('neither the sandbox nor a demo is made in a folder that holds a workspace', async () => {
  const before = readFileSync(join(cli.root, 'people.yaml'), 'utf8');
  const sandbox = await cli.run(['sandbox', 'up', '--workspace', cli.root]);
  expect(sandbox).toMatchObject({ code: 2, stderr: expect.stringContaining('firebreak.yaml') as string });
  const demo = await cli.run(['demo', '--out', cli.root]);
  expect(demo).toMatchObject({ code: 2, stderr: expect.stringContaining('--out') as string });
  expect(readFileSync(join(cli.root, 'people.yaml'), 'utf8')).toBe(before);
});

test('the workspace that is worked in is not taken for the sandbox', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'firebreak-elsewhere-')));
  const env = { PATH: process.env['PATH'], FIREBREAK_WORKSPACE: cli.root };
  const main = built('cli', 'main.js');
  const text = execFileSync(process.execPath, [main, 'sandbox', 'down', '--json'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  expect(JSON.parse(text)).toEqual({ root: join(folder, 'out', 'sandbox'), stopped: false });
});

test('a profile that is not there is bad input, and a Temporal that does not answer is named soon', async () => {
  const profile = await cli.run(['up'], { env: { TEMPORAL_PROFILE: 'nope' } });
  expect(profile.code).toBe(2);
  expect(profile.stderr).toContain("Profile 'nope' not found");
  expect(profile.stderr).not.toContain('this is a bug');
  const startedMs = Date.now();
  const away = await cli.run(['up'], { env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });
  expect(away.code).toBe(3);
  expect(away.stderr).toContain('Temporal does not answer at 127.0.0.1:1');
  expect(Date.now() - startedMs).toBeLessThan(30_000);
});
