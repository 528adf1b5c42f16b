// Never saw off the branch: what the inventory protects is refused by the planner, and by the executor's own copy where the planner
// did not know of it; names and owners are shown to whoever decides; a runbook for another environment is refused by all three.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CollectInput } from '../../activities/contract.js';
import { shortId } from '../../core/ids.js';
import { runbookNamed } from '../../core/installation.js';
import type { Json } from '../../core/json.js';
import { executorQueue } from '../../core/queues.js';
import type { LaunchAbout } from '../../core/statement.js';
import { digestOf } from '../../journal/digest.js';
import { projectRoot } from '../../worker/project.js';
import { groupsOfInstances } from '../support/ec2.js';
import { caller } from '../support/forgery.js';
import { editFile, startInstallation, type TestInstallation } from '../support/installation.js';

let at: TestInstallation;
let web: string;
let bastion: string;
let other: string;

beforeAll(async () => {
  const shipped = readFileSync(join(projectRoot, 'runbooks', 'aws', 'aws-host-compromise.yaml'), 'utf8');
  const metadata = '  name: in-staging\n  environments: [staging]';
  const staging = shipped.replace('  name: aws-host-compromise', metadata);
  at = await startInstallation({ runbooks: { 'in-staging.yaml': staging } });
  [web = '', bastion = '', other = ''] = at.world.seeded.instances;
  write([`bastion: { system: aws, type: instance, id: ${bastion}, owner: bob, protected: The way in for everybody. }`]);
});

afterAll(() => at.stop());

/** The inventory anew: `web-1`, and these. */
function write(lines: string[]): void {
  const web1 = `web-1: { system: aws, type: instance, id: ${web}, owner: platform-leads }`;
  const section = ['targets:', ...[web1, ...lines].map((line) => `  ${line}`)].join('\n');
  editFile(join(at.root, 'firebreak.yaml'), (text) => `${text.split('targets:')[0] ?? ''}${section}\n`);
}

const reason = 'beacon to a known bad host';

test('the planner refuses what is protected, by name as by id, and people are shown names and owners of the rest', async () => {
  const before = await groupsOfInstances(at.world, [bastion]);
  const { run, prepared } = await at.say('alice', {
    verb: 'launch',
    runbook: 'aws-host-compromise',
    inputs: { instances: 'web-1, bastion', reason },
  });
  expect(prepared.shows.join('\n')).toContain(`web-1 (${web}, owner platform-leads)`);
  await at.asking(run);
  const { steps } = await at.door.plan(run);
  expect(steps.length).toBeGreaterThan(0);
  for (const { failed } of steps) {
    expect(failed).toMatchObject([{ item: { instance: bastion }, code: 'target.protected' }]);
    expect(failed[0]?.message).toContain('The way in for everybody.');
  }
  const known = { name: 'web-1', owner: 'platform-leads' };
  const isolated = steps.find(({ step }) => step === 'isolate')?.changes ?? [];
  expect(isolated.length).toBeGreaterThan(0);
  for (const change of isolated) expect(change).toMatchObject({ item: { instance: web }, known });
  const shown = (await at.door.prepare({ verb: 'approve', run }, 'bob')).shows.join('\n');
  expect(shown).toContain(`web-1 (${web}, owner platform-leads)`);
  expect(shown).not.toContain(`bastion (`);
  await at.agree(run);
  expect((await at.ended(run)).state).toBe('failed');
  expect(await groupsOfInstances(at.world, [bastion])).toEqual(before);
  expect((await at.door.holds(run)).filter((hold) => hold.known?.name === 'web-1').length).toBeGreaterThan(0);
});

test('what came past the planner, and was agreed to, is refused by the executor all the same', async () => {
  const before = await groupsOfInstances(at.world, [other]);
  const { run } = await at.launch('alice', { instances: [other], reason });
  await at.asking(run);
  const planned = (await at.door.plan(run)).steps.flatMap(({ changes }) => changes);
  expect(planned.filter(({ standing }) => standing === 'change').length).toBeGreaterThan(0);
  // The plan was made by somebody who did not know of it; the executor reads its own copy right before it acts.
  write([`jump: { system: aws, type: instance, id: ${other}, owner: bob, protected: The other way in. }`]);
  await at.agree(run);
  const view = await at.ended(run);
  expect(view.state).toBe('failed');
  const codes = (await at.store.outcomes(run, 'isolate')).map(({ status, error }) => [status, error?.code]);
  expect(codes.length).toBeGreaterThan(0);
  expect(new Set(codes.map(([status, code]) => `${status} ${code}`))).toEqual(new Set(['failed target.protected']));
  expect(await groupsOfInstances(at.world, [other])).toEqual(before);
  // The group for its network is held by the run before, and may have been joined before anybody knew.
  const held = (await at.door.holds(run)).filter(({ unit }) => unit !== 'aws.make-quarantine-group@1');
  expect(held).toEqual([]);
});

test('a runbook for another environment is launched neither by the gateway nor past it, and no executor works for it', async () => {
  const inputs: Json = { instances: [web], reason };
  const ask = { verb: 'launch', runbook: 'in-staging', inputs } as const;
  await expect(at.door.prepare(ask, 'alice')).rejects.toMatchObject({ code: 'runbook.other-environment' });
  const bundle = await at.door.bundle();
  const { digest, runbook } = runbookNamed(bundle, 'in-staging') ?? {};
  if (digest === undefined || runbook === undefined) throw new Error('the runbook is not there');
  await at.store.putDocument('runbook', digest, runbook as unknown as Json);
  await at.store.putDocument('inputs', digestOf(inputs), inputs);
  const run = shortId('run', randomBytes(10));
  const about: LaunchAbout = {
    kind: 'launch',
    run,
    incident: shortId('inc', randomBytes(10)),
    runbook: digest,
    bundle: bundle.digest,
    inputs: digestOf(inputs),
    environment: bundle.installation.environment,
  };
  const launch = at.statement('alice', 'launch', about);
  await expect(at.door.say(launch)).rejects.toMatchObject({ code: 'runbook.other-environment' });
  const collect: CollectInput = {
    run: { run, incident: about.incident, launch: digestOf(about), requester: 'alice' },
    step: 'collect',
    unit: 'aws.collect-instance@1',
    items: [{ instance: web }],
    warrant: { launch },
    opens: true,
    closes: true,
    retry: { attempts: 1, firstWaitMs: 10 },
  };
  const answer = await caller(
    at,
    shortId('run', randomBytes(10)),
  )({
    queue: executorQueue('aws'),
    activity: 'collect',
    input: collect,
  });
  expect(answer).toMatchObject({ code: 'warrant.not-for-environment' });
});
