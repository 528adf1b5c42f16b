/** Events and holds of a made-up run, as short as a test needs them. */
import type { EventAction, EventDraft } from '../../../core/event.js';
import type { Holder } from '../../../core/hold.js';
import type { HoldDraft } from '../../../journal/store.js';

export const at = '2026-03-01T02:03:04.000Z';

export function event(id: string, more: Partial<EventDraft> = {}): EventDraft {
  return {
    chain: 'inc-1',
    id,
    run: 'run-1',
    occurredAt: at,
    actor: 'engine',
    action: 'step.started',
    step: 'isolate',
    ...more,
  };
}

export function holdEvent(id: string, action: EventAction): EventDraft {
  return event(id, { action, target: { system: 'aws', type: 'network-interface', id: 'eni-1' } });
}

export function holder(run: string, incident = 'inc-1'): Holder {
  return { run, incident, step: 'isolate', requester: 'alice', since: at };
}

export function holdDraft(id: string, key: string, run = 'run-1', incident = 'inc-1'): HoldDraft {
  const spec = { need: 1, from: ['security-oncall'], withinMs: 900_000, personalKeys: 0, approvalValidMs: 3_600_000 };
  return {
    id,
    key,
    unit: 'aws.isolate-instance@1',
    item: { instance: 'i-1' },
    target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: key },
    aspect: 'groups',
    risk: 'disruptive',
    guarded: false,
    oneWay: false,
    partsOpen: true,
    containing: true,
    dependsOn: [],
    planned: { groups: ['sg-1'] },
    before: { groups: ['sg-1', 'sg-2'] },
    after: { groups: ['tag:quarantine'] },
    holders: [holder(run, incident)],
    origin: { run, incident, step: 'isolate', runbook: `sha256:${'1'.repeat(64)}`, gate: 'containment', spec },
  };
}
