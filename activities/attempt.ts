/** One piece of an executor's work: what names it, and what settling must know of it. */
import { FirebreakError } from '../core/errors.js';
import type { Bundle } from '../core/installation.js';
import type { CarryOutInput } from './contract.js';
import type { ExecutorDeps } from './deps.js';
import { actionOf } from './find-unit.js';
import type { SettleContext } from './settle.js';
import type { Grant } from './warrant.js';

export interface Attempt {
  /** Names this work in event ids: the same for every attempt of it, another one when a person has it done again. */
  id: string;
  attempt: number;
  signal: AbortSignal;
  world: unknown;
}

export function settleContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step' | 'warrant'>,
  grant: Grant,
  attempt: Attempt,
): SettleContext {
  const { about } = input.warrant.launch;
  const gate = grant.step.gate ?? '';
  const spec = grant.runbook.gates[gate];
  if (about.kind !== 'launch' || spec === undefined)
    throw new FirebreakError('warrant.no-gate', `Step "${input.step}" has no gate.`, { nextStep: 'launch it anew.' });
  return {
    ...baseContext(deps, bundle, input, attempt),
    origin: { run: input.run.run, incident: input.run.incident, step: input.step, runbook: about.runbook, gate, spec },
    containing: grant.step.phase === 'contain',
    covers: grant.covers,
  };
}

export function baseContext(
  deps: ExecutorDeps,
  bundle: Bundle,
  input: Pick<CarryOutInput, 'run' | 'step'>,
  attempt: Attempt,
): Omit<SettleContext, 'origin' | 'containing' | 'covers'> {
  return {
    store: deps.store,
    world: attempt.world,
    actionOf,
    run: input.run,
    step: input.step,
    protected: bundle.installation.protected,
    actor: `executor:${deps.system}`,
    attempt: attempt.attempt,
    look: '0',
    signal: attempt.signal,
  };
}
