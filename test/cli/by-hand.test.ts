// What a person types when Firebreak itself is down: over every unit there is, and carried out for real with the AWS CLI.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DescribeInstancesCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { isolateInstance } from '../../activities/aws/isolate-instance.js';
import { protectInstance } from '../../activities/aws/protect-instance.js';
import { rotateAccessKey } from '../../activities/aws/rotate-access-key.js';
import type { AnyAction, AnyUnit, Planned } from '../../activities/define-action.js';
import { units } from '../../activities/index.js';
import { catalogOf } from '../../compiler/catalog.js';
import { compileRunbook } from '../../compiler/compile.js';
import { explainCommands, stepsByHand } from '../../compiler/explain-commands.js';
import type { Json } from '../../core/json.js';
import { isByPerson, type Runbook } from '../../core/runbook.js';
import { built, projectRoot } from '../../worker/project.js';
import {
  aws,
  groupsIn,
  groupsOf,
  region,
  startAwsSandbox,
  startInstance,
  startTimeoutMs,
  worldOf,
} from '../support/aws.js';
import { iamAt } from '../support/iam.js';
import { secretsAt } from '../support/secrets.js';

const catalog = catalogOf(units);
const nothingKnown = { systems: {}, inputs: {} };
const shipped = readdirSync(join(projectRoot, 'runbooks'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => join(projectRoot, 'runbooks', file));

function compiled(text: string, file = 'a.yaml'): Runbook {
  const { runbook, problems } = compileRunbook({ file, text, catalog });
  if (runbook === undefined) throw new Error(`The example is good: ${JSON.stringify(problems)}`);
  return runbook;
}

/** Whether a shell reads it; nothing is carried out. */
const readable = (script: string) => spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });

describe.each(units.map((unit) => [unit.name, unit] as const))('%s', (_name, unit: AnyUnit) => {
  const byHand = unit.byHand ?? '';

  test('says how a person does its work, in lines that bash reads', () => {
    expect(byHand).toMatch(/^aws |\baws [a-z]/m);
    expect(readable(byHand)).toMatchObject({ status: 0, stderr: '' });
  });

  test('asks a person for no call beyond the permissions of the unit', () => {
    const called = [...byHand.matchAll(/\baws ([a-z0-9]+) ([a-z]+(?:-[a-z0-9]+)+)/g)].map(
      ([, service = '', call = '']) =>
        `${service}:${call.replace(/(?:^|-)([a-z])/g, (_all, first: string) => first.toUpperCase())}`,
    );
    expect(called.length).toBeGreaterThan(0);
    expect(unit.permissions).toEqual(expect.arrayContaining([...new Set(called)]));
  });

  test('uses each field of its input, and no variable that nothing has set', () => {
    const code = byHand.replace(/^\s*#.*$/gm, '');
    const used = new Set([...code.matchAll(/\$\{?([a-zA-Z_]\w*)/g)].map(([, name = '']) => name));
    const set = [...code.matchAll(/\b([a-zA-Z_]\w*)=(?=[$"'(])|\bfor ([a-zA-Z_]\w*) in/g)].map(
      ([, a, b]) => a ?? b ?? '',
    );
    const fields = Object.keys(unit.example as object);
    expect([...used].filter((name) => !set.includes(name) && !fields.includes(name))).toEqual([]);
    expect(fields.filter((field) => !used.has(field))).toEqual([]);
  });
});

test.each(shipped)('every step of the shipped runbook %s can be done by hand', (file) => {
  const runbook = compiled(readFileSync(file, 'utf8'), file);
  const text = explainCommands(runbook, catalog, nothingKnown);
  expect(readable(text)).toMatchObject({ status: 0, stderr: '' });
  expect(text).not.toContain('does not say how');
  const people = runbook.steps.filter(({ work }) => isByPerson(work)).map(({ id }) => id);
  const left = stepsByHand(runbook, catalog).filter(({ commands }) => commands === undefined);
  expect(left.map(({ step }) => step)).toEqual(people);
});

const example = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: by-hand, version: 1, summary: What stands in a runbook. }
inputs:
  hosts: { type: list, of: aws-instance, max: 5 }
  host: { type: aws-instance }
  again: { type: boolean, default: false }
gates:
  asked: { need: 1, from: [security-oncall], within: 15m }
steps:
  - id: later
    phase: contain
    uses: aws.isolate-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    needs: [first]
    gate: asked
  - id: first
    phase: contain
    uses: aws.make-quarantine-group@1
    with: { instance: "\${{ inputs.host }}" }
    needs: []
    gate: asked
  - id: known
    phase: investigate
    uses: aws.collect-instance@1
    if: \${{ inputs.again }}
    with: { instance: i-0123456789abcdef0 }
    needs: []
  - id: worked-out
    phase: investigate
    uses: aws.collect-instance@1
    with: { instance: "\${{ inputs.again ? inputs.host : inputs.hosts[0] }}" }
    needs: []
`;

test('steps stand in the order of their needs, with whose agreement they need and what they are for', () => {
  const text = explainCommands(compiled(example), catalog, {
    systems: { aws: { kind: 'aws', region: 'eu-west-1', endpoint: 'http://127.0.0.1:9', shownOn: 'emulator' } },
    inputs: { hosts: ['i-0aa1c2d3e4f5a6b7c', 'i-0bb1c2d3e4f5a6b7c'] },
  });
  expect(readable(text)).toMatchObject({ status: 0, stderr: '' });
  expect(text.match(/^# \[ \] .*?:/gm)).toEqual([
    '# [ ] 2. first (contain):',
    '# [ ] 1. later (contain):',
    '# [ ] 3. known (investigate):',
    '# [ ] 4. worked-out (investigate):',
  ]);
  for (const line of [
    '#   - before later and first, get the agreement of 1 other person from security-oncall;',
    'export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_PAGER=',
    'export AWS_ENDPOINT_URL=http://127.0.0.1:9 # an emulator, not the real account',
    'hosts=(i-0aa1c2d3e4f5a6b7c i-0bb1c2d3e4f5a6b7c) # a list of ids of EC2 instances (at most 5)',
    'host=FILL_IN # the id of an EC2 instance',
    'instance="${host}"',
    'for item in "${hosts[@]}"; do',
    '  instance="${item}"',
    'instance=i-0123456789abcdef0',
    '#     Only if inputs.again.',
    'instance=FILL_IN # inputs.again ? inputs.host : inputs.hosts[0]',
  ])
    expect(text.split('\n')).toContain(line);
});

test('whatever an input holds, it stays one word and is never carried out', () => {
  const [loud, told] = ['$(touch told); \'`"', 'a\nb'];
  const runbook = compiled(example);
  const text = explainCommands({ ...runbook, inputs: { ...runbook.inputs, host: { type: 'string' } } }, catalog, {
    systems: {},
    inputs: { host: loud, hosts: [told] },
  });
  const line = text.split('\n').find((each) => each.startsWith('host=')) ?? '';
  expect(execFileSync('bash', ['-c', `${line}\nprintf %s "$host"`], { encoding: 'utf8' })).toBe(loud);
});

test('the command prints them with nothing but the file of a runbook, and refuses what it cannot use', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-by-hand-'));
  const file = join(folder, 'a.yaml');
  writeFileSync(file, example);
  const firebreak = (...args: string[]) =>
    spawnSync(process.execPath, [built('cli', 'main.js'), ...args], { cwd: folder, encoding: 'utf8' });
  const printed = firebreak('explain', file, '--commands', 'host=i-0cc1c2d3e4f5a6b7c');
  expect(printed).toMatchObject({ status: 0, stderr: '' });
  expect(printed.stdout).toContain('\nhost=i-0cc1c2d3e4f5a6b7c #');
  expect(JSON.parse(firebreak('explain', file, '--commands', '--json').stdout)).toMatchObject({
    runbook: 'by-hand',
    steps: [
      { step: 'first', commands: expect.stringContaining('aws ec2 create-security-group') as string },
      {},
      {},
      {},
    ],
  });
  // A workspace in which everything else is missing.
  const named = firebreak('explain', 'aws-host-compromise', '--commands');
  expect(named.stdout).toContain('aws ec2 modify-network-interface-attribute');
  for (const args of [
    ['--commands'],
    [file, 'host=i-1'],
    [file, '--commands', 'hots=i-1'],
    [file, '--commands', 'host=web'],
  ])
    expect(firebreak('explain', ...args)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/Next: ./) as string,
    });
});

/** Never by a call that waits: the emulator's shim answers from this process. */
async function typedInto(folder: string, script: string): Promise<{ stdout: string; stderr: string }> {
  const env = { PATH: process.env['PATH'], HOME: folder, AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'test' };
  return promisify(execFile)('bash', ['-c', script], { cwd: folder, env });
}

const hasAwsCli = spawnSync('aws', ['--version']).status === 0;

// Where there is no AWS CLI, what stands above is all that can be shown.
describe.skipIf(!hasAwsCli)('typed into a shell against the emulator', () => {
  beforeAll(startAwsSandbox, startTimeoutMs);
  afterAll(() => aws().stop());

  test('the shipped runbook isolates, protects, snapshots and collects by hand as Firebreak would, and once', async () => {
    const { instance, vpc, original, volumes } = await startInstance({
      interfaceCount: 2,
      volumeCount: 2,
      quarantined: false,
    });
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-by-hand-'));
    const file = join(projectRoot, 'runbooks/aws/aws-host-compromise.yaml');
    const runbook = compiled(readFileSync(file, 'utf8'), file);
    const script = explainCommands(runbook, catalog, {
      systems: { aws: aws().settings },
      inputs: { instances: [instance] },
    });
    expect(script).toContain(`AWS_REGION=${region}`);
    const first = await typedInto(folder, script);
    expect(first.stdout).not.toContain('NOT ISOLATED');

    const groups = await groupsIn(vpc);
    const quarantine = groups.find(({ GroupName }) => GroupName?.startsWith('quarantine-by-hand') === true);
    expect(quarantine).toMatchObject({ IpPermissions: [], IpPermissionsEgress: [] });
    expect(await groupsOf(instance)).toEqual([[quarantine?.GroupId], [quarantine?.GroupId]]);
    expect(groups.map(({ GroupName }) => GroupName).filter((name) => name?.startsWith('all-access') === true)).toEqual(
      [],
    );
    // Firebreak would find them so. The group it makes anew: what it does not hold, it does not rely on.
    for (const unit of [protectInstance, isolateInstance] as AnyAction[]) {
      const planned: Planned<Json>[] = await unit.plan({ instance }, worldOf());
      for (const { target, after } of planned)
        expect((await unit.read(target, undefined, worldOf())).state).toEqual(after);
    }
    const { Snapshots = [] } = await aws().ec2.send(
      new DescribeSnapshotsCommand({ Filters: [{ Name: 'volume-id', Values: volumes }] }),
    );
    expect(Snapshots).toHaveLength(2);
    const evidence = join(folder, 'evidence', instance);
    expect(readFileSync(join(evidence, 'SHA256SUMS'), 'utf8').trim().split('\n')).toHaveLength(8);
    const noted = readFileSync(join(folder, 'groups-before.txt'), 'utf8');
    expect(noted.match(new RegExp(`${instance} eni-\\S+ had ${original[0]}$`, 'gm'))).toHaveLength(2);

    // Typed again by a colleague: what is isolated is not opened again, and the first groups stay the noted ones.
    aws().shim.calls.clear();
    const isolate = stepsByHand(runbook, catalog).find(({ step }) => step === 'isolate')?.commands ?? '';
    await typedInto(folder, `${script.slice(0, script.indexOf('# [ ]'))}\n${isolate}`);
    expect(aws().shim.calls.counts()).toHaveProperty('DescribeNetworkInterfaces');
    expect(aws().shim.calls.counts()).not.toHaveProperty('ModifyNetworkInterfaceAttribute');
    expect(readFileSync(join(folder, 'groups-before.txt'), 'utf8')).toBe(noted);
    const { Reservations } = await aws().ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
    expect(Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('running');
  }, 300_000);

  test('without a sealed quarantine group nothing is opened, and it says so', async () => {
    const { instance, original } = await startInstance({ interfaceCount: 1, quarantined: false });
    const script = `instance=${instance}\nexport AWS_ENDPOINT_URL=${aws().url} AWS_DEFAULT_REGION=${region}\n${isolateInstance.byHand ?? ''}`;
    const said = await typedInto(mkdtempSync(join(tmpdir(), 'firebreak-by-hand-')), script);
    expect(said.stdout).toContain('NOT ISOLATED');
    expect(await groupsOf(instance)).toEqual([original]);
  }, 120_000);

  test('a key is exchanged once, also when it is typed again, and its value is not shown', async () => {
    const iam = iamAt(aws(), region);
    const secrets = secretsAt(aws(), region);
    const { user, keys } = await iam.startUser();
    const [old] = keys;
    if (old === undefined) throw new Error('a key was expected');
    const secret = await secrets.keep(old);
    const copy = await secrets.keep(old);
    const script = `user=${user} secret=${secret} copies=${copy} keep_old=false\nexport AWS_ENDPOINT_URL=${aws().url} AWS_DEFAULT_REGION=${region}\n${rotateAccessKey.byHand ?? ''}`;
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-by-hand-'));
    const first = await typedInto(folder, script);
    const fresh = await secrets.keyIn(secret);
    expect(await secrets.keyIn(copy)).toEqual(fresh);
    expect(fresh?.accessKeyId).not.toBe(old.accessKeyId);
    expect(first.stdout).toContain(`--access-key-id ${old.accessKeyId} --status Inactive`);
    expect(first.stdout + first.stderr).not.toContain(fresh?.secretAccessKey);
    const again = await typedInto(folder, script);
    expect(again.stdout).toContain('none was made');
    expect(await secrets.keyIn(secret)).toEqual(fresh);
    expect(Object.values(await iam.statusesOf(user))).toEqual(['Active', 'Active']);
  }, 120_000);
});
