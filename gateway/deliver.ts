/**
 * One delivery of a statement to the engine: a launch starts a workflow, everything else is an Update of one. Safe to
 * repeat, because the workflow id and the Update id are derived from the statement. Nothing is ruled here.
 */
import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { BeginInput } from '../activities/contract.js';
import { controlQueue, workflowTaskTimeoutMs } from '../core/queues.js';
import type { Runbook } from '../core/runbook.js';
import type { Statement } from '../core/statement.js';
import type { Store } from '../journal/store.js';
import { deliveryIdOf } from './statement-ids.js';

/**
 * `started`: a run's workflow is there and has not ruled on its launch yet, which the journal will show. `not running`:
 * Temporal knows no such open workflow. `unanswered`: it may or may not have arrived; say it again.
 */
export type Delivery =
  | { kind: 'counted'; outcome: string }
  | { kind: 'started' }
  | { kind: 'refused'; code: string; reason: string; nextStep?: string }
  | { kind: 'not running' }
  | { kind: 'unanswered'; error: unknown };

/** Brings one statement to where it has to go; gives up, as unanswered, when the signal aborts. */
export type Deliver = (statement: Statement, signal: AbortSignal) => Promise<Delivery>;

/** Temporal, and when to stop waiting for it. */
export interface Engine {
  client: Client;
  signal: AbortSignal;
}

/** For how long one attempt waits for an answer, in milliseconds; the inbox tries again after that. */
const attemptMs = 30_000;

/** The run's workflow, with everything it needs: what was prepared lies in the store under the digests that were signed. */
export async function startRun({ client, signal }: Engine, store: Store, launch: Statement): Promise<Delivery> {
  const { about } = launch;
  if (about.kind !== 'launch') throw new TypeError('Only a launch starts a run (this is a bug).');
  const runbook = await store.document('runbook', about.runbook);
  const inputs = await store.document('inputs', about.inputs);
  if (runbook === undefined || inputs === undefined) {
    return {
      kind: 'refused',
      code: 'launch.not-prepared',
      reason: 'Its runbook or inputs were never prepared at this gateway.',
    };
  }
  const { run, incident } = about;
  const input: BeginInput = { run, incident, runbook: runbook as unknown as Runbook, inputs, launch };
  return attempt({ client, signal }, async () => {
    await client.workflow.start('run', {
      workflowId: run,
      taskQueue: controlQueue,
      workflowTaskTimeout: workflowTaskTimeoutMs,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    return { kind: 'started' };
  });
}

/** Says it to an open workflow (a run, or the containment that it left) and waits for the ruling. */
export async function updateRun(
  { client, signal }: Engine,
  workflowId: string,
  statement: Statement,
): Promise<Delivery> {
  return attempt({ client, signal }, async () => {
    const { outcome } = await client.workflow
      .getHandle(workflowId)
      .executeUpdate<{ outcome: string }, [Statement]>('state', {
        args: [statement],
        updateId: deliveryIdOf(statement),
      });
    return { kind: 'counted', outcome };
  });
}

async function attempt({ client, signal }: Engine, call: () => Promise<Delivery>): Promise<Delivery> {
  try {
    return await untilAborted(
      signal,
      client.withAbortSignal(signal, () => client.withDeadline(Date.now() + attemptMs, call)),
    );
  } catch (error) {
    return whatFailed(error);
  }
}

/** The client does not look at its signal between its own retries, and a gateway that ends must not wait for those. */
async function untilAborted(signal: AbortSignal, call: Promise<Delivery>): Promise<Delivery> {
  const answered = new AbortController();
  const aborted = new Promise<Delivery>((resolve) => {
    const giveUp = (): void => resolve({ kind: 'unanswered', error: signal.reason });
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { signal: answered.signal });
  });
  try {
    return await Promise.race([call, aborted]);
  } finally {
    answered.abort();
  }
}

function whatFailed(error: unknown): Delivery {
  // Started by an earlier attempt whose answer was lost, and ended since.
  if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'counted', outcome: 'started' };
  if (error instanceof WorkflowNotFoundError) return { kind: 'not running' };
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message, details } = error.cause;
    // The server's own word for "the workflow ended while this waited".
    if (type === 'AcceptedUpdateCompletedWorkflow') return { kind: 'not running' };
    const nextStep = nextStepIn(details);
    return {
      kind: 'refused',
      code: type ?? 'refused',
      reason: message,
      ...(nextStep === undefined ? {} : { nextStep }),
    };
  }
  if (grpcCode(error) === grpcInvalidArgument) {
    return { kind: 'refused', code: 'engine.refused', reason: `The engine cannot take this: ${textOf(error)}` };
  }
  return { kind: 'unanswered', error };
}

/** Errors of activities carry what to do next in their details; rulings of `core/` do not. */
function nextStepIn(details: unknown[] | null | undefined): string | undefined {
  const [first] = details ?? [];
  if (typeof first !== 'object' || first === null || !('nextStep' in first)) return undefined;
  return typeof first.nextStep === 'string' ? first.nextStep : undefined;
}

/** gRPC's INVALID_ARGUMENT: too large, or not for this server; trying again cannot help. */
const grpcInvalidArgument = 3;

function grpcCode(error: unknown): number | undefined {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}

function textOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
