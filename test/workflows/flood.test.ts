// More words than a run takes: real Temporal with a small limit of Updates, everything else as it is.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateUpdate } from '../../workflows/statements.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
const updatesMax = 60;

beforeAll(async () => {
  at = await startInstallation({ temporalArguments: [`--dynamic-config-value=history.maxTotalUpdates=${updatesMax}`] });
}, 120_000);

afterAll(() => at.stop());

test('more rubbish than a run takes Updates, in the name of those who must decide, does not keep them from it', async () => {
  const [instance = ''] = at.world.seeded.instances;
  const { run } = await at.launch('alice', { instances: [instance], reason: 'a reason long enough' });
  const about = (await at.asking(run)).asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  const bob = at.statement('bob', 'approve', about);
  await at.door.say(bob);
  const handle = at.client.workflow.getHandle(run);
  const wrong = { ...bob, proof: { ...bob.proof, signature: 'x' } };
  for (let each = 0; each < 2 * updatesMax; each += 1) {
    const rubbish = { ...wrong, by: each % 2 === 0 ? 'bob' : 'carol', nonce: `rubbish-${each}` };
    await expect(handle.executeUpdate(stateUpdate, { args: [rubbish] })).rejects.toMatchObject({
      cause: { type: 'proof.signature-wrong' },
    });
  }
  expect((await at.say('carol', { verb: 'deny', run, reason: 'the wrong host' })).outcome).toMatch(/denied/);
  const { needs, asks } = await at.until(run, ({ state }) => state === 'needs a person');
  expect(needs?.code).toBe('gate.denied');
  expect(asks[0]?.decided.map(({ by, verb }) => [by, verb])).toEqual([
    ['bob', 'approve'],
    ['carol', 'deny'],
  ]);
  let runs = 0;
  for await (const each of at.client.workflow.list({ query: `WorkflowId = '${run}'` }))
    runs += each.workflowId === run ? 1 : 0;
  expect(runs).toBeGreaterThan(1);
}, 180_000);
