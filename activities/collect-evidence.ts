/** Collects evidence of a step's items: hashed, sealed, stored and journaled piece by piece, so that what was got is kept. */
import pLimit from 'p-limit';
import { FirebreakError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { digestOf, sha256 } from '../journal/digest.js';
import { seal } from '../journal/evidence.js';
import type { Attempt } from './attempt.js';
import { grantOf } from './grant.js';
import type { CollectInput } from './contract.js';
import type { AnyCollector, Evidence } from './define-action.js';
import type { ExecutorDeps } from './deps.js';
import { refuseForeignItems } from './derived-items.js';
import { draft } from './drafts.js';
import { errorOf } from './failures.js';
import { collectorOf } from './find-unit.js';

/** Items collected from at once. */
const itemsAtOnce = 8;

interface Collected {
  collected: number;
  failed: number;
}

export async function collectEvidence(deps: ExecutorDeps, input: CollectInput, attempt: Attempt): Promise<Collected> {
  const bundle = await deps.bundle();
  const grant = await grantOf(deps, bundle, input, 'now');
  await refuseForeignItems({ store: deps.store, run: input.run.run, ...grant, warrant: input.warrant }, input.items);
  if (grant.step.work.kind !== 'collect')
    throw new FirebreakError('step.collects-nothing', `Step "${input.step}" is no collector's.`, {
      nextStep: 'launch it anew.',
    });
  const collector = collectorOf(grant.step.work.unit);
  const actor = `executor:${deps.system}`;
  // Written while the system is read already; on record before anything that was found.
  const opened = input.opens
    ? deps.store.append([
        draft(input.run, {
          id: `${input.step}/${attempt.id}/started`,
          actor,
          action: 'step.started',
          step: input.step,
        }),
      ])
    : Promise.resolve();
  const limit = pLimit(itemsAtOnce);
  const collecting = input.items.map((item) => limit(() => collectItem(deps, input, collector, item, attempt, opened)));
  const [ends] = await Promise.all([Promise.all(collecting), opened]);
  const result = {
    collected: ends.reduce((sum, end) => sum + end.collected, 0),
    failed: ends.filter((end) => end.failed > 0).length,
  };
  if (input.closes) await deps.store.append([finished(input, attempt, actor, result)]);
  return result;
}

function collectState({ collected, failed }: Collected): 'done' | 'partial' | 'failed' {
  if (failed === 0) return 'done';
  return collected > 0 ? 'partial' : 'failed';
}

function finished(input: CollectInput, { id }: Attempt, actor: string, result: Collected): ReturnType<typeof draft> {
  const state = collectState(result);
  return draft(input.run, {
    id: `${input.step}/${id}/finished`,
    actor,
    action: 'step.finished',
    step: input.step,
    outcome: state,
    data: { state, counts: { ...result }, exceptions: [] },
  });
}

async function collectItem(
  deps: ExecutorDeps,
  input: CollectInput,
  collector: AnyCollector,
  item: Json,
  attempt: Attempt,
  opened: Promise<unknown>,
): Promise<Collected> {
  let collected = 0;
  try {
    for await (const piece of collector.collect(collector.input.parse(item), attempt.world)) {
      attempt.signal.throwIfAborted();
      await opened;
      await keep(deps, input, item, piece);
      collected += 1;
    }
    return { collected, failed: 0 };
  } catch (error) {
    // Cancelled, or the worker is stopping: another attempt goes on with it.
    if (attempt.signal.aborted && !isTimeBox(attempt.signal)) throw error;
    const said = isTimeBox(attempt.signal)
      ? { code: 'evidence.time-box', message: 'The time box ended before everything was collected.' }
      : errorOf(error);
    const id = `${input.step}/${digestOf(item)}/evidence-failed`;
    await opened;
    await deps.store.append([
      draft(input.run, {
        id,
        actor: `executor:${deps.system}`,
        action: 'evidence.failed',
        step: input.step,
        data: { item, error: said },
      }),
    ]);
    return { collected, failed: 1 };
  }
}

function isTimeBox({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

async function keep(
  deps: ExecutorDeps,
  { run, step }: CollectInput,
  item: Json,
  { name, mediaType, body, target, method }: Evidence,
): Promise<void> {
  const digest = sha256(body);
  const id = digestOf({ run: run.run, step, item, name });
  const collectedAt = new Date().toISOString();
  const actor = `executor:${deps.system}`;
  await deps.store.putEvidence(
    {
      id,
      chain: run.incident,
      run: run.run,
      step,
      item,
      name,
      sha256: digest,
      bytes: body.byteLength,
      mediaType,
      method,
      collectedBy: actor,
      collectedAt,
    },
    seal(deps.evidenceKey, body),
    draft(run, {
      id: `${step}/evidence/${id}`,
      actor,
      action: 'evidence.collected',
      step,
      target,
      at: collectedAt,
      data: { name, sha256: digest, bytes: body.byteLength, mediaType, method },
    }),
  );
}
