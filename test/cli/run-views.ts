/** Runs, gates, steps and holds as the gateway tells of them, as short as a test needs them. */
import type { Hold } from '../../core/hold.js';
import type { AskView, RunView, StepView } from '../../core/run-view.js';
import { gate } from '../gateway/support.js';

const sha = `sha256:${'0'.repeat(64)}` as const;

export function stepOf(id: string, over: Partial<StepView> = {}): StepView {
  return {
    id,
    phase: 'contain',
    unit: `aws.${id}@1`,
    gate: 'containment',
    state: 'waiting',
    counts: {},
    exceptions: [],
    ...over,
  };
}

export function askOf(over: Partial<AskView> = {}): AskView {
  return {
    id: 'containment-1',
    about: { kind: 'gate', run: 'run-0000000001', launch: sha, gate: 'containment', round: 1, plan: sha },
    allows: 'carry out',
    spec: gate,
    excluded: ['alice'],
    openedAt: '2026-11-22T14:05:00.000Z',
    deadline: '2026-11-22T14:20:30.000Z',
    containing: true,
    plans: [],
    state: 'asking',
    decided: [],
    ...over,
  };
}

export function viewOf(over: Partial<RunView> = {}): RunView {
  return {
    run: 'run-0000000001',
    incident: 'inc-0000000001',
    verb: 'launch',
    runbook: 'aws-host-compromise',
    version: 1,
    digest: sha,
    summary: '',
    environment: 'production',
    separation: 'nominal',
    launch: sha,
    inputs: {},
    requester: 'alice',
    owner: 'alice',
    reason: 'beacon to 203.0.113.7',
    launchedAt: '2026-11-22T14:04:00.000Z',
    state: 'running',
    steps: [],
    asks: [],
    tasks: [],
    refusals: [],
    waiting: [],
    evidence: 0,
    notes: [],
    watch: [],
    lastEventAt: '2026-11-22T14:05:00.000Z',
    ...over,
  };
}

export function holdOf(id: string, over: Partial<Hold> = {}): Hold {
  const holder = { run: 'run-0000000001', incident: 'inc-0000000001', step: 'isolate', requester: 'alice', since: '' };
  return {
    version: 1,
    id,
    key: `aws:network-interface:${id}#groups`,
    unit: 'aws.isolate-instance@1',
    item: {},
    target: { system: 'aws', type: 'network-interface', id },
    aspect: 'groups',
    risk: 'disruptive',
    guarded: false,
    oneWay: false,
    partsOpen: true,
    containing: true,
    planned: {},
    before: {},
    after: {},
    holders: [holder],
    origin: { ...holder, runbook: sha, gate: 'containment', spec: gate },
    state: 'in force',
    intendedAt: '2026-11-22T14:06:00.000Z',
    inForceAt: '2026-11-22T14:06:30.000Z',
    ...over,
  };
}
