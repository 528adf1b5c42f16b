/** A small runbook with everything that a runbook can ask of people, beside containing. */
import type { TestInstallation } from '../installation.js';
import { continuesAsNew, type Flagship, patienceMs, reason, release, stepAsked, watchEvery } from './play.js';

const steps = `apiVersion: firebreak/v1
kind: Runbook
metadata: { name: every-step, version: 1, summary: What a runbook can ask for beside containing. }
inputs:
  hosts: { type: list, of: aws-instance, max: 10 }
  reason: { type: string, min: 10 }
gates:
  change: { need: 1, from: [security-oncall, platform-leads] }
  included: { need: 2, from: [security-oncall, platform-leads] }
steps:
  - id: call-owner
    phase: investigate
    manual: { what: Call the owner., who: [platform-leads], evidence: Whom you reached., remind: 1s }
  - id: way
    phase: eradicate
    decide:
      what: Are the hosts to be kept?
      who: [security-oncall]
      choices: { keep: Keep them., leave: Leave them as they are. }
  - id: protect
    phase: recover
    if: \${{ steps.way.choice == "keep" }}
    uses: aws.protect-instance@1
    for_each: \${{ inputs.hosts }}
    with: { instance: "\${{ item }}" }
    gate: change
    ramp: [1, 50%]
    tolerate: 1
  - id: contain
    runbook: aws-host-compromise
    if: \${{ steps.way.choice == "keep" }}
    with: { instances: "\${{ inputs.hosts }}", reason: "\${{ inputs.reason }}" }
    gates: { containment: included }
  - id: tell
    phase: close
    manual: { what: Tell everybody., who: [security-oncall] }
`;

const options = { watchEvery, runbooks: { 'every-step.yaml': steps } };

export const everyStep: Flagship[] = [
  {
    name: 'every-step',
    options,
    stories: { 'played-through': playedThrough, 'waits-for-people': waitsForPeople, skipped },
  },
  {
    name: 'every-step-long',
    options: { ...options, temporalArguments: continuesAsNew },
    stories: { 'continued-as-new': playedThrough },
  },
];

/** By hand, decided, paused and resumed, handed over, ramped up, an included runbook; then one step of it undone. */
async function playedThrough(at: TestInstallation): Promise<Record<string, string>> {
  const run = await launchSteps(at, at.world.seeded.instances.slice(0, 3));
  await at.until(run, ({ watch }) => watch.some(({ action }) => action === 'owner.paged'), patienceMs);
  await at.say('carol', { verb: 'confirm', run, reason: 'reached the team of the service' });
  await stepAsked(at, run, 'way');
  await at.say('alice', { verb: 'pause', run, byMs: 60_000, reason: 'a call is going on' });
  await at.say('alice', { verb: 'resume', run });
  await at.say('bob', { verb: 'choose', run, choice: 'keep', reason: 'they are needed' });
  await at.say('alice', { verb: 'hand-over', run, to: 'carol', reason: 'end of my shift' });
  await at.asking(run, patienceMs);
  await at.say('bob', { verb: 'approve', run });
  await at.until(
    run,
    ({ asks }) => asks.some(({ about, state }) => about.gate === 'included' && state === 'asking'),
    patienceMs,
  );
  await at.agree(run);
  await stepAsked(at, run, 'tell');
  await at.say('bob', { verb: 'confirm', run });
  await at.ended(run, patienceMs);
  const undo = await at.say('alice', { verb: 'undo', run, step: 'protect', reason: 'they may go' });
  await at.asking(undo.run);
  await at.say('bob', { verb: 'approve', run: undo.run });
  await at.ended(undo.run, patienceMs);
  const released = await release(at, run);
  return { run, undone: undo.run, released };
}

async function waitsForPeople(at: TestInstallation): Promise<Record<string, string>> {
  return { run: await launchSteps(at, at.world.seeded.instances.slice(0, 1)) };
}

/** A step is left out because one other person agrees, and the way that leaves the hosts alone is gone. */
async function skipped(at: TestInstallation): Promise<Record<string, string>> {
  const run = await launchSteps(at, at.world.seeded.instances.slice(0, 1));
  await at.say('alice', { verb: 'skip', run, step: 'call-owner', reason: 'nobody answers' });
  await at.asking(run);
  await at.say('carol', { verb: 'approve', run });
  await stepAsked(at, run, 'way');
  await at.say('bob', { verb: 'choose', run, choice: 'leave' });
  await stepAsked(at, run, 'tell');
  await at.say('bob', { verb: 'confirm', run });
  await at.ended(run, patienceMs);
  return { run };
}

async function launchSteps(at: TestInstallation, hosts: string[]): Promise<string> {
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'every-step', inputs: { hosts, reason } });
  await stepAsked(at, run, 'call-owner');
  return run;
}
