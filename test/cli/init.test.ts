// The first five minutes: a folder that says what it still needs, and that nobody can approve in alone.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { jsonSchemas } from '../../compiler/json-schema.js';
import { built } from '../../worker/project.js';

let home: string;
const keyOf = (name: string) => join(home, 'keys', name);
const publicLine = (name: string) => readFileSync(`${keyOf(name)}.pub`, 'utf8').trim();

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'firebreak-init-')));
  mkdirSync(join(home, 'keys'));
  for (const name of ['alice', 'bob', 'carol'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', keyOf(name)]);
});

function firebreak(args: string[], env: Record<string, string> = {}) {
  const done = spawnSync(process.execPath, [built('cli', 'main.js'), ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: home, ...env },
  });
  return { ...done, json: () => JSON.parse(done.stdout) as Record<string, unknown> };
}

const asAlice = () => ['init', 'ops', '--as', 'alice', '--key', keyOf('alice'), '--region', 'eu-west-1'];
const ops = (...path: string[]) => join(home, 'ops', ...path);

test('a new workspace has whoever made it and nobody else, and says that others are missing', () => {
  const made = firebreak(asAlice());
  expect(made).toMatchObject({ status: 0, stderr: '' });
  expect(made.stdout).toContain('gate "containment" needs 2 other people');
  expect(made.stdout).toMatch(
    /Next:\n {2}cd ops && firebreak validate\n {2}firebreak explain aws-host-compromise\n {2}firebreak up\n$/,
  );
  expect(parse(readFileSync(ops('people.yaml'), 'utf8'))).toMatchObject({
    principals: { alice: { ssh: [publicLine('alice')] } },
    groups: { responders: ['alice'], 'security-oncall': ['alice'], 'platform-leads': [] },
  });
  const checked = firebreak(['validate', '--workspace', ops()]);
  expect(checked.status).toBe(2);
  expect(checked.stdout).toMatch(
    /aws-host-compromise\.yaml:\d+:\d+ {2}gate "containment" needs 2 other people.*\n {2}Next: Add people/,
  );
  expect(checked.stdout).toContain(': 1 error\n');
  // What is missing is people; looking goes already.
  expect(firebreak(['explain', '--workspace', ops()]).stdout).toContain('aws-host-compromise');
});

test('with two others filled in it is valid', () => {
  firebreak(asAlice());
  const file = ops('people.yaml');
  const text = readFileSync(file, 'utf8')
    .replace(
      '\ngroups:',
      `  bob: { ssh: ["${publicLine('bob')}"] }\n  carol: { ssh: ["${publicLine('carol')}"] }\n\ngroups:`,
    )
    .replace('security-oncall: [alice]', 'security-oncall: [alice, bob]')
    .replace('platform-leads: []', 'platform-leads: [carol]');
  writeFileSync(file, text);
  expect(firebreak(['validate', '--workspace', ops()])).toMatchObject({ status: 0, stdout: `${ops()}: valid\n` });
});

test('its examples are good as they stand, once the marks before them are gone', () => {
  firebreak(asAlice());
  const people = readFileSync(ops('people.yaml'), 'utf8')
    .replace(/^ {2}# (guardduty:).*$/m, '  $1')
    .replace(/^ {2}# {3}(service:.*)$/m, '    $1');
  writeFileSync(ops('people.yaml'), people);
  const text = readFileSync(ops('firebreak.yaml'), 'utf8');
  const examples = text.slice(text.indexOf('# targets:'), text.indexOf('# Without Slack'));
  const uncommented = examples.replaceAll(/^# ( *[a-z0-9-]+:.*| *- .*)$/gm, '$1');
  expect(uncommented).not.toBe(examples);
  writeFileSync(
    ops('firebreak.yaml'),
    text.replace(examples, () => uncommented),
  );
  const { problems } = firebreak(['validate', '--workspace', ops(), '--json']).json() as {
    problems: { code: string }[];
  };
  // Only what is missing from the first day on: other people.
  expect(problems.map(({ code }) => code)).toEqual(['gate.cannot-be-met']);
  const shown = firebreak(['inventory', '--workspace', ops(), '--json']);
  expect(shown.json()).toMatchObject({ targets: [{ name: 'web-1' }, { name: 'bastion', owner: 'alice' }] });
});

test('what it cannot know it leaves to fill in, and validate names each line', () => {
  const made = firebreak(['init', '--as', 'alice', '--json', '--workspace', ops()]).json();
  expect(made['left']).toMatchObject([
    {
      file: 'firebreak.yaml',
      line: expect.any(Number) as number,
      message: expect.stringContaining('region') as string,
    },
    { file: 'people.yaml', line: expect.any(Number) as number, code: 'people.ssh-key' },
  ]);
  expect(made).toMatchObject({
    workspace: ops(),
    next: ['cd ops && firebreak validate', expect.anything(), 'firebreak up'],
  });
  const { stdout } = firebreak(['validate', '--workspace', ops()]);
  expect(stdout).toMatch(/^firebreak\.yaml:\d+:\d+ .*region/m);
  expect(stdout).toMatch(/^people\.yaml:\d+:\d+ .*SSH key/m);
});

test('key and region are taken from where the other verbs and the AWS tools look for them', () => {
  firebreak(['init', 'ops', '--as', 'bob'], { FIREBREAK_KEY: keyOf('bob'), AWS_REGION: 'us-east-1' });
  expect(readFileSync(ops('people.yaml'), 'utf8')).toContain(publicLine('bob'));
  expect(parse(readFileSync(ops('firebreak.yaml'), 'utf8'))).toMatchObject({
    systems: { aws: { region: 'us-east-1' } },
  });
});

test('editors find the schema of each file, and keys stay out of version control', () => {
  firebreak(asAlice());
  for (const [name, schema] of Object.entries(jsonSchemas()))
    expect(JSON.parse(readFileSync(ops('.schemas', name), 'utf8'))).toEqual(schema);
  const settings = JSON.parse(readFileSync(ops('.vscode/settings.json'), 'utf8')) as { 'yaml.schemas': object };
  for (const path of Object.keys(settings['yaml.schemas']))
    expect(readFileSync(ops(path), 'utf8')).toContain('$schema');
  for (const file of ['firebreak.yaml', 'people.yaml', 'runbooks/aws/aws-host-compromise.yaml']) {
    const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)/.exec(readFileSync(ops(file), 'utf8')) ?? [];
    expect(readFileSync(join(dirname(ops(file)), named), 'utf8')).toContain('$schema');
  }
  expect(readFileSync(ops('.gitignore'), 'utf8')).toContain('/.firebreak/\n');
});

test('whatever of it exists already is named and left, and nothing else is written', () => {
  mkdirSync(ops('runbooks/aws'), { recursive: true });
  writeFileSync(ops('people.yaml'), 'mine\n');
  symlinkSync('/nowhere', ops('.gitignore'));
  const refused = firebreak(asAlice());
  expect(refused).toMatchObject({ status: 2, stdout: '' });
  expect(refused.stderr).toContain('has people.yaml, .gitignore already; nothing was written.\nNext: ');
  expect(readFileSync(ops('people.yaml'), 'utf8')).toBe('mine\n');
  expect(readdirSync(ops()).toSorted()).toEqual(['.gitignore', 'people.yaml', 'runbooks']);
  expect(readdirSync(ops('runbooks/aws'))).toEqual([]);
});

test('a name, a key or a folder that cannot be used is refused, with what to do', () => {
  writeFileSync(ops('..', 'file'), '');
  for (const [args, code] of [
    [['init', 'ops', '--as', 'Alice Smith'], 'init.principal'],
    [['init', 'ops', '--as', 'worker'], 'init.principal'],
    [['init', 'ops', '--as', 'alice', '--key', join(home, 'no-such-key')], 'init.key'],
    [['init', 'file/ops', '--as', 'alice'], 'init.unwritable'],
  ] as const) {
    const refused = firebreak([...args, '--json']);
    expect({ status: refused.status, error: refused.json()['error'] }).toMatchObject({ status: 2, error: { code } });
  }
  expect(readdirSync(home)).not.toContain('ops');
});
