// A finding that a detector sends, through the real gateway, Temporal and EC2 of the emulator: it launches once, people decide.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CarryOutInput, RunRef } from '../../../activities/contract.js';
import type { PlanRef } from '../../../core/plan.js';
import { executorQueue } from '../../../core/queues.js';
import type { Statement } from '../../../core/statement.js';
import { openHooks, type HooksApp } from '../../../gateway/hooks/app.js';
import { serve } from '../../../gateway/server.js';
import { exportTimeline } from '../../../gateway/timeline.js';
import { attest } from '../../../journal/proof.js';
import { signerOf } from '../../../journal/signer.js';
import { verifyTimeline } from '../../../journal/verify.js';
import type { Listening } from '../../../worker/listen.js';
import { caller } from '../../support/forgery.js';
import { projectRoot } from '../../../worker/project.js';
import { startInstallation, type TestInstallation } from '../../support/installation.js';
import { alert, bearer, finding, post, signed, withHooks, writeHookSecrets } from './support.js';

let installation: TestInstallation;
let hooks: HooksApp;
let server: Listening;
let instances: string[];

beforeAll(async () => {
  const runbook = join('aws', 'aws-host-compromise.yaml');
  const text = readFileSync(join(projectRoot, 'runbooks', runbook), 'utf8');
  // As little as its risk allows to a person who launches it.
  const runbooks = { [runbook]: text.replace('need: 2', 'need: 1') };
  installation = await startInstallation({ ...withHooks, runbooks });
  writeHookSecrets(installation.root);
  instances = installation.world.seeded.instances;
  const { door, deps, keys, log, store } = installation;
  hooks = openHooks({ door, signer: signerOf(keys.gateway), secret: deps.readSecret, log, now: Date.now });
  server = await serve(
    {
      door,
      token: 'unused',
      log,
      health: () => Promise.resolve({ ok: true, parts: [] }),
      timeline: async (incident, format) =>
        exportTimeline({ store, signer: signerOf(keys.journal), bundle: await deps.bundle() }, incident, format),
      hooks: hooks.listener,
    },
    { host: '127.0.0.1', port: 0 },
  );
});

afterAll(async () => {
  await server.end();
  await hooks.end();
  await installation.stop();
});

test('a finding launches, asks, and is carried out once two people agree; sent again, updated, it is the same run', async () => {
  const [instance = ''] = instances;
  const body = finding(instance, 'finding-1');
  const first = await post(server.url, 'guardduty', body, bearer);
  expect(first).toMatchObject({ status: 202, body: { outcome: 'accepted' } });
  const { run, incident } = first.body;
  const view = await installation.asking(run);
  // One more than the runbook and its risk ask for: whoever knows the secret could be the one who agrees.
  expect(view.asks).toMatchObject([{ spec: { need: 2 } }]);
  expect(view).toMatchObject({ requester: 'guardduty', owner: 'alice', inputs: { instances: [instance] } });
  const updated = body.replace('"count":4', '"count":9').replace('02:48:17.216Z"', '03:48:17.216Z"');
  expect(updated).not.toBe(body);
  expect(await post(server.url, 'guardduty', updated, bearer)).toEqual({
    status: 200,
    body: { outcome: 'launched before', run, incident },
  });
  await installation.agree(run);
  expect((await installation.ended(run)).state).toBe('done');
  expect(await post(server.url, 'guardduty', body, bearer)).toMatchObject({ status: 200, body: { run } });
  expect((await installation.door.runs()).filter(({ requester }) => requester === 'guardduty')).toHaveLength(1);
  const { deps, store, keys } = installation;
  const bundle = await deps.bundle();
  const parts = await exportTimeline({ store, signer: signerOf(keys.journal), bundle }, incident, 'jsonl');
  let text = '';
  for await (const part of parts) text += part;
  expect(verifyTimeline(text, { people: bundle.people })).toMatchObject({ ok: true, problems: [] });
  // A stranger who has nothing but the file.
  expect(verifyTimeline(text)).toMatchObject({ ok: true, problems: [] });
  // Somebody offline whose people.yaml lets it launch something else does not believe the launch.
  const people = structuredClone(bundle.people);
  const service = people.principals['guardduty']?.service;
  if (service !== undefined) service.launches = ['aws-credential-compromise'];
  const codes = verifyTimeline(text, { people }).problems.map(({ code }) => code);
  expect(codes).toContain('service.other-runbook');
});

test('a signed alert launches through its own hook; a second one that asks for the same is told of the open run', async () => {
  const [, instance = ''] = instances;
  const body = alert(instance, 'alert-1');
  const first = await post(server.url, 'alerts', body, signed(body));
  expect(first.status).toBe(202);
  const { run, incident } = first.body;
  await installation.asking(run);
  const second = alert(instance, 'alert-2');
  const told = await post(server.url, 'alerts', second, signed(second, { id: 'msg_2' }));
  expect(told).toEqual({ status: 200, body: { outcome: 'equal run open', run, incident } });
  expect(await installation.events(run, 'statement.refused')).toMatchObject([
    { actor: 'gateway', data: { code: 'launch.equal-run-open', hook: 'alerts' } },
  ]);
  await installation.say('alice', { verb: 'cancel', run, reason: 'a test' });
  await installation.ended(run);
});

test('a service is no approver: the workflow refuses its word, and an executor that is handed it refuses, too', async () => {
  const [, , instance = ''] = instances;
  const body = finding(instance, 'finding-2');
  const { run, incident } = (await post(server.url, 'guardduty', body, bearer)).body;
  const { asks } = await installation.asking(run);
  const about = asks[0]?.about;
  if (about === undefined) throw new Error('nothing asks');
  const at = new Date();
  const said = attest(
    {
      version: 1,
      verb: 'approve',
      about,
      by: 'guardduty',
      at: at.toISOString(),
      validUntil: new Date(at.getTime() + 60_000).toISOString(),
      nonce: 'forged',
      proof: {
        kind: 'hook',
        request: {
          hook: 'guardduty',
          scheme: 'bearer',
          id: 'finding-2',
          timestamp: Math.floor(at.getTime() / 1000),
          body: `sha256:${'0'.repeat(64)}`,
        },
      },
    },
    signerOf(installation.keys.gateway),
  );
  await expect(installation.door.say(said)).rejects.toMatchObject({ code: 'service.only-launches' });
  // Terminated, as by whoever reaches Temporal, so that a workflow of theirs takes its name and brings that word along.
  const [launched] = await installation.events(run, 'run.launched');
  const [asked] = await installation.events(run, 'gate.asked');
  const plans = asked?.data?.['plans'] as unknown as PlanRef[];
  const plan = plans.find(({ step }) => step === 'isolate');
  if (launched?.statement === undefined || plan === undefined) throw new Error('nothing was launched or planned');
  await installation.client.workflow.getHandle(run).terminate();
  const call = caller(installation, run);
  const { gate, round, plan: approved } = about;
  const ref: RunRef = { run, incident, launch: about.launch, requester: 'guardduty' };
  const carryOut = (statements: Statement[]) =>
    call({
      queue: executorQueue('aws'),
      activity: 'carryOut',
      input: {
        run: ref,
        step: 'isolate',
        plan,
        from: 0,
        to: 1,
        warrant: { launch: launched.statement as Statement, gate: { gate, round, plan: approved, statements } },
        opens: true,
        closes: true,
        retry: { attempts: 1, firstWaitMs: 10 },
      } satisfies CarryOutInput,
    });
  const bob = installation.statement('bob', 'approve', about);
  expect(await carryOut([bob, said])).toMatchObject({ code: 'service.only-launches' });
  expect(await carryOut([bob])).toMatchObject({ code: 'warrant.not-approved' });
});
