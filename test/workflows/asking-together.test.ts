// Steps that name one gate ask in one round, also when one of them cannot be planned: real Temporal, AWS is the emulator behind the shim.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const threeSteps = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: three-steps, version: 1, summary: Three steps at one gate. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
  reason: { type: string, min: 5 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads], within: 15m }
steps:
${[
  ['protect', 'aws.protect-instance@1'],
  ['quarantine', 'aws.make-quarantine-group@1'],
  ['snapshot', 'aws.snapshot-instance@1'],
]
  .map(
    ([id, unit]) => `  - id: ${id}
    phase: contain
    uses: ${unit}
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    needs: []
    retry: { attempts: 1 }
    gate: change
`,
  )
  .join('')}`;

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'three-steps.yaml': threeSteps } });
}, 120_000);

afterAll(() => at.stop());

test('when the step that plans for all at its gate fails, the others ask once, together', async () => {
  at.world.aws.shim.faults.add({ action: 'DescribeInstanceAttribute', kind: 'error', count: 10_000 });
  const inputs = { instances: at.world.seeded.instances.slice(0, 1), reason: 'a reason long enough' };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'three-steps', inputs });
  const view = await at.until(run, ({ asks, waiting }) => asks.length > 0 && waiting.length > 0);
  expect(view.waiting.map(({ step }) => step)).toEqual(['protect']);
  await at.say('alice', { verb: 'note', run, reason: 'a moment later' });
  const { asks } = await at.until(run, ({ notes }) => notes.length > 0);
  expect(asks.map(({ plans }) => plans.map(({ step }) => step).toSorted())).toEqual([['quarantine', 'snapshot']]);
  at.world.aws.shim.faults.clear();
  await at.say('alice', { verb: 'cancel', run });
  expect((await at.ended(run)).state).toBe('cancelled');
});
