// Completion as a shell asks for it: a real bash with the printed script, against a gateway that answers, hangs or is away.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeGatewayFile } from '../../gateway/gateway-file.js';
import { built } from '../../worker/project.js';
import { workspaceAt } from '../../worker/workspace.js';
import { writeLaunch } from '../gateway/support.js';
import { type Cli, openCli } from './support.js';

vi.setConfig({ testTimeout: 90_000 });

let cli: Cli;

beforeEach(async () => {
  cli = await openCli();
  await writeLaunch(cli.ground.store, { run: 'run-0000000001', incident: 'inc-0000000001' });
});

afterEach(() => cli.end());

interface Completed {
  offers: string[];
  stderr: string;
  ms: number;
}

/** What bash would offer for these words, the last one being typed. */
async function inBash(...words: string[]): Promise<Completed> {
  const file = join(mkdtempSync(join(tmpdir(), 'firebreak-completion-')), 'script');
  writeFileSync(file, (await cli.run(['completion', 'bash'])).stdout);
  const typed = ['firebreak', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `source ${file}; COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _firebreak; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const startedMs = performance.now();
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', ask], {
    env: { PATH: process.env['PATH'], HOME: cli.root, FIREBREAK_WORKSPACE: cli.root },
  });
  return { offers: stdout.split('\n').filter((line) => line !== ''), stderr, ms: performance.now() - startedMs };
}

test.each([
  [['app'], ['approve']],
  [[''], ['run', 'status', 'brief', 'init', 'timeline']],
  [
    ['timeline', ''],
    ['export', 'verify'],
  ],
  [['approve', '--g'], ['--gate']],
  [
    ['timeline', 'export', '--format', ''],
    ['jsonl', 'md'],
  ],
  [['completion', 'z'], ['zsh']],
  [['run', 'aws'], ['aws-host-compromise']],
  [['explain', ''], ['aws-host-compromise']],
  [
    ['run', 'aws-host-compromise', '--reason', 'beacon seen', ''],
    ['instances=', 'reason='],
  ],
  [['approve', 'run-'], ['run-0000000001']],
  [['approve', '--gate', 'containment', ''], ['run-0000000001']],
  [['release', 'inc'], ['inc-0000000001']],
  [
    ['brief', ''],
    ['run-0000000001', 'inc-0000000001'],
  ],
  [['run', 'aws-host-compromise', '--incident', ''], ['inc-0000000001']],
])('%j is completed', async (words, wanted) => {
  // The gateway has 300 ms for its answer; on a busy machine it may take a second ask, as it would a second press of the key.
  const { offers, stderr } = await vi.waitFor(
    async () => {
      const completed = await inBash(...words);
      expect(completed.offers).toEqual(expect.arrayContaining(wanted));
      return completed;
    },
    { timeout: 60_000 },
  );
  const typed = words.at(-1) ?? '';
  expect(offers.filter((offer) => !offer.startsWith(typed))).toEqual([]);
  expect(stderr).toBe('');
});

test('what nobody can know is left to the shell, and what is hidden is not offered', async () => {
  expect((await inBash('validate', 'x')).offers).toEqual([]);
  expect((await inBash('approve', 'run-0000000001', '--key', '')).offers).toEqual([]);
  expect((await inBash('no-such-verb', 'x')).offers).toEqual([]);
  expect((await inBash('_')).offers).toEqual([]);
});

test('with the gateway away, verbs and runbooks complete and ids silently do not', async () => {
  await cli.stopGateway();
  expect(await inBash('approve', 'run-')).toMatchObject({ offers: [], stderr: '' });
  expect(await inBash('appro')).toMatchObject({ offers: ['approve'], stderr: '' });
  expect(await inBash('run', 'aws-host')).toMatchObject({ offers: ['aws-host-compromise'], stderr: '' });
});

test('a gateway that hangs is waited for 300 ms and no longer', async () => {
  const asked: string[] = [];
  const hanging = createServer(({ url = '' }) => asked.push(url));
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = hanging.address() as AddressInfo;
    writeGatewayFile(workspaceAt(cli.root), {
      url: `http://127.0.0.1:${port}`,
      token: 'b'.repeat(64),
      pid: process.pid,
    });
    const hung = await inBash('approve', 'run-');
    expect(asked).toEqual(['/v1/runs']);
    expect(hung).toMatchObject({ offers: [], stderr: '' });
    const plain = await inBash('appro');
    // Both start a process; only one waits besides. A busy machine takes its time for each.
    expect(hung.ms - plain.ms).toBeLessThan(5_000);
  } finally {
    hanging.closeAllConnections();
    hanging.close();
  }
});

test('a workspace in which everything is broken completes what it can, without a word of it', async () => {
  writeFileSync(join(cli.root, 'people.yaml'), ']');
  writeFileSync(join(cli.root, '.firebreak', 'gateway.json'), 'no JSON');
  expect(await inBash('status', 'run-')).toMatchObject({ offers: [], stderr: '' });
  expect(await inBash('stat')).toMatchObject({ offers: ['status'], stderr: '' });
});

test('the scripts are read by their shells, and another shell is refused with those there are', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await cli.run(['completion', shell]);
    expect({ code, asks: stdout.includes(`${built('cli', 'main.js')}' __complete -- `) }).toEqual({
      code: 0,
      asks: true,
    });
    // A shell that is not installed cannot be asked.
    const read = spawnSync(shell, [shell === 'fish' ? '--no-execute' : '-n'], { input: stdout, encoding: 'utf8' });
    const said = read.error === undefined ? `${read.status}${read.stderr}` : '0';
    expect({ shell, said }).toEqual({ shell, said: '0' });
  }
  expect(await cli.run(['completion', 'powershell'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, zsh, fish') as string,
  });
});
