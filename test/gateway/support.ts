// What the tests of the door stand on: people with real SSH keys, a real store, a bundle, and runs as the journal has them.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { canonical } from '../../core/canonical.js';
import type { EventDraft } from '../../core/event.js';
import type { GateSpec } from '../../core/gate.js';
import type { Hold } from '../../core/hold.js';
import type { Bundle } from '../../core/installation.js';
import type { Digest, Json, JsonObject } from '../../core/json.js';
import type { People } from '../../core/people.js';
import type { PlanRef, StepPlan } from '../../core/plan.js';
import type { Runbook } from '../../core/runbook.js';
import { signedPart, type GateAbout, type Statement } from '../../core/statement.js';
import type { Prepare, Prepared } from '../../gateway/api.js';
import { digestOf } from '../../journal/digest.js';
import { signerOf } from '../../journal/signer.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import { fingerprintOf, signWithSsh } from '../../journal/ssh-signature.js';
import type { Signer, Store } from '../../journal/store.js';

export const names = ['alice', 'bob', 'carol', 'dave'] as const;
export type Name = (typeof names)[number];

export const silent = pino({ level: 'silent' });

export const gate: GateSpec = {
  need: 2,
  from: ['security-oncall'],
  withinMs: 900_000,
  personalKeys: 0,
  approvalValidMs: 1_800_000,
};

export const runbook: Runbook = {
  language: 1,
  name: 'aws-host-compromise',
  version: 1,
  summary: 'Isolate EC2 instances believed to be compromised.',
  inputs: { instances: { type: 'list', of: 'aws-instance', max: 10 }, reason: { type: 'string', min: 5 } },
  gates: { containment: gate },
  steps: [
    {
      id: 'isolate',
      phase: 'contain',
      needs: [],
      work: {
        kind: 'change',
        unit: 'aws.isolate-instance@1',
        system: 'aws',
        with: { op: 'literal', value: {} },
        risk: 'disruptive',
      },
      gate: 'containment',
      batch: 25,
      timeoutMs: 60_000,
      retry: { attempts: 3, firstWaitMs: 1_000 },
      onFailure: 'continue',
    },
  ],
};

export interface Ground {
  folder: string;
  store: Store;
  signer: Signer & { publicKey: string };
  people: People;
  bundle: Bundle;
  keyOf(name: Name): string;
  sign(
    name: Name,
    ask: Pick<Prepare, 'verb' | 'reason'>,
    prepared: Pick<Prepared, 'about' | 'nonce'>,
  ): Promise<Statement>;
}

/** alice, bob and carol are responders; dave is somebody the directory knows and no more. */
export function openGround(): Ground {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-door-'));
  mkdirSync(join(folder, 'keys'), { mode: 0o700 });
  const keyOf = (name: Name) => join(folder, 'keys', name);
  for (const name of names)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', keyOf(name)]);
  const publicLine = (name: Name) => readFileSync(`${keyOf(name)}.pub`, 'utf8').trim();
  const people: People = {
    principals: Object.fromEntries(names.map((id) => [id, { id, slack: [], ssh: [publicLine(id)] }])),
    groups: { 'security-oncall': ['alice', 'bob', 'carol'], visitors: ['dave'] },
    responders: ['security-oncall'],
    keys: [],
  };
  const pair = generateKeyPairSync('ed25519');
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const signer = { ...signerOf({ id: 'journal-test', privateKey: pair.privateKey }), publicKey };
  const store = openSqliteStore({ file: join(folder, 'journal.db'), signer });
  return { folder, store, signer, people, bundle: bundleOf(people), keyOf, sign };

  async function sign(
    name: Name,
    { verb, reason }: Pick<Prepare, 'verb' | 'reason'>,
    { about, nonce }: Pick<Prepared, 'about' | 'nonce'>,
  ): Promise<Statement> {
    const at = new Date();
    const statement: Statement = {
      version: 1,
      verb,
      about,
      by: name,
      at: at.toISOString(),
      validUntil: new Date(at.getTime() + 3_600_000).toISOString(),
      nonce,
      ...(reason === undefined ? {} : { reason }),
      proof: { kind: 'ssh', key: fingerprintOf(publicLine(name)), signature: '' },
    };
    const signature = await signWithSsh({ keyFile: keyOf(name), text: canonical(signedPart(statement)) });
    return { ...statement, proof: { ...statement.proof, signature } };
  }
}

function bundleOf(people: People): Bundle {
  const installation = {
    environment: 'test',
    systems: {},
    protected: [],
    watch: { everyMs: 60_000, settlesPerHour: 3 },
    gateway: { host: '127.0.0.1', port: 0 },
  };
  const runbooks = { [digestOf(runbook)]: runbook };
  return { digest: digestOf({ people, installation, runbooks }), people, installation, runbooks };
}

/** A run in the journal as the engine writes it, without the engine. */
export interface Written {
  run: string;
  incident: string;
  launch: Digest;
}

export async function writeLaunch(
  store: Store,
  { run, incident, inputs = {} }: { run: string; incident: string; inputs?: Json },
): Promise<Written> {
  const launch = digestOf({ run, incident });
  const data = {
    runbook: runbook.name,
    version: 1,
    digest: digestOf(runbook),
    summary: runbook.summary,
    verb: 'launch',
    inputs,
    environment: 'test',
    launch,
    separation: 'nominal',
    steps: [{ id: 'isolate', phase: 'contain', unit: 'aws.isolate-instance@1', gate: 'containment' }],
  };
  await write(store, { run, incident, launch }, 'run.launched', data, 'alice');
  return { run, incident, launch };
}

export async function write(
  store: Store,
  { run, incident }: Written,
  action: EventDraft['action'],
  data: JsonObject,
  actor = 'engine',
  statement?: Statement,
): Promise<void> {
  const count = (await store.events({ run })).length;
  const event: EventDraft = {
    chain: incident,
    id: `${run}-${count}-${action}`,
    run,
    occurredAt: new Date().toISOString(),
    actor,
    action,
    data,
  };
  await store.append([statement === undefined ? event : { ...event, statement }]);
}

/** A gate that asks about one change of one interface. */
export async function writeAsk(store: Store, of: Written, name = 'containment', round = 1): Promise<GateAbout> {
  const ref = await writePlan(store, of, round);
  const about: GateAbout = {
    kind: 'gate',
    run: of.run,
    launch: of.launch,
    gate: name,
    round,
    plan: digestOf({ effects: [ref.id] }),
  };
  const deadline = new Date(Date.now() + gate.withinMs).toISOString();
  const data = {
    id: `${name}-${round}`,
    about,
    allows: 'carry out',
    spec: gate,
    excluded: ['alice'],
    deadline,
    containing: true,
    plans: [ref],
  };
  await write(store, of, 'gate.asked', data as unknown as JsonObject);
  return about;
}

async function writePlan(store: Store, { run }: Written, round: number): Promise<PlanRef> {
  const change = {
    unit: 'aws.isolate-instance@1',
    item: { instance: 'i-1' },
    target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: 'eni-1' },
    aspect: 'groups',
    before: { groups: ['sg-app'] },
    after: { groups: ['sg-quarantine'] },
    dependsOn: [],
    risk: 'disruptive' as const,
    guarded: false,
    oneWay: false,
    partsOpen: true,
    effect: digestOf('effect'),
    standing: 'change' as const,
  };
  const plan: StepPlan = {
    version: 1,
    run,
    step: 'isolate',
    round,
    onFailure: 'continue',
    items: [change.item],
    changes: [change],
    failed: [],
    madeAt: new Date().toISOString(),
  };
  const id = digestOf(plan);
  await store.putDocument('plan', id, plan as unknown as Json);
  return {
    id,
    step: 'isolate',
    system: 'aws',
    round,
    items: 1,
    toChange: 1,
    already: 0,
    failed: 0,
    risk: 'disruptive',
  };
}

/** One interface that a run holds. */
export async function writeHold(
  store: Store,
  { run, incident }: Written,
  id = 'eni-1',
  patch: Partial<Pick<Hold, 'item' | 'planned'>> = {},
): Promise<void> {
  const target = { system: 'aws', region: 'eu-west-1', type: 'network-interface', id };
  const event: EventDraft = {
    chain: incident,
    id: `${run}-holds-${id}`,
    run,
    occurredAt: new Date().toISOString(),
    actor: 'executor:aws',
    action: 'hold.intended',
    target,
  };
  const { hold } = await store.intend(
    {
      id: `hold-${id}`,
      key: `aws:eu-west-1:network-interface:${id}#groups`,
      unit: 'aws.isolate-instance@1',
      item: { instance: 'i-1' },
      target,
      aspect: 'groups',
      risk: 'disruptive',
      guarded: false,
      oneWay: false,
      partsOpen: true,
      containing: true,
      planned: { groups: ['sg-app'] },
      before: { groups: ['sg-app'] },
      after: { groups: ['sg-quarantine'] },
      holders: [{ run, incident, step: 'isolate', requester: 'alice', since: new Date().toISOString() }],
      origin: { run, incident, step: 'isolate', runbook: digestOf(runbook), gate: 'containment', spec: gate },
      ...patch,
    },
    event,
  );
  await store.inForce(hold.id, undefined, { ...event, id: `${event.id}-in-force`, action: 'hold.in-force' });
}
