// Whose a run is, and who is paged about what it holds: real Temporal, real store, AWS is the emulator behind the shim.
import { ModifyNetworkInterfaceAttributeCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ec2Of, interfacesOf } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let host = '';

beforeAll(async () => {
  at = await startInstallation({ watchEvery: '1s' });
  host = at.world.seeded.instances[0] ?? '';
}, 120_000);

afterAll(() => at.stop());

/** Somebody else's change of what is held, and whom the watch pages about it. */
async function pagedAfterAFlip(run: string): Promise<unknown> {
  const before = (await at.events(run, 'containment.differs')).length;
  const [eni = ''] = await interfacesOf(at.world, host);
  const ec2 = ec2Of(at.world);
  await ec2.send(
    new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: eni, Groups: [at.world.seeded.group] }),
  );
  ec2.destroy();
  await at.until(run, ({ watch }) => watch.filter(({ action }) => action === 'containment.differs').length > before);
  await at.until(run, ({ watch }) => watch.at(-1)?.action === 'containment.settled-again');
  return (await at.events(run, 'owner.paged')).at(-1)?.data?.['owner'];
}

test('the owner is whoever asked, until it is handed over, before the end of the run or after it', async () => {
  const { run } = await at.launch('alice', { instances: [host], reason: 'a reason long enough' });
  await at.asking(run);
  await expect(at.say('alice', { verb: 'hand-over', run, to: 'crol' })).rejects.toMatchObject({
    code: 'hand-over.unknown',
  });
  await expect(at.say('alice', { verb: 'hand-over', run, to: 'dave' })).rejects.toMatchObject({
    code: 'hand-over.not-a-responder',
  });
  const about = { kind: 'run' as const, run, launch: (await at.until(run, () => true)).launch };
  for (const [to, code] of [
    ['dave', 'hand-over.not-a-responder'],
    ['nobody', 'hand-over.unknown'],
  ] as const)
    await expect(at.door.say(at.statement('alice', 'hand-over', { ...about, to }))).rejects.toMatchObject({ code });
  await expect(at.door.say(at.statement('dave', 'hand-over', { ...about, to: 'bob' }))).rejects.toMatchObject({
    code: 'person.not-a-responder',
  });
  await at.agree(run);
  expect((await at.ended(run)).owner).toBe('alice');
  expect(await pagedAfterAFlip(run)).toBe('alice');

  // The run has ended: its containment hears it.
  await at.say('alice', { verb: 'hand-over', run, to: 'carol', reason: 'end of my shift' });
  expect((await at.until(run, () => true)).owner).toBe('carol');
  expect(await pagedAfterAFlip(run)).toBe('carol');
}, 120_000);

test('what is handed over while the run goes on is handed over for what it holds as well', async () => {
  const { run } = await at.launch('alice', { instances: [host], reason: 'a second reason' });
  await at.say('bob', { verb: 'hand-over', run, to: 'bob' });
  // Its snapshot is of another incident, so that it asks although the host is isolated already.
  await at.agree(run);
  await at.ended(run);
  expect((await at.events(run, 'owner.changed')).map(({ actor, data }) => [actor, data?.['owner']])).toEqual([
    ['bob', 'bob'],
  ]);
  expect((await at.events(run, 'containment.started'))[0]?.data?.['owner']).toBe('bob');
}, 120_000);
