// A runbook within a runbook, carried out: real Temporal, real store, AWS is the emulator behind the shim.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const respond = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: respond, version: 1, summary: Contain hosts and tell people. }
inputs:
  hosts: { type: list, of: aws-instance, max: 20 }
  reason: { type: string, min: 10 }
gates:
  all: { need: 2, from: [security-oncall, platform-leads], within: 15m }
steps:
  - id: contain-hosts
    runbook: aws-host-compromise
    with: { instances: "\${{ inputs.hosts }}", reason: "\${{ inputs.reason }}" }
    gates: { containment: all }
  - id: tell
    phase: close
    if: \${{ steps["contain-hosts.isolate"].counts.failed == 0 }}
    manual: { what: Tell everybody., who: [security-oncall] }
`;

let at: TestInstallation;

beforeAll(async () => {
  at = await startInstallation({ runbooks: { 'respond.yaml': respond } });
}, 120_000);

afterAll(() => at.stop());

test('its steps are steps of the run, asked for at our gate, held, and given back by a release', async () => {
  const [host = ''] = at.world.seeded.instances;
  const untouched = await groupsOfInstances(at.world, [host]);
  const inputs = { hosts: [host], reason: 'a reason long enough' };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'respond', inputs });
  expect((await at.asking(run)).asks.map(({ about }) => about.gate)).toEqual(['all']);
  await at.agree(run);
  const view = await at.until(run, ({ tasks }) => tasks.length === 1, 60_000);
  expect(view.steps.map(({ id, state }) => [id, state])).toEqual([
    ['contain-hosts.collect', 'done'],
    ['contain-hosts.protect', 'done'],
    ['contain-hosts.quarantine', 'done'],
    ['contain-hosts.isolate', 'done'],
    ['contain-hosts.snapshot', 'done'],
    ['tell', 'running'],
  ]);
  expect(await groupsOfInstances(at.world, [host])).not.toEqual(untouched);
  await at.say('bob', { verb: 'confirm', run });
  expect((await at.ended(run)).state).toBe('done');
  expect((await at.release(run)).state).toBe('done');
  expect(await groupsOfInstances(at.world, [host])).toEqual(untouched);
}, 120_000);
