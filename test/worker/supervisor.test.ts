// Real processes, really killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { isAlive } from '../../worker/cache.js';
import type { Part } from '../../worker/kept-process.js';
import { openSupervisor, type Supervisor } from '../../worker/supervisor.js';

/** Two kills and their restarts take well under a second; the margin is for a busy machine. */
const soon = { timeout: 10_000, interval: 20 };

let supervisor: Supervisor | undefined;
afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
});

function stateFolder(): string {
  return mkdtempSync(join(tmpdir(), 'firebreak-supervisor-'));
}

function pidsIn(state: string): Record<string, number> {
  return JSON.parse(readFileSync(join(state, 'pids.json'), 'utf8')) as Record<string, number>;
}

function script(name: string, code: string, more: Partial<Part> = {}): Part {
  return { name, command: process.execPath, args: ['-e', code], ...more };
}

const serving = `process.send('ready'); setInterval(() => {}, 1000);`;

function watched(state: string): { states: string[] } {
  const states: string[] = [];
  supervisor = openSupervisor(state, (part, what) => states.push(`${part} ${what}`));
  return { states };
}

test('a part that is killed comes back at once, again and again', async () => {
  const state = stateFolder();
  const { states } = watched(state);
  await supervisor?.start([script('worker', serving)]);
  const first = pidsIn(state)['worker'] ?? 0;
  process.kill(first, 'SIGKILL');
  await vi.waitFor(
    () => expect(states).toEqual(['worker starting', 'worker ready', 'worker died', 'worker starting', 'worker ready']),
    soon,
  );
  const second = pidsIn(state)['worker'] ?? 0;
  expect(second).not.toBe(first);
  process.kill(second, 'SIGKILL');
  await vi.waitFor(() => expect(states.filter((each) => each === 'worker ready')).toHaveLength(3), soon);
});

test('a part that served is started again at once, however soon and often it is killed', async () => {
  const waits: number[] = [];
  let diedAt = 0;
  const state = stateFolder();
  supervisor = openSupervisor(state, (_part, what) => {
    if (what === 'died') diedAt = performance.now();
    if (what === 'starting' && diedAt > 0) waits.push(performance.now() - diedAt);
    if (what === 'ready' && waits.length < 8)
      setTimeout(() => process.kill(pidsIn(state)['worker'] ?? 0, 'SIGKILL'), 50);
  });
  await supervisor.start([script('worker', serving)]);
  await vi.waitFor(() => expect(waits).toHaveLength(8), { timeout: 30_000 });
  // Backing off, the eighth would have waited for seconds; the fastest of the last ones is what a busy machine cannot spoil.
  expect(Math.min(...waits.slice(-3))).toBeLessThan(250);
});

test('a part that always dies is tried ever more slowly, and says where its log is', async () => {
  const state = stateFolder();
  const deaths: { atMs: number; detail: string | undefined }[] = [];
  supervisor = openSupervisor(
    state,
    (_part, what, detail) => what === 'died' && deaths.push({ atMs: Date.now(), detail }),
  );
  void supervisor.start([script('broken', 'console.error("no such thing"); process.exit(3)')]);
  await vi.waitFor(() => expect(deaths.length).toBeGreaterThanOrEqual(5), { timeout: 20_000 });
  const waits = deaths.slice(1).map(({ atMs }, at) => atMs - (deaths[at]?.atMs ?? 0));
  expect(waits[3]).toBeGreaterThan((waits[0] ?? 0) + 500);
  expect(deaths[0]?.detail).toContain('exit 3');
  expect(readFileSync(join(state, 'logs', 'broken.log'), 'utf8')).toContain('no such thing');
});

test('a program that does not exist is a death like any other', async () => {
  const deaths: (string | undefined)[] = [];
  supervisor = openSupervisor(stateFolder(), (_part, what, detail) => what === 'died' && deaths.push(detail));
  void supervisor.start([{ name: 'nothing', command: '/nowhere/at-all', args: [], ready: () => Promise.resolve() }]);
  await vi.waitFor(() => expect(deaths[0]).toContain('ENOENT'), soon);
});

test('stopping asks each part in order, the last started first, and leaves nothing', async () => {
  const state = stateFolder();
  const { states } = watched(state);
  const said = join(state, 'said');
  const polite = `process.once('SIGTERM', () => { require('fs').appendFileSync(${JSON.stringify(said)}, process.argv[1]); process.exit(); }); ${serving}`;
  const part = (name: string): Part => ({ ...script(name, polite), args: ['-e', polite, `${name} `] });
  await supervisor?.start([part('temporal')]);
  await supervisor?.start([part('worker')]);
  const { temporal, worker } = pidsIn(state);
  await supervisor?.stop();
  expect(readFileSync(said, 'utf8')).toBe('worker temporal ');
  expect(states.slice(-2)).toEqual(['worker stopped', 'temporal stopped']);
  expect([isAlive(temporal), isAlive(worker)]).toEqual([false, false]);
  expect(() => pidsIn(state)).toThrow('ENOENT');
});

test('a part that was stopped while it waits to be started again stays stopped', async () => {
  const { states } = watched(stateFolder());
  void supervisor?.start([script('broken', 'process.exit(3)')]);
  await vi.waitFor(
    () => expect(states.filter((each) => each === 'broken died').length).toBeGreaterThanOrEqual(3),
    soon,
  );
  await supervisor?.stop();
  const count = states.length;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(states).toHaveLength(count);
});

test('a second supervisor of the same state folder is refused while the first one lives', () => {
  const state = stateFolder();
  const living = spawn('sleep', ['60']);
  writeFileSync(join(state, 'pids.json'), JSON.stringify({ supervisor: living.pid }));
  expect(() => openSupervisor(state, () => undefined)).toThrow(expect.objectContaining({ code: 'up.already-running' }));
  living.kill('SIGKILL');
});

test('when the supervisor is killed, its parts are gone within seconds, even one that knows nothing of it', async () => {
  const state = stateFolder();
  const root = new URL('../../dist/', import.meta.url).href;
  const code = `
    const { openSupervisor } = await import(${JSON.stringify(`${root}worker/supervisor.js`)});
    const supervisor = openSupervisor(${JSON.stringify(state)}, () => {});
    await supervisor.start([
      { name: 'ours', command: process.execPath, args: ['-e', ${JSON.stringify(serving)}] },
      { name: 'foreign', command: 'sleep', args: ['600'], ready: async () => {} },
    ]);
    console.log('up');`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout, 'data');
  const { ours, foreign } = pidsIn(state);
  expect([isAlive(ours), isAlive(foreign)]).toEqual([true, true]);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect([isAlive(ours), isAlive(foreign)]).toEqual([false, false]), soon);
});
