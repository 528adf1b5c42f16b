/**
 * Does a check: looks at each item, and puts what was found on record, where later steps' executors find it. What could not be
 * looked at is told beside it: a check that saw nothing must not pass for one that found nothing.
 */
import pLimit from 'p-limit';
import { canonical } from '../core/canonical.js';
import { FirebreakError } from '../core/errors.js';
import type { Json, JsonObject } from '../core/json.js';
import { digestOf } from '../journal/digest.js';
import type { Attempt } from './attempt.js';
import type { CheckInput, CheckResult } from './contract.js';
import type { AnyCheck } from './define-action.js';
import type { ExecutorDeps } from './deps.js';
import { refuseForeignItems } from './derived-items.js';
import { draft } from './drafts.js';
import { errorOf, isTransient } from './failures.js';
import { checkOf } from './find-unit.js';
import { grantOf } from './grant.js';

/** Items looked at at once. */
const itemsAtOnce = 8;
/** What is found travels in results and stands in histories; a check that finds more is asked for too much. */
const findingsMax = 1_000;
const findingsBytesMax = 128 * 1024;
/** Exceptions that travel in a result. */
const exceptionsMax = 10;

type Looked = { findings: JsonObject[] } | { item: Json; error: ReturnType<typeof errorOf> };

export async function checkItems(deps: ExecutorDeps, input: CheckInput, attempt: Attempt): Promise<CheckResult> {
  const bundle = await deps.bundle();
  const grant = await grantOf(deps, bundle, input, 'now');
  if (grant.step.work.kind !== 'check')
    throw new FirebreakError('step.checks-nothing', `Step "${input.step}" is no check.`, {
      nextStep: 'launch it anew.',
    });
  const { run, step, warrant, items } = input;
  await refuseForeignItems({ store: deps.store, run: run.run, ...grant, warrant }, items);
  const check = checkOf(grant.step.work.unit);
  const actor = `executor:${deps.system}`;
  // Written while the system is looked at already.
  const opened = input.opens
    ? deps.store.append([draft(run, { id: `${step}/${attempt.id}/started`, actor, action: 'step.started', step })])
    : Promise.resolve();
  const limit = pLimit(itemsAtOnce);
  const [looked] = await Promise.all([
    Promise.all(items.map((item) => limit(() => look(check, item, attempt)))),
    opened,
  ]);
  const findings = looked.flatMap((each) => ('findings' in each ? each.findings : []));
  const failed = looked.flatMap((each) => ('error' in each ? [each] : []));
  refuseTooMuch(check, findings);
  const found = digestOf(findings);
  await deps.store.putDocument('found', found, findings);
  await deps.store.append([
    // Once for the same finding, however often it is looked for.
    draft(run, {
      id: `${step}/found/${found}/${failed.length}`,
      actor,
      action: 'step.found',
      step,
      data: {
        found,
        count: findings.length,
        failed: failed.length,
        of: items.length,
        says: sayFound(findings.length, failed.length),
      },
    }),
  ]);
  const exceptions = failed.slice(0, exceptionsMax).map(({ item, error }) => ({
    key: canonical(item),
    status: 'failed',
    code: error.code,
    message: error.message,
  }));
  return { found, findings, failed: failed.length, exceptions };
}

async function look(check: AnyCheck, item: Json, { world, signal }: Attempt): Promise<Looked> {
  signal.throwIfAborted();
  try {
    const found: unknown[] = await check.check(check.input.parse(item), world);
    return { findings: found.map((each) => check.finding.parse(each) as JsonObject) };
  } catch (error) {
    if (signal.aborted || isTransient(error)) throw error;
    return { item, error: errorOf(error) };
  }
}

function refuseTooMuch({ name }: AnyCheck, findings: JsonObject[]): void {
  const bytes = Buffer.byteLength(canonical(findings));
  if (findings.length <= findingsMax && bytes <= findingsBytesMax) return;
  throw new FirebreakError(
    'check.too-much',
    `${name} found ${findings.length} entries (${bytes} bytes); ${findingsMax} and ${findingsBytesMax} bytes are what a run can go on with.`,
    { nextStep: 'launch it for fewer targets at once.' },
  );
}

function sayFound(found: number, failed: number): string {
  const unseen = failed === 0 ? '' : `; ${failed} could not be looked at`;
  return `${found} found${unseen}`;
}
