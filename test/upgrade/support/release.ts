/** Another release of Firebreak: these sources with something changed, built in a folder of its own. */
import { execFileSync, type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embedded, knownTemporal } from '../../../worker/connection.js';
import { projectRoot } from '../../../worker/project.js';
import type { Workspace } from '../../../worker/workspace.js';
import type { StartUp } from '../../support/processes.js';

export interface Release {
  root: string;
  build: string;
}

/** What a release is built from. */
const sources = [
  'compiler',
  'core',
  'workflows',
  'activities',
  'journal',
  'gateway',
  'cli',
  'worker',
  'sandbox',
  'runbooks',
  'scripts',
  'test/bench',
  'test/support',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Changes of one file: what stands there, once, and what shall stand in its place. */
export type Edits = Record<string, [from: string, to: string][]>;

/** The release that is tested. */
export function thisRelease(): Release {
  return releaseAt(projectRoot);
}

export function buildRelease(edits: Edits): Release {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-release-'));
  for (const source of sources) cpSync(join(projectRoot, source), join(root, source), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  for (const [file, changes] of Object.entries(edits)) {
    let text = readFileSync(join(root, file), 'utf8');
    for (const [from, to] of changes) {
      if (text.split(from).length !== 2) throw new Error(`${file} does not have "${from}" once.`);
      text = text.replace(from, to);
    }
    writeFileSync(join(root, file), text);
  }
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  return releaseAt(root);
}

function releaseAt(root: string): Release {
  return { root, build: readFileSync(join(root, 'dist', 'build-id'), 'utf8') };
}

/** The release's own `firebreak`, in a process that is not waited for. */
export function start(
  { root }: Release,
  args: string[],
  workspace: Workspace,
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  return spawn(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...args, '--workspace', workspace.root], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Its answer with `--json`, whether it is good or bad. */
export async function ask(
  release: Release,
  args: string[],
  workspace: Workspace,
  env: NodeJS.ProcessEnv = {},
): Promise<unknown> {
  const child = start(release, [...args, '--json'], workspace, env);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  await once(child, 'close');
  return JSON.parse(text);
}

/** Ends it as an operator does, and waits until it is gone. */
export function end(child: ChildProcess): Promise<void> {
  return gone(child, 'SIGTERM');
}

/** As a machine that is lost: it can finish nothing. */
export function kill(child: ChildProcess): Promise<void> {
  return gone(child, 'SIGKILL');
}

async function gone(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** `firebreak up` of the release; settles once everything serves. Without `port`, with its embedded Temporal. */
export function upOf(release: Release, port?: number): StartUp {
  return async (workspace) => {
    const env = port === undefined ? {} : { TEMPORAL_ADDRESS: `127.0.0.1:${port}` };
    const child = start(release, ['up'], workspace, env);
    const serves = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`firebreak up of ${release.build} ended with ${code}.`);
    });
    await Promise.race([serves, died]);
    died.catch(() => undefined);
    child.stdout?.resume();
    const temporal = port === undefined ? knownTemporal(workspace) : embedded(port);
    if (temporal === undefined) throw new Error('The workspace does not say where its Temporal is.');
    return { temporal, stop: () => end(child) };
  };
}
