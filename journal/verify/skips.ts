/** Whether a step that was left out with nobody's agreement may have been: the runbook itself did, or it was answered before. */
import type { Event } from '../../core/event.js';
import { whyLeftOut } from '../../core/left-out.js';
import type { Tasks } from './tasks.js';

/** What a run told of its steps before. */
export interface StepsTold {
  /** Steps that were begun, or asked of people: from then on only people leave them out. */
  begun: ReadonlySet<string>;
  /** Whether a step ended badly, which alone stops a run. */
  failed: boolean;
}

export const nothingTold: StepsTold = { begun: new Set(), failed: false };

/** step.started, step.asked, step.finished */
export function toldOf(told: StepsTold, { action, step, outcome }: Event): StepsTold {
  if (action === 'step.finished')
    return outcome === 'failed' || outcome === 'partial' ? { ...told, failed: true } : told;
  return step === undefined ? told : { ...told, begun: new Set(told.begun).add(step) };
}

/** Why nobody may have left it out so; undefined where the runbook may. `answered` gives the answers of the run that it amends. */
export function unaskedFault(
  event: Event,
  told: StepsTold,
  answered: (run: string) => Tasks | undefined,
): string | undefined {
  const why = event.data?.['why'];
  const { step = '' } = event;
  if (told.begun.has(step)) return `Step "${step}" had begun, and nobody agreed to leave it out.`;
  if (typeof why !== 'string') return `Nothing says why step "${step}" was left out, and nobody agreed to it.`;
  const read = whyLeftOut(why);
  if (read === 'condition') return undefined;
  if (read === 'stopped')
    return told.failed ? undefined : `Step "${step}" was left out for a failure before it, and none is on record.`;
  if (read === undefined) return `No runbook leaves step "${step}" out for this, and nobody agreed to it: ${why}.`;
  const answer = answered(read.run)?.get(step)?.answer;
  const chosen = answer?.about.kind === 'run' ? answer.about.choice : undefined;
  return answer !== undefined && answer.by === read.by && chosen === read.choice
    ? undefined
    : `Nobody who may gave step "${step}" that answer in ${read.run}.`;
}
