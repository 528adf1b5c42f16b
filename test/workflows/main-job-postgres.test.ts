// The main job with its journal in PostgreSQL: real Temporal, real database, EC2 calls to the emulator behind the shim.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportJsonl } from '../../journal/export.js';
import { signerOf } from '../../journal/signer.js';
import { verifyTimeline } from '../../journal/verify.js';
import { workspaceAt } from '../../worker/workspace.js';
import { groupsOfInstances } from '../support/ec2.js';
import { startInstallation, type TestInstallation } from '../support/installation.js';
import { hasPostgres, startPostgres, type TestPostgres } from '../support/postgres.js';

describe.skipIf(!hasPostgres())('with the journal in PostgreSQL', () => {
  let postgres: TestPostgres;
  let at: TestInstallation;
  beforeAll(async () => {
    postgres = await startPostgres();
    at = await startInstallation({ postgres: await postgres.database() });
  }, 120_000);
  afterAll(async () => {
    await at?.stop();
    await postgres?.stop();
  });

  test('three hosts are contained and released across a restart of the database, and the timeline is whole', async () => {
    const { instances } = at.world.seeded;
    const before = await groupsOfInstances(at.world, instances);
    const { run, incident } = await at.launch('alice');
    await at.agree(run);
    await at.until(run, ({ steps }) => steps.some(({ state }) => state !== 'waiting'));
    await postgres.restart();

    const done = await at.ended(run, 60_000);
    expect(done.state, JSON.stringify(done.steps, undefined, 1)).toBe('done');
    const contained = await groupsOfInstances(at.world, instances);
    expect(new Set(contained.flat()).size).toBe(1);
    expect(before.flat()).not.toContain(contained.flat()[0]);
    const held = await at.door.holds(incident);
    expect(held.filter(({ aspect, state }) => aspect === 'groups' && state === 'in force').length).toBe(4);

    const released = await at.release(incident);
    expect(released.state, JSON.stringify(released.steps, undefined, 1)).toBe('done');
    expect(await groupsOfInstances(at.world, instances)).toEqual(before);
    expect(await at.door.holds(incident)).toEqual([]);

    const { people } = await at.deps.bundle();
    const timeline = await exportJsonl(at.store, incident, { people, signer: signerOf(at.keys.journal) });
    const { ok, problems, events } = verifyTimeline(timeline, { people });
    expect({ ok, problems }).toEqual({ ok: true, problems: [] });
    expect(events).toBeGreaterThan(100);
    expect(existsSync(workspaceAt(at.root).journal)).toBe(false);
  }, 240_000);
});
