/** Starts and stops the sandbox's own process. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../core/errors.js';
import { isAlive } from '../worker/cache.js';
import { built } from '../worker/project.js';
import { type Workspace, workspaceAt } from '../worker/workspace.js';
import { refuseOthers } from './claim.js';

/** What a running sandbox says of itself, in `.firebreak/sandbox.json`. */
export interface SandboxFile {
  pid: number;
  aws: string;
  /** Where its Slack takes orders: who types and clicks what. */
  slack: string;
  instances: string[];
}

/** The first start installs the AWS emulator, which takes about a minute. */
const readyTimeoutMs = 300_000;
const stopTimeoutMs = 15_000;

export function sandboxFile({ state }: Workspace): string {
  return join(state, 'sandbox.json');
}

export async function startSandbox(root: string): Promise<SandboxFile> {
  const workspace = workspaceAt(root);
  const running = runningSandbox(workspace);
  if (running !== undefined) return running;
  refuseOthers(workspace.root);
  mkdirSync(workspace.state, { recursive: true, mode: 0o700 });
  const log = join(workspace.state, 'sandbox.log');
  const to = openSync(log, 'a', 0o600);
  const child = spawn(process.execPath, [built('sandbox', 'main.js'), workspace.root], {
    detached: true,
    stdio: ['ignore', to, to],
  });
  closeSync(to);
  child.unref();
  const until = Date.now() + readyTimeoutMs;
  for (;;) {
    const ready = runningSandbox(workspace);
    if (ready !== undefined) return ready;
    if (child.exitCode !== null || Date.now() > until) {
      throw new FirebreakError('sandbox.not-ready', 'The sandbox did not start.', {
        nextStep: `read the end of ${log}.`,
        target: log,
      });
    }
    await sleep(200);
  }
}

/** False when none was running. */
export async function stopSandbox(root: string): Promise<boolean> {
  const running = runningSandbox(workspaceAt(root));
  if (running === undefined) return false;
  process.kill(running.pid, 'SIGTERM');
  const until = Date.now() + stopTimeoutMs;
  while (isAlive(running.pid)) {
    if (Date.now() > until) {
      throw new FirebreakError('sandbox.still-running', `The sandbox (process ${running.pid}) does not stop.`, {
        nextStep: `end it with \`kill -9 ${running.pid}\`.`,
      });
    }
    await sleep(100);
  }
  return true;
}

function runningSandbox(workspace: Workspace): SandboxFile | undefined {
  const file = sandboxFile(workspace);
  if (!existsSync(file)) return undefined;
  const said = JSON.parse(readFileSync(file, 'utf8')) as SandboxFile;
  return isAlive(said.pid) ? said : undefined;
}
