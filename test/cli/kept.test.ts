// A launch that was received while the engine is away: there is no run to be seen yet, and it must be seen all the same.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Statement } from '../../core/statement.js';
import { write } from '../gateway/support.js';
import { type Cli, openCli } from './support.js';

vi.setConfig({ testTimeout: 90_000 });

const launch = ['run', 'aws-host-compromise', 'instances=i-1', '--reason', 'beacon seen'];
let cli: Cli;
let kept: Statement;

beforeEach(async () => {
  cli = await openCli();
  cli.engineAway = true;
  await cli.run(launch);
  kept = cli.said[0] as Statement;
});

afterEach(() => cli.end());

test('status names it among the runs and by itself, with since when it waits', async () => {
  const { run } = kept.about;
  const all = await cli.run(['status']);
  expect(all.stdout).toMatch(
    new RegExp(`${run} +received, being delivered +aws-host-compromise +inc-\\w{10} +alice +20`),
  );
  expect((await cli.run(['status', '--json'])).json()).toMatchObject({ runs: [], waiting: [{ run, by: 'alice' }] });
  const one = await cli.run(['status', run]);
  expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(`${run}: .*received, being delivered since 20`) });
  expect((await cli.run(['status', run, '--json'])).json()).toMatchObject({
    state: 'received, being delivered',
    kept: { run, verb: 'launch', runbook: 'aws-host-compromise', reason: 'beacon seen' },
    next: expect.stringContaining('firebreak doctor'),
  });
});

test('watch says so, waits, and goes on as soon as the run begins', async () => {
  const { about } = kept;
  if (about.kind !== 'launch') throw new Error('It is a launch.');
  const watching = cli.start(['watch', about.run]);
  await watching.printed('received, being delivered since 20');
  const of = { run: about.run, incident: about.incident, launch: about.inputs };
  const data = {
    runbook: 'aws-host-compromise',
    version: 1,
    digest: about.runbook,
    verb: 'launch',
    inputs: {},
    steps: [],
  };
  await write(cli.ground.store, of, 'run.launched', data, 'alice', kept);
  await watching.printed('launched aws-host-compromise');
  await write(cli.ground.store, of, 'run.done', {});
  expect(await watching.ended).toMatchObject({ code: 0 });
});

test('an equal launch is refused with the one that waits, unless it is asked for again', async () => {
  const { code, stderr } = await cli.run(launch, { as: 'bob' });
  expect(code).toBe(1);
  expect(stderr).toContain(
    `${kept.about.run} does the same with the same inputs and has not ended (received from alice`,
  );
  expect(stderr).toContain('--again');
  expect(cli.said).toHaveLength(1);
  expect(await cli.run([...launch, '--again'])).toMatchObject({ code: 3 });
  expect(cli.said).toHaveLength(2);
});

test('it holds nothing yet, which is no mistake in its name', async () => {
  expect(await cli.run(['holds', kept.about.run])).toMatchObject({
    code: 0,
    stdout: `${kept.about.run} holds nothing.\n`,
  });
});
