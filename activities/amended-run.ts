/** The run that another one adds to: it must be of the same runbook and incident, and what people said there need not be said again. */
import type { RunLaunched, StepAsked, StepFinished } from '../core/event-data.js';
import type { Digest } from '../core/json.js';
import type { Store } from '../journal/store.js';
import type { AnsweredBefore } from './contract.js';

/** By step, what people did or decided there; undefined where nothing can be added to that run. */
export async function amendedRun(
  store: Store,
  { amends, incident, runbook }: { amends: string; incident: string; runbook: Digest },
): Promise<Record<string, AnsweredBefore> | undefined> {
  const [launched] = await store.events({ run: amends, actions: ['run.launched'] });
  const { digest, verb } = (launched?.data ?? {}) as Partial<RunLaunched>;
  if (launched?.chain !== incident || digest !== runbook || verb !== 'launch') return undefined;
  const events = await store.events({ run: amends, actions: ['step.asked', 'step.finished'] });
  const asked = new Map(
    events.flatMap(({ action, step = '', data }) =>
      action === 'step.asked' ? [[step, (data as unknown as StepAsked).what] as const] : [],
    ),
  );
  return Object.fromEntries(
    events.flatMap(({ action, step = '', data }) => {
      const { by, choice } = data as unknown as StepFinished;
      const what = asked.get(step);
      if (action !== 'step.finished' || by === undefined || what === undefined) return [];
      return [[step, { by, run: amends, what, ...(choice === undefined ? {} : { choice }) }]];
    }),
  );
}
