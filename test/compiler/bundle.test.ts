import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BundlePaths, checkBundle, loadBundle } from '../../compiler/bundle.js';
import { sourceBytesMax } from '../../compiler/source.js';
import { runbookNamed } from '../../core/installation.js';
import { digestOf } from '../../journal/digest.js';
import { catalog, installationText, peopleText, runbookText } from './examples.js';

let root: string;
let paths: BundlePaths;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'firebreak-bundle-'));
  mkdirSync(join(root, 'runbooks', 'aws'), { recursive: true });
  paths = {
    installation: join(root, 'firebreak.yaml'),
    people: join(root, 'people.yaml'),
    runbooks: join(root, 'runbooks'),
  };
  writeFileSync(paths.installation, installationText);
  writeFileSync(paths.people, peopleText);
  writeFileSync(join(paths.runbooks, 'aws', 'a.yaml'), runbookText);
});

afterEach(() => rmSync(root, { recursive: true }));

test('the bundle holds people, installation and runbooks by digest, and has a digest over all of them', async () => {
  const bundle = await loadBundle(paths, catalog);
  const { digest, ...rest } = bundle;
  expect(digest).toBe(digestOf(rest));
  const found = runbookNamed(bundle, 'host-compromise');
  expect(found?.digest).toBe(digestOf(found?.runbook));
  expect((await loadBundle(paths, catalog)).digest).toBe(digest);
  writeFileSync(paths.people, peopleText.replace('name: Alice', 'name: Alice B.'));
  expect((await loadBundle(paths, catalog)).digest).not.toBe(digest);
});

test('every problem of every file is told in one error, each at its place', async () => {
  writeFileSync(paths.installation, installationText.replace('region: eu', 'regin: eu'));
  writeFileSync(paths.people, peopleText.replace('[carol, dave]', '[carl, dave]'));
  writeFileSync(join(paths.runbooks, 'b.yml'), runbookText.replace('needs: []', 'need: []'));
  await expect(loadBundle(paths, catalog)).rejects.toMatchObject({
    code: 'bundle.invalid',
    message: [
      'The configuration has 4 errors:',
      'firebreak.yaml:6:5  this AWS system lacks "region"',
      'firebreak.yaml:7:5  unknown AWS system field "regin"; did you mean "region"?',
      'people.yaml:18:20  unknown principal "carl"; did you mean "carol"?',
      'runbooks/b.yml:33:5  unknown step field "need"; did you mean "needs"?',
    ].join('\n'),
    nextStep: expect.stringMatching(/firebreak validate/) as string,
  });
});

test('runbooks are checked against the people and the systems of the same bundle', async () => {
  writeFileSync(paths.people, peopleText.replace('  security-leads: [alice]\n', ''));
  writeFileSync(
    paths.installation,
    installationText.replace('  aws:\n', '  gcp:\n').replace('system: aws', 'system: gcp'),
  );
  const { bundle, problems } = await checkBundle(paths, catalog);
  expect(bundle).toBeUndefined();
  expect(problems.map(({ code }) => code)).toEqual([
    'gate.unknown-group',
    'unit.no-system',
    'unit.no-system',
    'unit.no-system',
  ]);
});

test('two runbooks of one name are refused, for a launch could mean either', async () => {
  writeFileSync(join(paths.runbooks, 'b.yaml'), runbookText);
  await expect(loadBundle(paths, catalog)).rejects.toMatchObject({
    message: expect.stringContaining('there is a runbook "host-compromise" in runbooks/aws/a.yaml already') as string,
  });
});

test('what is missing, empty, too large or not UTF-8 is told like any other problem', async () => {
  rmSync(paths.people);
  writeFileSync(paths.installation, Buffer.from([0x61, 0xff, 0xfe]));
  writeFileSync(join(paths.runbooks, 'aws', 'a.yaml'), 'x'.repeat(sourceBytesMax + 1));
  mkdirSync(join(paths.runbooks, 'folder.yaml'));
  const { problems } = await checkBundle(paths, catalog);
  expect(problems.map(({ file, code }) => [file, code])).toEqual([
    ['firebreak.yaml', 'file.encoding'],
    ['people.yaml', 'file.missing'],
    ['runbooks/aws/a.yaml', 'yaml.too-large'],
    ['runbooks/folder.yaml', 'file.unreadable'],
  ]);
});

test('a folder without runbooks is refused, for an installation that can do nothing is a slip', async () => {
  rmSync(join(paths.runbooks, 'aws'), { recursive: true });
  await expect(loadBundle(paths, catalog)).rejects.toMatchObject({
    message: expect.stringContaining('there is no runbook in this folder') as string,
  });
  rmSync(paths.runbooks, { recursive: true });
  await expect(loadBundle(paths, catalog)).rejects.toMatchObject({
    message: expect.stringContaining('there is nothing at this path') as string,
  });
});

test('notes do not keep a bundle from being loaded, and are told to whoever asks', async () => {
  writeFileSync(join(paths.runbooks, 'aws', 'a.yaml'), runbookText.replace(', personal_keys: 1', ''));
  const { bundle, problems } = await checkBundle(paths, catalog);
  expect(bundle).toBeDefined();
  expect(problems).toMatchObject([{ level: 'note', code: 'gate.raised', file: 'runbooks/aws/a.yaml' }]);
});

test('a runbook for other environments is told of where it says so, and stays in the bundle; a slip in the name is named', async () => {
  const { environment } = (await loadBundle(paths, catalog)).installation;
  const only = `metadata: { environments: [${environment}s],`;
  writeFileSync(join(paths.runbooks, 'aws', 'a.yaml'), runbookText.replace('metadata: {', only));
  const { bundle, problems } = await checkBundle(paths, catalog);
  expect(problems).toMatchObject([
    {
      level: 'note',
      code: 'runbook.other-environment',
      message: expect.stringContaining(`did you mean "${environment}s"?`),
    },
  ]);
  expect(Object.values(bundle?.runbooks ?? {})).toMatchObject([{ environments: [`${environment}s`] }]);
});

test('a hook through which nobody may speak any more, and an owner who is gone, keep no process from loading', async () => {
  const hook = `hooks:
  findings:
    runbook: host-compromise
    auth: { scheme: bearer, secrets: [{ env: TOKEN }] }
    id: \${{ body.id }}
    inputs: { instances: "\${{ body.hosts }}", image: golden, speed: fast, reason: A finding of the detector. }
targets:
  web-1: { system: aws, type: instance, id: i-0ab1, owner: nobody-there }
`;
  writeFileSync(paths.installation, `${installationText}${hook}`);
  const { bundle, problems } = await checkBundle(paths, catalog);
  expect(problems.map(({ code, level }) => `${level} ${code}`).toSorted()).toEqual([
    'error hook.nobody',
    'error target.unknown-owner',
  ]);
  expect(Object.keys(bundle?.installation.hooks ?? {})).toEqual(['findings']);
  // What it would launch must fit all the same.
  writeFileSync(paths.installation, `${installationText}${hook.replace('host-compromise', 'host-compromize')}`);
  await expect(loadBundle(paths, catalog)).rejects.toMatchObject({
    message: expect.stringContaining('unknown runbook "host-compromize"; did you mean "host-compromise"?') as string,
  });
});
