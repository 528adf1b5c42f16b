// Help is read under stress: every verb has some, with examples, and loads nothing else.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { built } from '../../worker/project.js';

const verbs = [
  'run',
  'plan',
  'approve',
  'deny',
  'withdraw',
  'confirm',
  'choose',
  'retry',
  'pause',
  'resume',
  'skip',
  'cancel',
  'extend',
  'hand-over',
  'note',
  'undo',
  'release',
  'status',
  'brief',
  'holds',
  'watch',
  'doctor',
  'validate',
  'explain',
  'permissions',
  'init',
  'completion',
  'up',
  'keys',
  'codec',
  'demo',
];
const firebreak = (...args: string[]) =>
  spawnSync(process.execPath, [built('cli', 'main.js'), ...args], { encoding: 'utf8' });

test.each([
  ...verbs,
  'timeline export',
  'timeline verify',
  'worker run',
  'worker promote',
  'sandbox up',
  'sandbox down',
])('the help of %s has examples and the way to JSON', (verb) => {
  const { status, stdout } = firebreak(...verb.split(' '), '--help');
  expect(status).toBe(0);
  expect(stdout).toContain(`Examples:\n  $ firebreak ${verb}`);
  expect(stdout).toContain('--json');
});

test('help names every verb and the exit codes', () => {
  const { stdout } = firebreak('--help');
  for (const verb of verbs) expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
  expect(stdout).toContain('Exit codes: 0 done');
});

test.each(['timeline', 'worker', 'sandbox'])('the help of %s has examples of what is under it', (group) => {
  expect(firebreak(group, '--help').stdout).toMatch(new RegExp(`Examples:\\n  \\$ firebreak ${group} `));
});

test('help says where to begin, and hides what only completion asks', () => {
  const { stdout } = firebreak('--help');
  expect(stdout).toContain('New here: `firebreak demo` shows it');
  expect(stdout).not.toContain('__complete');
});

test('a note takes its text and no reason besides, which would be lost', () => {
  const { status, stderr } = firebreak('note', 'run-4k7mq2x9ab', 'text', '--reason', 'x');
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining("Unknown option '--reason'") as string,
  });
});

test('help loads nothing but commander, so that it answers at once', () => {
  const { files, packages } = loadedBy(built('cli', 'main.js'));
  expect(files.size).toBeGreaterThan(5);
  expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual(['commander']);
});

/** Everything that is imported before anything is called: what `import()` names is loaded only when its verb is. */
function loadedBy(file: string, files = new Set<string>(), packages = new Set<string>()) {
  if (files.has(file)) return { files, packages };
  files.add(file);
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) [^;]*?from '([^']+)'|^import '([^']+)'/gm,
  )) {
    if (name.startsWith('.')) loadedBy(join(dirname(file), name), files, packages);
    else packages.add(name);
  }
  return { files, packages };
}

test('help answers within a second on a busy machine', () => {
  const times = [1, 2, 3].map(() => {
    const startedMs = performance.now();
    firebreak('--help');
    return performance.now() - startedMs;
  });
  expect(Math.min(...times)).toBeLessThan(1_000);
});
