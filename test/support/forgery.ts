/**
 * Somebody who reached Temporal: runs a workflow of their own that gives activities straight to our queues, past the gateway
 * and past our workflows. They may have a responder's launch, not other people's approvals.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { AskInput, BatchResult, CarryOutInput, PlanInput, RunRef, Warrant } from '../../activities/contract.js';
import { shortId } from '../../core/ids.js';
import { runbookNamed } from '../../core/installation.js';
import type { Digest, Json } from '../../core/json.js';
import type { PlanRef } from '../../core/plan.js';
import { controlQueue, executorQueue } from '../../core/queues.js';
import type { Runbook } from '../../core/runbook.js';
import type { LaunchAbout, Statement } from '../../core/statement.js';
import { digestOf } from '../../journal/digest.js';
import type { ForgedAnswer, ForgedCall } from './forged-workflow.js';
import type { TestInstallation } from './installation.js';

export interface Forgery {
  run: string;
  counts: BatchResult['counts'] | undefined;
  refusal: { code: string; message: string } | undefined;
}

const retry = { attempts: 1, firstWaitMs: 10 };

/** What is wrong with what the executor is given. */
export type Forged =
  | 'gates removed'
  | 'no approval'
  | 'one approval'
  | 'an approval that nobody proved'
  | 'an item that was not launched';

/** Tries to have one host isolated all the same. */
export async function forge(at: TestInstallation, how: Forged): Promise<Forgery> {
  const bundle = await at.door.bundle();
  const real = runbookNamed(bundle, 'aws-host-compromise')?.runbook;
  if (real === undefined) throw new Error('the runbook is not there');
  const [instance = '', other = ''] = at.world.seeded.instances;
  const inputs: Json = { instances: [instance], reason: 'a forged reason' };
  const runbook: Runbook =
    how === 'gates removed' ? { ...real, gates: {}, steps: real.steps.map(({ gate: _gate, ...step }) => step) } : real;
  await at.store.putDocument('runbook', digestOf(runbook), runbook as unknown as Json);
  await at.store.putDocument('inputs', digestOf(inputs), inputs);
  const run = shortId('run', randomBytes(10));
  const incident = shortId('inc', randomBytes(10));
  const about: LaunchAbout = {
    kind: 'launch',
    run,
    incident,
    runbook: digestOf(runbook),
    bundle: bundle.digest,
    inputs: digestOf(inputs),
    environment: bundle.installation.environment,
  };
  const ref: RunRef = { run, incident, launch: digestOf(about), requester: 'alice' };
  const launch = at.statement('alice', 'launch', about);
  const step = 'isolate';
  const item = how === 'an item that was not launched' ? { instance: other } : { instance };
  // The workflow of a run that nobody launched through the door is whoever takes its id.
  const call = caller(at, run);
  const approved = how === 'one approval' || how === 'an approval that nobody proved';
  if (approved)
    resultOf(await call({ queue: controlQueue, activity: 'begin', input: { run, incident, runbook, inputs, launch } }));
  const planned: PlanInput = {
    run: ref,
    step,
    round: 1,
    unit: 'aws.isolate-instance@1',
    items: [item],
    onFailure: 'continue',
    retry,
  };
  const plan = resultOf(await call({ queue: executorQueue('aws'), activity: 'plan', input: planned })) as PlanRef;
  const warrant: Warrant = {
    launch,
    ...(approved ? { gate: await approvals(at, call, ref, plan, how === 'one approval' ? 1 : 2) } : {}),
  };
  const carried: CarryOutInput = { run: ref, step, plan, from: 0, to: 1, warrant, opens: true, closes: true, retry };
  const answer = await call({ queue: executorQueue('aws'), activity: 'carryOut', input: carried });
  return {
    run,
    counts: 'result' in answer ? (answer.result as BatchResult).counts : undefined,
    refusal: 'code' in answer ? answer : undefined,
  };
}

/** A real approval of the real effect, put on record as the engine does; a second person's is missing, or made up. */
async function approvals(
  at: TestInstallation,
  call: Caller,
  run: RunRef,
  plan: PlanRef,
  count: 1 | 2,
): Promise<NonNullable<Warrant['gate']>> {
  const now = Date.now();
  const asked: AskInput = {
    run,
    id: 'containment#1',
    gate: 'containment',
    round: 1,
    allows: 'carry out',
    // The attacker asks for less than the runbook does; the executor does not take their word for it.
    spec: { need: 1, from: ['security-oncall'], withinMs: 900_000, personalKeys: 0, approvalValidMs: 3_600_000 },
    excluded: [],
    plans: [plan],
    openedAt: new Date(now).toISOString(),
    deadline: new Date(now + 900_000).toISOString(),
    containing: true,
  };
  const answered = resultOf(await call({ queue: controlQueue, activity: 'ask', input: asked }));
  const { plan: digest } = answered as { plan: Digest };
  const about = {
    kind: 'gate' as const,
    run: run.run,
    launch: run.launch,
    gate: 'containment',
    round: 1,
    plan: digest,
  };
  const statements = [at.statement('bob', 'approve', about), unproven(at.statement('carol', 'approve', about))];
  return { gate: 'containment', round: 1, plan: digest, statements: statements.slice(0, count) };
}

/** The same words, with a signature that the gateway never made. */
export function unproven(said: Statement): Statement {
  const signature = said.proof.signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  return { ...said, proof: { ...said.proof, signature } };
}

/** Bundled once: an attacker has time, a test has not. */
let bundled: Promise<WorkflowBundleWithSourceMap> | undefined;

export type Caller = (call: ForgedCall) => Promise<ForgedAnswer>;

/**
 * Calls activities from a workflow of that id. Whoever reaches Temporal can take the id of a run that has ended, or that they
 * terminated, and of a run that never was.
 */
export function caller(at: TestInstallation, workflowId: string): Caller {
  return async (call) => {
    const taskQueue = `forgery-${shortId('run', randomBytes(10))}`;
    bundled ??= bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./forged-workflow.ts', import.meta.url)),
      ...(at.dataConverter.failureConverterPath === undefined
        ? {}
        : { failureConverterPath: at.dataConverter.failureConverterPath }),
    });
    const worker = await Worker.create({
      connection: at.connection,
      namespace: at.temporal.namespace,
      taskQueue,
      workflowBundle: await bundled,
      dataConverter: at.dataConverter,
    });
    return (await worker.runUntil(
      at.client.workflow.execute('forged', { workflowId, taskQueue, args: [call] }),
    )) as ForgedAnswer;
  };
}

export function resultOf(answer: ForgedAnswer): unknown {
  if ('result' in answer) return answer.result;
  throw new Error(`${answer.code}: ${answer.message}`);
}
