import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { projectRoot } from '../../worker/project.js';
import { openWorkspace, workspaceAt } from '../../worker/workspace.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'firebreak-workspace-'));
}

test('a workspace is the folder that is named, else the one in the environment, else the current one', () => {
  const named = folder();
  const set = folder();
  vi.stubEnv('FIREBREAK_WORKSPACE', set);
  expect(workspaceAt(named).root).toBe(named);
  expect(workspaceAt().root).toBe(set);
  vi.stubEnv('FIREBREAK_WORKSPACE', undefined);
  expect(workspaceAt().root).toBe(process.cwd());
});

test('a workspace without runbooks of its own uses those that come with Firebreak', () => {
  const root = folder();
  expect(workspaceAt(root).runbooks).toBe(join(projectRoot, 'runbooks'));
  mkdirSync(join(root, 'runbooks'));
  expect(workspaceAt(root).runbooks).toBe(join(root, 'runbooks'));
});

test('a folder without firebreak.yaml or people.yaml is refused by the name of what it lacks', () => {
  const workspace = workspaceAt(folder());
  expect(() => openWorkspace(workspace)).toThrow(
    expect.objectContaining({
      code: 'workspace.incomplete',
      target: workspace.installation,
      nextStep: expect.stringContaining('FIREBREAK_WORKSPACE'),
    }),
  );
  writeFileSync(workspace.installation, '');
  expect(() => openWorkspace(workspace)).toThrow(
    expect.objectContaining({ code: 'workspace.incomplete', target: workspace.people }),
  );
});

test('the state folder is made for its owner alone', () => {
  const workspace = workspaceAt(folder());
  writeFileSync(workspace.installation, '');
  writeFileSync(workspace.people, '');
  openWorkspace(workspace);
  expect(statSync(workspace.state).mode & 0o777).toBe(0o700);
});
