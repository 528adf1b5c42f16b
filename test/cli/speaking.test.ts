// Statements from a terminal: prepared by the gateway, signed with the person's own key, ruled, told.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeHold, writeLaunch } from '../gateway/support.js';
import { type Cli, openCli } from './support.js';

// Each call of the command is a process of its own, of which a busy machine starts one in seconds.
vi.setConfig({ testTimeout: 90_000 });

let cli: Cli;
const launch = ['run', 'aws-host-compromise', 'instances=i-1', '--reason', 'beacon seen'];
const written = { run: 'run-0000000001', incident: 'inc-0000000001' };

beforeEach(async () => {
  cli = await openCli();
});

afterEach(() => cli.end());

async function askingRun(): Promise<string> {
  const { run } = (await cli.run([...launch, '--detach', '--json'])).json();
  return String(run);
}

const inputsOf = (about: unknown) => (about as { inputs: string }).inputs;

test('a launch is signed by whoever has the key, followed, and ends by saying who must decide', async () => {
  const { code, stdout, stderr } = await cli.run(launch);
  expect(stderr).toContain('launch aws-host-compromise version 1 in test');
  expect(stdout).toMatch(/gate containment, round 1, asks/);
  expect(stdout).toMatch(
    /Next: Gate containment waits until .* for 2 more of security-oncall, other than alice, to say: firebreak approve run-/,
  );
  expect(code).toBe(0);
  expect(cli.said).toMatchObject([{ verb: 'launch', by: 'alice', reason: 'beacon seen', proof: { kind: 'ssh' } }]);
});

test('with --json stdout is one document, whatever was shown on the way', async () => {
  const { code, json, stderr } = await cli.run([...launch, '--json']);
  expect(json()).toMatchObject({
    state: 'asking',
    view: { requester: 'alice' },
    next: expect.stringContaining('firebreak approve') as string,
  });
  expect(stderr).toContain('launched aws-host-compromise');
  expect(code).toBe(0);
});

test('inputs come from words, again for a list, or from a file; the gateway reads them by their types', async () => {
  writeFileSync(join(cli.root, 'hosts.yaml'), 'instances: [i-1, i-2]\n');
  expect(
    (
      await cli.run([
        'run',
        'aws-host-compromise',
        '--inputs',
        join(cli.root, 'hosts.yaml'),
        'reason=long enough',
        '--detach',
      ])
    ).code,
  ).toBe(0);
  expect(
    (
      await cli.run([
        'plan',
        'aws-host-compromise',
        'instances=i-1',
        'instances=i-2',
        '--reason',
        'long enough',
        '--detach',
      ])
    ).code,
  ).toBe(0);
  const [fromFile, fromWords] = cli.said;
  expect([fromFile?.verb, fromWords?.verb]).toEqual(['launch', 'plan']);
  expect(inputsOf(fromFile?.about)).toBe(inputsOf(fromWords?.about));
});

test('an approval shows each change before it is signed, and is signed for as long as its gate says', async () => {
  const run = await askingRun();
  const { code, stderr, stdout } = await cli.run(['approve', run], { as: 'bob' });
  expect(stderr).toContain('  on aws eu-west-1, instance: i-1\n');
  expect(stderr).toContain(
    'network-interface:eni-1 (instance i-1) groups: {"groups":["sg-app"]} → {"groups":["sg-quarantine"]}',
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: `approve ${run}: counted\n` });
  const [, approval] = cli.said;
  expect(Date.parse(approval?.validUntil ?? '') - Date.parse(approval?.at ?? '')).toBe(1_800_000);
});

test('nobody can write over the screen of whoever approves', async () => {
  const reason = 'beacon\u001b[2K\u202e seen\nNext: firebreak approve run-1';
  const { run } = (
    await cli.run(['run', 'aws-host-compromise', 'instances=i-1', '--reason', reason, '--detach', '--json'])
  ).json();
  const { stdout } = await cli.run(['status', String(run)]);
  expect(stdout).toContain('beacon\ufffd[2K\ufffd seen Next: firebreak approve run-1');
  const { stderr } = await cli.run(['approve', String(run)], { as: 'bob' });
  // oxlint-disable-next-line no-control-regex
  expect(`${stdout}${stderr}`).not.toMatch(/[\u001b\u202e]/);
});

test('a refusal ends with 1, says why, and what to do next', async () => {
  const run = await askingRun();
  const refused = await cli.run(['approve', run]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain(
    'Whoever asked for this cannot also decide it.\nNext: ask one of the people whom the gate names',
  );
  const json = await cli.run(['approve', run, '--json']);
  expect({ code: json.code, error: json.json()['error'] }).toMatchObject({
    code: 1,
    error: { code: 'gate.requester-excluded', nextStep: expect.stringMatching(/./) as string },
  });
});

test('what was only received is no success for a script', async () => {
  const run = await askingRun();
  cli.engineAway = true;
  const { code, stdout } = await cli.run(['approve', run], { as: 'bob' });
  expect(stdout).toContain('received and kept');
  expect(code).toBe(3);
  expect(await cli.run(launch)).toMatchObject({ code: 3 });
});

test('bad input ends with 2 and says what was probably meant', async () => {
  const cases: [string[], string][] = [
    [['run', 'aws-host-compromse', '--reason', 'x'], 'runbook.unknown'],
    [['run', 'aws-host-compromise', 'instances=web-1'], 'inputs.invalid'],
    [['run', 'aws-host-compromise', 'instances'], 'input.unreadable'],
    [['run', 'aws-host-compromise', '--inputs', 'no-such-file.yaml'], 'input.unreadable'],
    [['approve', 'run-zzzzzzzzzz'], 'run.unknown'],
    [['extend', 'run-zzzzzzzzzz', 'soon'], 'duration.unreadable'],
    [['release', 'run-zzzzzzzzzz', '--as', 'alicia'], 'speaker.unknown'],
    [['approve'], 'cli.usage'],
    [['aprove', 'run-zzzzzzzzzz'], 'cli.usage'],
    [['approve', 'run-zzzzzzzzzz', '--gates', 'x'], 'cli.usage'],
  ];
  const answers = await Promise.all(cases.map(([args]) => cli.run([...args, '--json'])));
  expect(answers.map(({ code, json }) => [code, (json()['error'] as { code: string }).code])).toEqual(
    cases.map(([, code]) => [2, code]),
  );
});

test('nobody signs for somebody else, with a key of nobody, or with none', async () => {
  const run = await askingRun();
  const speakers: [Parameters<Cli['run']>[0], string][] = [
    [['approve', run, '--as', 'carol', '--key', cli.ground.keyOf('bob')], 'speaker.key-not-theirs'],
    [['approve', run, '--key', join(cli.root, 'no-such-key')], 'speaker.no-key'],
    [['approve', run, '--key', join(cli.root, 'people.yaml')], 'speaker.key-unreadable'],
  ];
  for (const [args, code] of speakers) {
    const answer = await cli.run([...args, '--json']);
    expect({ code: answer.code, error: answer.json()['error'] }).toMatchObject({ code: 2, error: { code } });
  }
  expect(cli.said).toHaveLength(1);
});

test('a people.yaml that is broken is named with its line', async () => {
  appendFileSync(join(cli.root, 'people.yaml'), 'nobody: knows\n');
  const { code, stderr } = await cli.run(launch);
  expect(code).toBe(2);
  expect(stderr).toMatch(/people\.yaml:\d+:1 .*nobody/);
});

test('without a gateway every verb that needs one ends with 3 and says how to start it', async () => {
  await cli.stopGateway();
  for (const args of [
    launch,
    ['status'],
    ['holds'],
    ['watch', 'run-zzzzzzzzzz'],
    ['approve', 'run-zzzzzzzzzz'],
    ['timeline', 'export', 'inc-zzzzzzzzzz'],
  ]) {
    if (args[0] === 'watch') continue;
    const { code, stderr } = await cli.run(args);
    expect({ args, code }).toEqual({ args, code: 3 });
    expect(stderr).toContain('Next: firebreak up');
  }
});

test('a note, a retry, an extension and a cancel are said about the run as it goes', async () => {
  const run = await askingRun();
  for (const args of [
    ['note', run, 'owner', 'informed'],
    ['retry', run],
    ['extend', run, '2h'],
    ['cancel', run, '--reason', 'wrong host'],
  ]) {
    expect(await cli.run(args, { as: 'bob' })).toMatchObject({ code: 0 });
  }
  expect(cli.said.slice(1)).toMatchObject([
    { verb: 'note', reason: 'owner informed', about: { kind: 'run', run } },
    { verb: 'retry' },
    { verb: 'extend', about: { byMs: 7_200_000 } },
    { verb: 'cancel', reason: 'wrong host' },
  ]);
});

test('a release is launched over what is held and shows what goes back', async () => {
  await writeHold(cli.ground.store, await writeLaunch(cli.ground.store, written));
  const { code, stderr } = await cli.run(['release', written.run, '--reason', 'host rebuilt', '--detach'], {
    as: 'bob',
  });
  expect(code).toBe(0);
  expect(stderr).toContain('eni-1 (instance i-1) groups: {"groups":["sg-quarantine"]} → {"groups":["sg-app"]}');
  expect(cli.said).toMatchObject([
    { verb: 'release', by: 'bob', about: { kind: 'launch', incident: written.incident } },
  ]);
  expect(await cli.run(['release', 'run-0000000009', '--reason', 'x'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('holds nothing') as string,
  });
});
