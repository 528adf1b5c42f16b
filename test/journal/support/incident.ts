/** A whole incident in a real store, every statement really signed: a containment with a refusal, then its release. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventAction, EventDraft } from '../../../core/event.js';
import type { JsonObject } from '../../../core/json.js';
import type { GateAbout, LaunchAbout, Statement } from '../../../core/statement.js';
import { digestOf, planDigest, sha256 } from '../../../journal/digest.js';
import { exportJsonl } from '../../../journal/export.js';
import { statementDigest } from '../../../journal/proof.js';
import { openSqliteStore } from '../../../journal/sqlite-store.js';
import type { Store } from '../../../journal/store.js';
import type { Cast, Name } from './cast.js';

export const chain = 'inc-1';
const start = Date.parse('2026-03-01T02:00:00.000Z');
export const exportedAt = '2026-03-01T09:00:00.000Z';

/** Seconds after the start, as the journal writes it. */
export function after(seconds: number): string {
  return new Date(start + seconds * 1000).toISOString();
}

const spec = {
  need: 2,
  from: ['security-oncall'],
  withinMs: 900_000,
  personalKeys: 1,
  approvalValidMs: 3_600_000,
};

function launchAbout(run: string): LaunchAbout {
  const digest = sha256(`of ${run}`);
  return {
    kind: 'launch',
    run,
    incident: chain,
    runbook: digest,
    bundle: digest,
    inputs: digest,
    environment: 'production',
  };
}

export function gateAbout(run: string): GateAbout {
  return {
    kind: 'gate',
    run,
    launch: digestOf(launchAbout(run)),
    gate: 'containment',
    round: 1,
    plan: planDigest([sha256('effect')]),
  };
}

export interface Told {
  store: Store;
  drafts: EventDraft[];
  end: () => Promise<void>;
}

/** Writes the story into a store of its own, in appends of different sizes. */
export async function tellIncident(
  cast: Cast,
  change: (drafts: EventDraft[]) => EventDraft[] = (drafts) => drafts,
): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-incident-'));
  const store = openSqliteStore({
    file: join(folder, 'journal.db'),
    signer: cast.journal,
    now: () => new Date(start + 3_600_000),
  });
  const drafts = change(await story(cast));
  for (let from = 0, size = 1; from < drafts.length; from += size, size = (size % 3) + 1)
    await store.append(drafts.slice(from, from + size));
  return {
    store,
    drafts,
    end: async () => {
      await store.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function exported(cast: Cast, change?: (drafts: EventDraft[]) => EventDraft[]): Promise<string> {
  const { store, end } = await tellIncident(cast, change);
  try {
    return await exportJsonl(store, chain, { people: cast.people, signer: cast.journal, exportedAt });
  } finally {
    await end();
  }
}

async function story(cast: Cast): Promise<EventDraft[]> {
  const contain = await act(cast, 'run-1', 'launch', 10, ['bob', 'dave']);
  const release = await act(cast, 'run-2', 'release', 2_000, ['carol', 'bob']);
  return [
    {
      chain,
      id: 'opened',
      occurredAt: after(0),
      actor: 'alice',
      action: 'incident.opened',
      data: { reason: 'i-0ab1 beacons | out' },
    },
    ...contain,
    ...release,
  ];
}

type More = Partial<Pick<EventDraft, 'actor' | 'step' | 'statement' | 'target' | 'outcome'>> & { data?: object };

/** A run from its launch to its end. The first approver signs with a key of their own, the second speaks in Slack. */
async function act(
  cast: Cast,
  run: string,
  verb: 'launch' | 'release',
  from: number,
  [first, second]: [Name, Name],
): Promise<EventDraft[]> {
  let count = 0;
  const event = (seconds: number, action: EventAction, { data, ...more }: More = {}): EventDraft => ({
    chain,
    id: `${run}/${(count += 1)}`,
    run,
    occurredAt: after(from + seconds),
    actor: 'engine',
    action,
    ...more,
    ...(data === undefined ? {} : { data: data as JsonObject }),
  });
  const about = launchAbout(run);
  const gate = gateAbout(run);
  const which = { id: 'containment#1', gate: 'containment', round: 1 };
  const at = (seconds: number): string => after(from + seconds);
  const launch = cast.bySlack({
    verb,
    about,
    by: 'alice',
    at: at(0),
    nonce: `${run}/launch`,
    reason: 'it beacons to 203.0.113.9',
  });
  const own = cast.bySlack({ verb: 'approve', about: gate, by: 'alice', at: at(20), nonce: `${run}/own` });
  const signed = await cast.bySsh({
    verb: 'approve',
    about: gate,
    by: first,
    at: at(30),
    nonce: `${run}/ssh`,
    reason: 'seen in the logs',
  });
  const clicked = cast.bySlack({ verb: 'approve', about: gate, by: second, at: at(40), nonce: `${run}/slack` });
  const note = await cast.bySsh({
    verb: 'note',
    about: { kind: 'run', run, launch: gate.launch },
    by: 'alice',
    at: at(90),
    nonce: `${run}/note`,
    reason: 'forensics told',
  });
  const plan = {
    id: sha256(`plan ${run}`),
    step: 'isolate',
    system: 'aws',
    round: 1,
    items: 1,
    toChange: 1,
    already: 0,
    failed: 0,
    risk: 'disruptive',
  };
  const ruled = (statement: Statement): object => ({
    ...which,
    verb: statement.verb,
    statement: statementDigest(statement),
  });
  const target = { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: 'eni-0ab1' };
  const launched = {
    runbook: 'aws-host-compromise',
    version: 1,
    digest: about.runbook,
    summary: 'Isolate',
    verb,
    inputs: {},
    environment: 'production',
    launch: gate.launch,
    steps: [{ id: 'isolate', phase: 'contain', unit: 'aws.isolate-instance@1', gate: 'containment' }],
    separation: 'nominal',
  };
  const asked = {
    id: which.id,
    about: gate,
    allows: 'carry out',
    spec,
    excluded: ['alice'],
    deadline: at(900),
    containing: true,
    plans: [plan],
  };
  const refused = {
    ...which,
    verb: 'approve',
    code: 'gate.requester-excluded',
    reason: 'Whoever asked for this cannot also decide it.',
    statement: statementDigest(own),
  };
  return [
    event(0, 'run.launched', { actor: 'alice', statement: launch, data: launched }),
    event(5, 'plan.made', { step: 'isolate', data: { plan } }),
    event(10, 'gate.asked', { data: asked }),
    event(20, 'statement.attempted', {
      actor: 'alice',
      statement: own,
      data: { verb: 'approve', statement: statementDigest(own) },
    }),
    event(20, 'statement.refused', { actor: 'alice', data: refused }),
    event(30, 'statement.attempted', {
      actor: first,
      statement: signed,
      data: { verb: 'approve', statement: statementDigest(signed) },
    }),
    event(30, 'statement.counted', { actor: first, statement: signed, data: ruled(signed) }),
    event(35, 'gate.reminded', { data: { ...which, deadline: at(900) } }),
    event(40, 'statement.counted', { actor: second, statement: clicked, data: ruled(clicked) }),
    event(40, 'gate.passed', { data: { ...which, deadline: at(900) } }),
    event(41, 'step.started', { step: 'isolate' }),
    event(42, 'hold.intended', { actor: 'executor:aws', step: 'isolate', target, data: { hold: `hold-${run}` } }),
    event(43, 'hold.in-force', { actor: 'executor:aws', step: 'isolate', target, data: { hold: `hold-${run}` } }),
    event(44, 'evidence.collected', {
      actor: 'executor:aws',
      step: 'isolate',
      data: { name: 'console.txt', sha256: sha256('console') },
    }),
    event(45, 'step.finished', {
      step: 'isolate',
      outcome: 'done',
      data: { state: 'done', counts: { applied: 1 }, exceptions: [] },
    }),
    event(90, 'note', { actor: 'alice', statement: note }),
    event(90, 'statement.counted', {
      actor: 'alice',
      statement: note,
      data: { verb: 'note', statement: statementDigest(note) },
    }),
    event(91, 'containment.started', { data: { says: 'one hold' } }),
    event(95, 'run.done', { outcome: 'done', data: { says: 'done' } }),
  ];
}
