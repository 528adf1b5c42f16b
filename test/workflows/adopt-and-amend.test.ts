// Taking over what was done by hand, and adding targets to a run: real Temporal, real store, AWS is the emulator; every task replays.
import {
  CreateSecurityGroupCommand,
  ModifyInstanceAttributeCommand,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportJsonl } from '../../journal/export.js';
import { signerOf } from '../../journal/signer.js';
import { verifyTimeline } from '../../journal/verify.js';
import { ec2Of, groupsOfInstances, interfacesOf, placeOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

const told = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: told, version: 1, summary: Somebody is told and hosts are protected. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: tell
    phase: investigate
    manual: { what: Tell the owners., who: [security-oncall] }
  - id: rebuild
    phase: investigate
    decide: { what: Are they rebuilt?, who: [security-oncall], choices: { yes: They are., no: They are not. } }
  - id: protect
    phase: recover
    if: \${{ steps.rebuild.choice == "no" }}
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: change
`;

const retried = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: retried, version: 1, summary: Hosts are protected. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
steps:
  - id: protect
    phase: recover
    uses: aws.protect-instance@1
    for_each: \${{ inputs.instances }}
    with: { instance: "\${{ item }}" }
    gate: change
    on_failure: ask
`;

const ownerTold = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: named, version: 1, summary: The owner of each host is told. }
inputs:
  instances: { type: list, of: aws-instance, max: 10 }
steps:
  - id: tell
    phase: investigate
    manual: { what: "Tell the owner of \${{ inputs.instances[0] }}.", who: [security-oncall] }
`;

let at: TestInstallation;
let hosts: string[];

beforeAll(async () => {
  at = await startInstallation({
    runbooks: { 'told.yaml': told, 'retried.yaml': retried, 'named.yaml': ownerTold },
    maxCachedWorkflows: 0,
  });
  hosts = at.world.seeded.instances;
}, 120_000);
afterAll(() => at.stop());

const problemsOf = async (incident: string) => {
  const { people } = await at.door.bundle();
  const timeline = await exportJsonl(at.store, incident, { people, signer: signerOf(at.keys.journal) });
  return verifyTimeline(timeline, { people }).problems;
};

describe('what was done by hand', () => {
  test('is made as the runbook has it, and a release puts back what was there before that hand', async () => {
    const [, host = ''] = hosts;
    const { group } = at.world.seeded;
    const ec2 = ec2Of(at.world);
    const { vpc } = await placeOf(at.world, host);
    const own = { GroupName: 'by-hand', Description: 'A quarantine of our own', VpcId: vpc };
    const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand(own));
    const [eni = ''] = await interfacesOf(at.world, host);
    await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [GroupId] }));
    ec2.destroy();

    const { run, incident, prepared } = await at.say('alice', {
      verb: 'launch',
      runbook: 'aws-host-compromise',
      inputs: { instances: [host], reason: 'isolated by hand at 03:00' },
      adopt: { step: 'isolate', was: { [eni]: group } },
    });
    expect(prepared.shows).toContain(`  ${eni} was ${group}`);
    await at.asking(run);
    const { shows } = await at.door.prepare({ verb: 'approve', run }, 'bob');
    expect(shows.join('\n')).toContain(`as somebody tells it, a release puts back: {"groups":["${group}"]}`);
    expect(shows.join('\n')).toContain(`found now: {"groups":["${GroupId}"]}`);
    await at.agree(run);
    expect((await at.ended(run, 60_000)).state).toBe('done');
    expect(await groupsOfInstances(at.world, [host])).not.toEqual([[GroupId]]);
    expect((await at.release(run)).state).toBe('done');
    expect(await groupsOfInstances(at.world, [host])).toEqual([[group]]);
    expect(await problemsOf(incident)).toEqual([]);
  }, 120_000);

  test('and is as the runbook leaves it already, is held without a write, and can be put back', async () => {
    const [host = ''] = hosts;
    const ec2 = ec2Of(at.world);
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: host, DisableApiTermination: { Value: true } }));
    ec2.destroy();
    at.world.aws.shim.calls.clear();
    const { run } = await at.say('alice', {
      verb: 'launch',
      runbook: 'told',
      inputs: { instances: [host] },
      adopt: { step: 'protect', was: { [`${host}#termination-protection`]: 'false' } },
    });
    await answered(run);
    await at.asking(run);
    await at.say('bob', { verb: 'approve', run });
    expect(await at.ended(run)).toMatchObject({ state: 'done', steps: [{}, {}, { counts: { applied: 2 } }] });
    const written = () =>
      at.world.aws.shim.calls.list().filter(({ params }) => params['DisableApiTermination.Value'] !== undefined);
    expect(written()).toEqual([]);
    const undo = await at.say('alice', { verb: 'undo', run, reason: 'not needed' });
    await at.asking(undo.run);
    await at.say('bob', { verb: 'approve', run: undo.run });
    expect((await at.ended(undo.run)).state).toBe('done');
    expect(written().map(({ params }) => params['DisableApiTermination.Value'])).toEqual(['false']);
  }, 60_000);

  test('stays taken over when the rest of the step fails and is tried again, and what was told is put back', async () => {
    const both = hosts.slice(0, 2);
    const protect = async (host: string, Value: boolean) => {
      const ec2 = ec2Of(at.world);
      await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: host, DisableApiTermination: { Value } }));
      ec2.destroy();
    };
    for (const host of both) await protect(host, true);
    const { run } = await at.say('alice', {
      verb: 'launch',
      runbook: 'retried',
      inputs: { instances: both },
      adopt: {
        step: 'protect',
        was: Object.fromEntries(both.map((each) => [`${each}#termination-protection`, 'false'])),
      },
    });
    await at.asking(run);
    // Of one host all is well, so that the second try is about the other one alone.
    const { shim } = at.world.aws;
    shim.faults.add({ action: 'ModifyInstanceAttribute', kind: 'error', from: 2 });
    await at.say('bob', { verb: 'approve', run });
    const { needs } = await at.until(run, ({ state }) => state === 'needs a person');
    expect(needs?.code).toBe('step.incomplete');
    shim.faults.clear();
    await at.say('alice', { verb: 'retry', run });
    const view = await at.until(
      run,
      ({ state, needs: still }) => state === 'done' || still?.code.startsWith('adopt') === true,
    );
    expect(view).toMatchObject({ state: 'done', steps: [{ counts: { applied: 4 } }] });
    // Nobody was asked again: it is what they agreed to.
    expect(view.asks.length).toBe(1);
    const undo = await at.say('alice', { verb: 'undo', run, reason: 'the next test' });
    await at.asking(undo.run);
    await at.say('bob', { verb: 'approve', run: undo.run });
    expect((await at.ended(undo.run)).state).toBe('done');
    const written = shim.calls.list().flatMap(({ params }) => params['DisableApiTermination.Value'] ?? []);
    expect(written.slice(-2)).toEqual(['false', 'false']);
  }, 60_000);

  test.each([
    ['a target that the step does not have', { 'eni-1': 'sg-1' }, 'adopt.no-such-target'],
    ['no state of the unit', { eni: 'nothing like it' }, 'adopt.unreadable'],
  ])(
    'is not taken over where %s is named: the step waits for a person, and does nothing',
    async (_what, was, code) => {
      const [, , host = ''] = hosts;
      const [eni = ''] = await interfacesOf(at.world, host);
      const named = Object.fromEntries(
        Object.entries(was).map(([name, state]) => [name === 'eni' ? eni : name, state]),
      );
      const { run } = await at.say('alice', {
        verb: 'launch',
        runbook: 'aws-host-compromise',
        inputs: { instances: [host], reason: 'isolated by hand' },
        adopt: { step: 'isolate', was: named },
      });
      await at.agree(run);
      const view = await at.until(run, ({ state }) => state === 'needs a person');
      expect(view.needs?.code).toBe(code);
      expect(await groupsOfInstances(at.world, [host])).toEqual([[at.world.seeded.group]]);
      await at.say('alice', { verb: 'cancel', run });
      await at.asking(run);
      await at.say('bob', { verb: 'approve', run });
      await at.ended(run);
      await at.release(run);
    },
    60_000,
  );

  test('is refused at a step that changes nothing, and without a word of what was before', async () => {
    const launch = { verb: 'launch', runbook: 'told', inputs: { instances: hosts.slice(0, 1) } } as const;
    await expect(at.say('alice', { ...launch, adopt: { step: 'tell', was: { x: 1 } } })).rejects.toMatchObject({
      code: 'step.unknown',
    });
    await expect(at.say('alice', { ...launch, adopt: { step: 'protect', was: {} } })).rejects.toMatchObject({
      code: 'adopt.nothing-told',
    });
  });
});

async function answered(run: string): Promise<void> {
  await at.until(run, ({ tasks }) => tasks.some(({ step }) => step === 'tell'));
  await at.say('bob', { verb: 'confirm', run });
  await at.until(run, ({ tasks }) => tasks.some(({ step }) => step === 'rebuild'));
  await at.say('bob', { verb: 'choose', run, choice: 'no' });
}

describe('what is added to a run', () => {
  test('is planned and asked for by itself; what people did and decided is not asked again', async () => {
    const [first = '', second = '', third = ''] = hosts;
    const { run, incident } = await at.say('alice', {
      verb: 'launch',
      runbook: 'told',
      inputs: { instances: [first] },
    });
    await answered(run);
    await at.asking(run);
    const added = await at.say('carol', {
      verb: 'launch',
      runbook: 'told',
      inputs: { instances: [first, second] },
      incident,
      amends: run,
    });
    const view = await at.asking(added.run);
    expect(view).toMatchObject({ amends: run, inputs: { instances: [second] }, requester: 'carol', incident });
    expect(view.steps.map(({ state }) => state).slice(0, 2)).toEqual(['skipped', 'skipped']);
    expect((await at.events(added.run, 'step.skipped')).map(({ data }) => data?.['why'])).toEqual([
      `done in ${run} by bob`,
      `"no" was chosen in ${run} by bob`,
    ]);
    expect((await at.door.plan(added.run)).steps.flatMap(({ changes }) => changes.map(({ item }) => item))).toEqual([
      { instance: second },
      { instance: second },
    ]);
    // Whoever added cannot agree to it; whoever launched the first can.
    await expect(at.say('carol', { verb: 'approve', run: added.run })).rejects.toMatchObject({
      code: 'gate.requester-excluded',
    });
    await at.say('alice', { verb: 'approve', run: added.run });
    expect((await at.ended(added.run)).state).toBe('done');
    await at.say('bob', { verb: 'approve', run });
    expect((await at.ended(run)).state).toBe('done');

    const more = { verb: 'launch', runbook: 'told', incident, amends: run } as const;
    await expect(at.say('alice', { ...more, inputs: { instances: [second] } })).rejects.toMatchObject({
      code: 'amend.nothing-new',
    });
    await expect(
      at.say('alice', { ...more, runbook: 'aws-host-compromise', inputs: { instances: [third] } }),
    ).rejects.toMatchObject({ code: 'amend.other-runbook' });
    await expect(at.say('alice', { ...more, inputs: { host: third } })).rejects.toMatchObject({
      code: 'amend.not-a-list',
    });
    expect(await problemsOf(incident)).toEqual([]);
  }, 60_000);

  test('is asked about where the question names it: what was done for other targets was not done for these', async () => {
    const [first = '', second = ''] = hosts;
    const launch = { verb: 'launch', runbook: 'named' } as const;
    const { run, incident } = await at.say('alice', { ...launch, inputs: { instances: [first] } });
    await at.until(run, ({ tasks }) => tasks.length > 0);
    await at.say('bob', { verb: 'confirm', run });
    await at.ended(run);
    const inputs = { instances: [second] };
    const added = await at.say('carol', { ...launch, inputs, incident, amends: run });
    const { tasks } = await at.until(added.run, ({ state, tasks: all }) => state === 'done' || all.length > 0);
    expect(tasks).toMatchObject([{ what: `Tell the owner of ${second}.` }]);
    await at.say('bob', { verb: 'confirm', run: added.run });
    expect((await at.ended(added.run)).steps).toMatchObject([{ state: 'done' }]);
    expect(await problemsOf(incident)).toEqual([]);
  }, 60_000);

  test('goes with it when it is released', async () => {
    const [, second = '', third = ''] = hosts;
    const { run, incident } = await at.launch('alice', { instances: [second], reason: 'beacon to a known bad host' });
    await at.agree(run);
    await at.ended(run, 60_000);
    const inputs = { instances: [third] };
    const added = await at.say('alice', {
      verb: 'launch',
      runbook: 'aws-host-compromise',
      inputs,
      incident,
      amends: run,
    });
    await at.agree(added.run);
    await at.ended(added.run, 60_000);
    expect((await at.release(run)).state).toBe('done');
    expect(await at.store.holds({ incident, state: 'open' })).toEqual([]);
  }, 120_000);

  test('is refused where it was signed about a run of something else, whatever the gateway said', async () => {
    const { run: other } = await at.say('alice', {
      verb: 'plan',
      runbook: 'told',
      inputs: { instances: hosts.slice(0, 1) },
    });
    const ask = { verb: 'launch', runbook: 'told', inputs: { instances: hosts.slice(0, 1) }, again: true } as const;
    const prepared = await at.door.prepare(ask, 'alice');
    const about = { ...prepared.about, amends: other };
    await at.door
      .say(at.statement('alice', 'launch', about as typeof prepared.about, { nonce: prepared.nonce }))
      .catch(() => undefined);
    const view = await at.until(prepared.run, ({ state }) => state === 'refused');
    expect(view.refusals.at(-1)).toMatchObject({ code: 'about.other-amended' });
  }, 60_000);
});
