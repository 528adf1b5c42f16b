// The real processes of a workspace, each killed in turn.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Health } from '../../gateway/api.js';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import { isAlive } from '../../worker/cache.js';
import { openKeys } from '../../worker/keys.js';
import { freePort } from '../../worker/ports.js';
import { built } from '../../worker/project.js';
import { up } from '../../worker/up.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';
import { peopleText } from '../compiler/examples.js';

/** A process needs about two seconds to start on two busy cores. */
const soon = { timeout: 30_000, interval: 50 };

async function newWorkspace(): Promise<Workspace> {
  const workspace = workspaceAt(mkdtempSync(join(tmpdir(), 'firebreak-up-')));
  writeFileSync(workspace.people, peopleText);
  writeFileSync(
    workspace.installation,
    `apiVersion: firebreak/v1
kind: Installation
environment: exercises
systems:
  aws: { kind: aws, region: eu-west-1, endpoint: http://127.0.0.1:1, shown_on: emulator }
watch: { every: 2m, settles_per_hour: 3 }
gateway: { listen: 127.0.0.1:${await freePort()} }
`,
  );
  return workspace;
}

function pidsIn({ state }: Workspace): Record<string, number> {
  return JSON.parse(readFileSync(join(state, 'pids.json'), 'utf8')) as Record<string, number>;
}

async function health(workspace: Workspace): Promise<Health> {
  const { url, token } = readGatewayFile(workspace) ?? { url: '', token: '' };
  const answer = await fetch(new URL('/v1/health', url), { headers: { authorization: `Bearer ${token}` } });
  return (await answer.json()) as Health;
}

test('each part that is killed comes back at its address, and everything serves again', {
  timeout: 180_000,
}, async () => {
  const workspace = await newWorkspace();
  const states: string[] = [];
  const all = ['temporal', 'worker', 'worker-2', 'gateway'];
  const running = await up(workspace, { workers: 2, onState: (part, state) => states.push(`${part} ${state}`) });
  try {
    expect(await health(workspace)).toMatchObject({ ok: true });
    for (const part of all) {
      const pid = pidsIn(workspace)[part] ?? 0;
      const readyBefore = states.filter((each) => each === `${part} ready`).length;
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(
        () => expect(states.filter((each) => each === `${part} ready`)).toHaveLength(readyBefore + 1),
        soon,
      );
      expect(pidsIn(workspace)[part]).not.toBe(pid);
      await vi.waitFor(async () => expect(await health(workspace)).toMatchObject({ ok: true }), soon);
    }
    const address = running.temporal.connectionOptions.address;
    expect(address).toBe(`127.0.0.1:${readFileSync(join(workspace.state, 'ports', 'temporal'), 'utf8')}`);
  } finally {
    const pids = pidsIn(workspace);
    await running.stop();
    expect(all.filter((part) => isAlive(pids[part]))).toEqual([]);
  }
});

test('the keys of the workspace are pinned before anything starts', { timeout: 60_000 }, async () => {
  const workspace = await newWorkspace();
  const running = await up(workspace);
  await running.stop();
  expect(readFileSync(workspace.people, 'utf8')).toContain(openKeys(workspace).gateway.publicKey);
});

test('when the supervisor is killed, everything is gone within seconds, and the next start finds it as it was', {
  timeout: 120_000,
}, async () => {
  const workspace = await newWorkspace();
  const code = `
    const { up } = await import(${JSON.stringify(built('worker', 'up.js'))});
    const { workspaceAt } = await import(${JSON.stringify(built('worker', 'workspace.js'))});
    await up(workspaceAt(${JSON.stringify(workspace.root)}));
    console.log('up');`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout, 'data');
  const pids = pidsIn(workspace);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(Object.keys(pids).filter((part) => isAlive(pids[part]))).toEqual([]), {
    timeout: 15_000,
    interval: 50,
  });
  const running = await up(workspace);
  expect(await health(workspace)).toMatchObject({ ok: true });
  await running.stop();
});

test('an embedded Temporal has workers of one release, so that a deployment of several is refused before anything is started', async () => {
  const workspace = await newWorkspace();
  appendFileSync(workspace.installation, 'temporal: { deployment: firebreak }\n');
  await expect(up(workspace)).rejects.toMatchObject({ code: 'up.versions-embedded' });
  expect(existsSync(join(workspace.state, 'pids.json'))).toBe(false);
});

test('a Temporal that was given and does not answer is named at once, and nothing is started', async () => {
  const workspace = await newWorkspace();
  vi.stubEnv('TEMPORAL_ADDRESS', '127.0.0.1:1');
  try {
    const startedMs = Date.now();
    await expect(up(workspace)).rejects.toMatchObject({
      code: 'temporal.unreachable',
      isTerminal: false,
      message: expect.stringContaining('127.0.0.1:1'),
    });
    expect(Date.now() - startedMs).toBeLessThan(15_000);
    expect(existsSync(join(workspace.state, 'pids.json'))).toBe(false);
  } finally {
    vi.unstubAllEnvs();
  }
});
