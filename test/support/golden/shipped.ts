/** The shipped runbooks, as responders play them. */
import { CreateSecurityGroupCommand, ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { sandboxRegion } from '../../../sandbox/world.js';
import { ec2Of, interfacesOf, placeOf } from '../ec2.js';
import { iamAt } from '../iam.js';
import type { TestInstallation } from '../installation.js';
import { secretsAt } from '../secrets.js';
import {
  continuesAsNew,
  type Flagship,
  patienceMs,
  reason,
  refuseOwnApproval,
  release,
  stepAsked,
  watchEvery,
} from './play.js';

export const shipped: Flagship[] = [
  {
    name: 'aws-host-compromise',
    options: { watchEvery },
    stories: { planned, contained, denied, cancelled, adopted, amended, 'waits-at-gate': waitsAtGate },
  },
  {
    name: 'aws-host-compromise-long',
    options: { watchEvery, temporalArguments: continuesAsNew },
    stories: { 'continued-as-new': continuedAsNew },
  },
  {
    name: 'aws-credential-compromise',
    options: { watchEvery },
    stories: { contained: credentialsContained },
  },
  {
    name: 'aws-access-key-rotation',
    options: { watchEvery },
    stories: { rotated: keyRotated },
  },
];

async function planned(at: TestInstallation): Promise<Record<string, string>> {
  const inputs = { instances: at.world.seeded.instances.slice(0, 1), reason };
  const { run } = await at.say('alice', { verb: 'plan', runbook: 'aws-host-compromise', inputs });
  await at.ended(run, patienceMs);
  return { run };
}

/** Contained, flipped back by somebody and settled again, looked after by another owner, released. */
async function contained(at: TestInstallation): Promise<Record<string, string>> {
  const instances = at.world.seeded.instances.slice(0, 2);
  const { run } = await at.launch('alice', { instances, reason });
  await at.asking(run);
  await at.say('alice', { verb: 'note', run, reason: 'the on-call of the service knows' });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const [eni = ''] = await interfacesOf(at.world, instances[0] ?? '');
  const ec2 = ec2Of(at.world);
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
  );
  ec2.destroy();
  await at.until(run, ({ watch }) => watch.at(-1)?.action === 'containment.settled-again', patienceMs);
  await at.say('alice', { verb: 'extend', run, byMs: 60_000 });
  await at.say('alice', { verb: 'hand-over', run, to: 'carol', reason: 'end of my shift' });
  const released = await release(at, run);
  return { run, released };
}

async function waitsAtGate(at: TestInstallation): Promise<Record<string, string>> {
  const { run } = await at.launch('alice', { instances: at.world.seeded.instances.slice(2), reason });
  await at.asking(run);
  await at.say('bob', { verb: 'approve', run });
  return { run };
}

/** Denied, then tried again, and agreed to. */
async function denied(at: TestInstallation): Promise<Record<string, string>> {
  const { run } = await at.launch('alice', { instances: at.world.seeded.instances.slice(0, 1), reason });
  await at.asking(run);
  await at.say('bob', { verb: 'deny', run, reason: 'look again first' });
  await at.until(run, ({ state }) => state === 'needs a person', patienceMs);
  await at.say('alice', { verb: 'retry', run });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const released = await release(at, run);
  return { run, released };
}

/** Cancelled while it asks, which a responder may alone; and before that, a word that does not count. */
async function cancelled(at: TestInstallation): Promise<Record<string, string>> {
  const { run } = await at.launch('alice', { instances: at.world.seeded.instances.slice(0, 1), reason });
  await at.asking(run);
  await refuseOwnApproval(at, run);
  await at.say('bob', { verb: 'approve', run });
  await at.say('bob', { verb: 'withdraw', run });
  await at.say('alice', { verb: 'cancel', run });
  await at.ended(run, patienceMs);
  return { run };
}

async function continuedAsNew(at: TestInstallation): Promise<Record<string, string>> {
  const { run } = await at.launch();
  await at.asking(run);
  await at.say('alice', { verb: 'note', run, reason: 'one more event' });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const released = await release(at, run);
  return { run, released };
}

async function credentialsContained(at: TestInstallation): Promise<Record<string, string>> {
  const iam = iamAt(at.world.aws, sandboxRegion);
  const { user } = await iam.startUser({ keyCount: 1 });
  const role = await iam.startRole();
  // All sessions from before it have expired since, so that release may lift the cut.
  const cutoff = `${new Date(Date.now() - 13 * 60 * 60_000).toISOString().slice(0, 19)}Z`;
  const inputs = { users: [user], roles: [role], cutoff, deny_roles: true, reason };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'aws-credential-compromise', inputs });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const released = await release(at, run);
  return { run, released };
}

/** A key that consumers have in memory is retired once a person says that they have read the new one. */
async function keyRotated(at: TestInstallation): Promise<Record<string, string>> {
  const { user, keys } = await iamAt(at.world.aws, sandboxRegion).startUser({ keyCount: 1 });
  const [key] = keys;
  if (key === undefined) throw new Error('A key was expected.');
  const secret = await secretsAt(at.world.aws, sandboxRegion).keep(key);
  const inputs = { user, secret, reason: 'it is a year old' };
  const { run } = await at.say('alice', { verb: 'launch', runbook: 'aws-access-key-rotation', inputs });
  await at.agree(run);
  await stepAsked(at, run, 'consumers');
  await at.say('bob', { verb: 'confirm', run, reason: 'all services were restarted' });
  await at.ended(run, patienceMs);
  return { run };
}

/** What somebody had isolated by hand is made as the runbook has it; its release puts back what was there before that hand. */
async function adopted(at: TestInstallation): Promise<Record<string, string>> {
  const [, host = ''] = at.world.seeded.instances;
  const ec2 = ec2Of(at.world);
  const { vpc } = await placeOf(at.world, host);
  const own = { GroupName: 'by-hand', Description: 'A quarantine of our own', VpcId: vpc };
  const { GroupId = '' } = await ec2.send(new CreateSecurityGroupCommand(own));
  const [eni = ''] = await interfacesOf(at.world, host);
  await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [GroupId] }));
  ec2.destroy();
  const { run } = await at.say('alice', {
    verb: 'launch',
    runbook: 'aws-host-compromise',
    inputs: { instances: [host], reason },
    adopt: { step: 'isolate', was: { [eni]: at.world.seeded.group } },
  });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const released = await release(at, run);
  return { run, released };
}

/** A host is added to a run, and goes with it when that is released. */
async function amended(at: TestInstallation): Promise<Record<string, string>> {
  const [first = '', second = ''] = at.world.seeded.instances;
  const { run, incident } = await at.launch('alice', { instances: [first], reason });
  await at.agree(run);
  await at.ended(run, patienceMs);
  const added = await at.say('alice', {
    verb: 'launch',
    runbook: 'aws-host-compromise',
    inputs: { instances: [second] },
    incident,
    amends: run,
  });
  await at.agree(added.run);
  await at.ended(added.run, patienceMs);
  const released = await release(at, run);
  return { run, added: added.run, released };
}
