// Approvals that grow too old before anything is carried out: real Temporal and store; AWS is the emulator behind the shim.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { judgeGate } from '../../activities/warrant.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
const validMs = 8_000;
const runbook = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: short-lived, version: 1, summary: Protect hosts. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
  reason: { type: string, min: 5 }
gates:
  containment: { need: 2, from: [security-oncall, platform-leads], within: 15m, approval_valid: ${validMs / 1000}s }
steps:
  - id: protect
    phase: contain
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: containment
`;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'short-lived.yaml': runbook } });
}, 120_000);

afterAll(() => at.stop());

async function askingRun(instance: number): Promise<string> {
  const instances = at.world.seeded.instances.slice(instance, instance + 1);
  const inputs = { instances, reason: 'beacon to a known bad host' };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'short-lived', inputs });
  await at.asking(run);
  return run;
}

test('an approval that was given again after it had lapsed is carried out on', async () => {
  const run = await askingRun(0);
  await at.say('bob', { verb: 'approve', run });
  await at.until(run, ({ asks }) => asks[0]?.lapsed !== undefined, validMs + 10_000);
  await at.say('carol', { verb: 'approve', run });
  await at.say('bob', { verb: 'approve', run });
  expect((await at.ended(run)).state).toBe('done');
}, 60_000);

test('what comes to its turn only after its approvals have lapsed is not begun, and can be asked again; what was begun is kept up', async () => {
  const run = await askingRun(1);
  await at.agree(run);
  const view = await at.ended(run);
  const [ask] = view.asks;
  const launch = (await at.events(run, 'run.launched'))[0]?.statement;
  if (ask === undefined || launch === undefined) throw new Error('nothing was asked');
  const statements = (await at.events(run, 'statement.counted')).flatMap(({ statement }) =>
    statement === undefined ? [] : [statement],
  );
  expect(statements.map(({ by }) => by)).toEqual(['bob', 'carol']);
  const { gate, round, plan, launch: digest } = ask.about;
  const question = {
    store: at.store,
    bundle: await at.deps.bundle(),
    system: 'aws',
    run: { run, incident: view.incident, launch: digest, requester: 'alice' },
    step: 'protect',
    warrant: { launch, gate: { gate, round, plan, statements: statements.toReversed() } },
  };
  const bound = await judgeGate({ ...question, asOf: 'now' }, gate, ask.spec, true);
  expect(bound.size).toBeGreaterThan(0);
  vi.setSystemTime(Date.now() + validMs);
  try {
    await expect(judgeGate({ ...question, asOf: 'now' }, gate, ask.spec, true)).rejects.toMatchObject({
      code: 'warrant.lapsed',
      message: expect.stringContaining('is good for 8s: what bob said was good until') as string,
      nextStep: expect.stringContaining('`retry` plans it anew and asks again') as string,
    });
    expect(await judgeGate({ ...question, asOf: 'passing' }, gate, ask.spec, true)).toEqual(bound);
  } finally {
    vi.useRealTimers();
  }
}, 60_000);
