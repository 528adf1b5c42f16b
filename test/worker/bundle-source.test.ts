// The real compiler over real files, edited as people edit them.
import { copyFileSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { runbookNamed } from '../../core/installation.js';
import { bundleSource } from '../../worker/bundle-source.js';
import { openLog } from '../../worker/log.js';
import { projectRoot } from '../../worker/project.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';
import { installationText, peopleText } from '../compiler/examples.js';

let workspace: Workspace;
let lines: string[];
let source: ReturnType<typeof bundleSource>;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-bundle-'));
  cpSync(join(projectRoot, 'runbooks'), join(root, 'runbooks'), { recursive: true });
  writeFileSync(join(root, 'firebreak.yaml'), installationText);
  writeFileSync(join(root, 'people.yaml'), peopleText);
  workspace = workspaceAt(root);
  lines = [];
  source = bundleSource(workspace, openLog({ process: 'test', to: { write: (line) => lines.push(line) } }));
});

function change(file: string, from: string, to: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
}

test('the bundle holds what the files of the workspace say', async () => {
  const bundle = await source();
  expect(bundle.installation.environment).toBe('production');
  expect(Object.keys(bundle.people.principals)).toEqual(['alice', 'bob', 'carol', 'dave']);
  expect(runbookNamed(bundle, 'aws-host-compromise')).toBeDefined();
});

test('as long as no file changes it is read once, however many ask', async () => {
  const [one, two] = await Promise.all([source(), source()]);
  expect(two).toBe(one);
  expect(await source()).toBe(one);
});

test('an edit is in force at the next look', async () => {
  const before = await source();
  change(workspace.installation, 'environment: production', 'environment: exercises');
  const after = await source();
  expect(after.installation.environment).toBe('exercises');
  expect(after.digest).not.toBe(before.digest);
});

test('a file that is replaced by one of the same size and time is seen', async () => {
  await source();
  const next = join(workspace.root, 'next.yaml');
  copyFileSync(workspace.people, next);
  change(next, 'name: Alice', 'name: Alina');
  renameSync(next, workspace.people);
  expect((await source()).people.principals['alice']?.name).toBe('Alina');
});

test('a runbook that is added is there, and one that is taken away is gone', async () => {
  await source();
  const added = join(workspace.runbooks, 'drill.yaml');
  copyFileSync(join(workspace.runbooks, 'aws', 'aws-host-compromise.yaml'), added);
  change(added, 'name: aws-host-compromise', 'name: drill');
  expect(runbookNamed(await source(), 'drill')).toBeDefined();
  rmSync(added);
  expect(runbookNamed(await source(), 'drill')).toBeUndefined();
});

test('an invalid edit leaves the last good bundle in use and is logged once; a correct one is taken again', async () => {
  const good = await source();
  change(workspace.people, 'groups:', 'grups:');
  expect(await source()).toBe(good);
  expect(await source()).toBe(good);
  expect(lines.filter((line) => line.includes('the last good one stays in use'))).toHaveLength(1);
  expect(lines.join('')).toContain('grups');
  change(workspace.people, 'grups:', 'groups:');
  change(workspace.people, 'name: Alice', 'name: Alina');
  expect((await source()).people.principals['alice']?.name).toBe('Alina');
});

test('a folder of runbooks that vanishes leaves the last good bundle in use', async () => {
  const good = await source();
  rmSync(workspace.runbooks, { recursive: true });
  expect(await source()).toBe(good);
  expect(lines.join('')).toContain('the last good one stays in use');
});

test('what is invalid from the start is refused, and read again once it was mended', async () => {
  change(workspace.people, 'groups:', 'grups:');
  await expect(source()).rejects.toMatchObject({ code: 'bundle.invalid' });
  change(workspace.people, 'grups:', 'groups:');
  expect((await source()).installation.environment).toBe('production');
});
