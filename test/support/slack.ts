// The sandbox's Slack, a real store, real Bolt and the real preparing of statements; only the engine behind `say` is played
// here, with the rules of core/gate.ts, so that what a click comes to is what it would come to in a run.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Change } from '../../core/change.js';
import { effectOf } from '../../core/change.js';
import { FirebreakError } from '../../core/errors.js';
import type { EventDraft } from '../../core/event.js';
import { type Counted, type GateSpec, judge, judgeResponder, verdict } from '../../core/gate.js';
import { shortId } from '../../core/ids.js';
import type { Bundle, SlackSettings } from '../../core/installation.js';
import type { Digest, Json, JsonObject } from '../../core/json.js';
import type { People } from '../../core/people.js';
import type { PlannedChange, PlanRef, StepPlan } from '../../core/plan.js';
import type { Runbook } from '../../core/runbook.js';
import type { GateAbout, Statement } from '../../core/statement.js';
import { beingDelivered, type Said } from '../../gateway/api.js';
import { planOf } from '../../gateway/plan-answer.js';
import { prepare } from '../../gateway/prepare.js';
import { openSlack, type SlackApp, type SlackDeps } from '../../gateway/slack/app.js';
import type { SlackDoor } from '../../gateway/slack/speak.js';
import { wordsIdOf } from '../../gateway/statement-ids.js';
import { openViews } from '../../gateway/views.js';
import { digestOf, effectDigest, planDigest } from '../../journal/digest.js';
import { findFacts } from '../../journal/proof.js';
import { signerOf } from '../../journal/signer.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import type { Signer, Store } from '../../journal/store.js';
import {
  close,
  listen,
  openSandboxSlack,
  type SandboxSlack,
  sandboxBot,
  sandboxTeam,
} from '../../sandbox/slack/server.js';
import type { SandboxUser } from '../../sandbox/slack/state.js';

export const account = { alice: 'U0ALICE', bob: 'U0BOB', carol: 'U0CAROL', dave: 'U0DAVE' };

export const isolateHosts: Runbook = {
  language: 1,
  name: 'aws-host-compromise',
  version: 1,
  summary: 'Preserve, isolate and snapshot EC2 instances believed to be compromised.',
  inputs: {
    instances: { type: 'list', of: 'aws-instance', max: 500 },
    reason: { type: 'string', min: 10 },
  },
  gates: {},
  steps: [],
};

export const twoOf: GateSpec = {
  need: 2,
  from: ['security-oncall', 'platform-leads'],
  withinMs: 15 * 60_000,
  personalKeys: 0,
  approvalValidMs: 60 * 60_000,
};

export interface World {
  slack: SandboxSlack;
  store: Store;
  door: PlayedDoor;
  app: SlackApp;
  /** What the front end logged, as pino wrote it. */
  logged: { level: number; msg: string }[];
  settings: SlackSettings;
  secrets: { botToken: string; signingSecret: string };
  signer: Signer;
  people: People;
  /** Kills the gateway (nothing is finished) and starts another on the same store and port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface PlayedDoor extends SlackDoor {
  /** Everything that was said, refused or not. */
  statements: Statement[];
  /** Before `say` answers, in milliseconds. */
  delayMs: number;
  /** How many times `say` answers that it is still being delivered. */
  late: number;
  /** Thrown by `say` in place of a ruling. */
  broken?: Error;
}

export interface WorldOptions {
  users?: SandboxUser[];
  pace?: SlackDeps['pace'];
  now?: () => number;
}

const quick = { spacingMs: 1_050, backOffMs: { first: 50, most: 200 }, settleMs: 20, followEveryMs: 20 };

export async function openWorld({ users, pace = quick, now = Date.now }: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-slack-'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signer = signerOf({ id: 'gateway-00000001', privateKey });
  const people = somePeople(publicKey.export({ format: 'der', type: 'spki' }).toString('base64'));
  const slack = await openSandboxSlack(users === undefined ? {} : { users });
  const settings: SlackSettings = {
    team: sandboxTeam,
    channel: slack.channel,
    ...sandboxBot,
    botToken: { env: 'BOT_TOKEN' },
    signingSecret: { env: 'SIGNING_SECRET' },
    apiUrl: slack.apiUrl,
  };
  const secrets = { botToken: slack.botToken, signingSecret: slack.signingSecret };
  const store = openSqliteStore({ file: join(folder, 'journal.db'), signer });
  const door = playDoor(store, bundleOf(people));
  const logged: World['logged'] = [];
  const log = pino(
    { level: 'info' },
    { write: (line: string) => logged.push(JSON.parse(line) as World['logged'][number]) },
  );
  const open = () => openSlack({ settings, secrets, door, store, signer, log, pace, now });
  let server: Server;
  const serve = async (port: number) => {
    server = createServer((request, response) => world.app.listener(request, response));
    return listen(server, port);
  };
  const world: World = {
    slack,
    store,
    door,
    app: open(),
    logged,
    settings,
    secrets,
    signer,
    people,
    async restart() {
      await world.app.stop();
      world.app = open();
      world.app.start();
    },
    async close() {
      await world.app.stop();
      await close(server);
      await slack.close();
      await store.end();
      rmSync(folder, { recursive: true });
    },
  };
  slack.requestUrl = `http://127.0.0.1:${await serve(0)}/slack/events`;
  return world;
}

function principal(id: keyof typeof account) {
  return { id, slack: [{ team: sandboxTeam, user: account[id] }], ssh: [] };
}

function somePeople(publicKey: string): People {
  return {
    principals: {
      alice: principal('alice'),
      bob: principal('bob'),
      carol: principal('carol'),
      dave: principal('dave'),
    },
    groups: { 'security-oncall': ['alice', 'bob', 'carol'], 'platform-leads': ['dave'] },
    responders: ['security-oncall'],
    keys: [{ id: 'gateway-00000001', use: 'gateway', publicKey }],
  };
}

function bundleOf(people: People): Bundle {
  return {
    digest: digestOf('bundle'),
    people,
    installation: {
      environment: 'sandbox',
      systems: {},
      protected: [],
      watch: { everyMs: 60_000, settlesPerHour: 6 },
      gateway: { host: '127.0.0.1', port: 0 },
    },
    runbooks: { [digestOf(isolateHosts)]: isolateHosts },
  };
}

function playDoor(store: Store, bundle: Bundle): PlayedDoor {
  const views = openViews(store);
  const counted = new Map<string, Counted[]>();
  const ruled = new Map<string, Promise<Said>>();
  const door: PlayedDoor = {
    statements: [],
    delayMs: 0,
    late: 0,
    store,
    bundle: () => Promise.resolve(bundle),
    prepare: (ask, by, options) =>
      prepare({ store, views, bundle: () => Promise.resolve(bundle) }, ask, by, options?.nonce),
    async say(statement) {
      if (door.broken !== undefined) throw door.broken;
      if (door.late > 0) {
        door.late -= 1;
        return { run: statement.about.run, incident: '', outcome: beingDelivered };
      }
      if (door.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, door.delayMs));
      const id = wordsIdOf(statement);
      const ruling = ruled.get(id) ?? rule(statement);
      ruled.set(id, ruling);
      return ruling;
    },
    async view(run) {
      const view = await views.run(run);
      return view === undefined ? undefined : { view, holds: await store.holds({ holder: run, state: 'open' }) };
    },
    async plan(run, ask) {
      const view = await views.run(run);
      return view === undefined ? { plan: undefined, steps: [] } : planOf(store, view, ask);
    },
    runs: () => views.runs(),
    holds: (of) => store.holds(of === undefined ? { state: 'open' } : { holder: of, state: 'open' }),
  };
  return door;

  async function rule(statement: Statement): Promise<Said> {
    door.statements.push(statement);
    const facts = findFacts(statement, bundle.people);
    if (statement.about.kind === 'launch') {
      const ruling = judgeResponder(statement, facts, Date.now());
      if (!ruling.counts) throw new FirebreakError(ruling.code, ruling.reason, { nextStep: 'ask a responder.' });
      const { run, incident } = statement.about;
      await store.append([
        { ...launchEvent(run, incident, {}), actor: statement.by, statement, id: `launched-${run}` },
      ]);
      return { run, incident, outcome: 'launched' };
    }
    return answerGate(statement, statement.about as GateAbout, facts);
  }

  async function answerGate(
    statement: Statement,
    about: GateAbout,
    facts: ReturnType<typeof findFacts>,
  ): Promise<Said> {
    const view = await views.run(about.run);
    const ask = view?.asks.find((each) => each.about.gate === about.gate && each.about.round === about.round);
    if (view === undefined || ask === undefined) throw new Error('The test asks at a gate that never asked.');
    const before = counted.get(ask.id) ?? [];
    const ruling = judge(ask, before, statement, facts, Date.now());
    const common = {
      chain: view.incident,
      run: view.run,
      occurredAt: new Date().toISOString(),
      actor: statement.by,
      statement,
    };
    const data = { verb: statement.verb, gate: about.gate, round: about.round, statement: facts.digest };
    if (!ruling.counts) {
      await store.append([
        {
          ...common,
          id: `refused-${facts.digest}`,
          action: 'statement.refused',
          data: { ...data, code: ruling.code, reason: ruling.reason },
        },
      ]);
      throw new FirebreakError(ruling.code, ruling.reason, { nextStep: 'look at the current card.' });
    }
    const now = [...before, ruling.counted];
    counted.set(ask.id, now);
    await store.append([{ ...common, id: `counted-${facts.digest}`, action: 'statement.counted', data }]);
    const stands = verdict(ask, now, Date.now());
    if (stands === 'passed' || stands === 'denied') {
      await store.append([gateEvent(view.run, view.incident, ask.id, about, `gate.${stands}`)]);
    }
    return { run: view.run, incident: view.incident, outcome: stands === 'asking' ? 'counted' : stands };
  }
}

export interface Asked {
  run: string;
  incident: string;
  ask: string;
  about: GateAbout;
  plan: PlanRef;
}

const isoNow = () => new Date().toISOString();

function newRun(): { run: string; incident: string } {
  return { run: shortId('run', randomBytes(10)), incident: shortId('inc', randomBytes(10)) };
}

function launchEvent(run: string, incident: string, data: JsonObject, reason?: string): EventDraft {
  return {
    chain: incident,
    id: `launched-${run}`,
    run,
    occurredAt: isoNow(),
    actor: 'alice',
    action: 'run.launched',
    data: {
      runbook: isolateHosts.name,
      version: 1,
      digest: digestOf(isolateHosts),
      summary: isolateHosts.summary,
      verb: 'launch',
      inputs: { instances: ['i-0ab1'], reason: reason ?? 'beacons to a known address' },
      environment: 'sandbox',
      launch: digestOf(run),
      separation: 'nominal',
      steps: [{ id: 'isolate', phase: 'contain', unit: 'aws.isolate-instance@1', gate: 'containment' }],
      ...data,
    },
  };
}

function gateEvent(
  run: string,
  incident: string,
  id: string,
  about: GateAbout,
  action: 'gate.passed' | 'gate.denied',
): EventDraft {
  return {
    chain: incident,
    id: `${action}-${id}`,
    run,
    occurredAt: isoNow(),
    actor: 'engine',
    action,
    data: { id, gate: about.gate, round: about.round },
  };
}

/** A run whose gate asks about isolating so many hosts; asked for by alice. */
export async function askingRun(
  store: Store,
  options: { targets?: number; spec?: GateSpec; reason?: string; launched?: JsonObject; change?: Partial<Change> } = {},
): Promise<Asked> {
  const { run, incident } = newRun();
  const plan = await putPlan(store, run, options.targets ?? 3, options.change ?? {});
  const about: GateAbout = {
    kind: 'gate',
    run,
    launch: digestOf(run),
    gate: 'containment',
    round: 1,
    plan: plan.effects,
  };
  // As the engine names it: within its run.
  const ask = `containment#1`;
  const launched = launchEvent(run, incident, options.launched ?? {});
  await store.append([
    {
      ...launched,
      statement: {
        version: 1,
        verb: 'launch',
        reason: options.reason ?? 'beacons to a known address',
      } as unknown as Statement,
    },
    {
      chain: incident,
      id: `planned-${run}`,
      run,
      step: 'isolate',
      occurredAt: isoNow(),
      actor: 'executor:aws',
      action: 'plan.made',
      data: { plan: plan.ref as unknown as Json },
    },
    {
      chain: incident,
      id: `asked-${run}`,
      run,
      occurredAt: isoNow(),
      actor: 'engine',
      action: 'gate.asked',
      data: {
        id: ask,
        about: about as unknown as Json,
        allows: 'carry out',
        spec: (options.spec ?? twoOf) as unknown as Json,
        excluded: ['alice'],
        deadline: new Date(Date.now() + 15 * 60_000).toISOString(),
        containing: true,
        plans: [plan.ref as unknown as Json],
      },
    },
  ]);
  return { run, incident, ask, about, plan: plan.ref };
}

/** The same gate asks a second time while it still asks: about what lies outside the bound, or to allow a cancel. */
export async function askAgain(store: Store, { run, incident, about, plan }: Asked): Promise<string> {
  const [asked] = await store.events({ run, actions: ['gate.asked'] });
  const id = `${about.gate}#2`;
  await store.append([
    {
      chain: incident,
      id: `asked-again-${run}`,
      run,
      occurredAt: isoNow(),
      actor: 'engine',
      action: 'gate.asked',
      data: {
        ...asked?.data,
        id,
        about: { ...about, round: 2 },
        plans: [plan as unknown as Json],
      },
    },
  ]);
  return id;
}

async function putPlan(
  store: Store,
  run: string,
  targets: number,
  patch: Partial<Change>,
): Promise<{ ref: PlanRef; effects: Digest }> {
  const changes: PlannedChange[] = Array.from({ length: targets }, (_, i) => {
    const change: Change = {
      unit: 'aws.isolate-instance@1',
      item: { instance: `i-0ab${i}` },
      target: { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: `eni-0ab${i}` },
      aspect: 'groups',
      before: { groups: [`sg-0web${i}`] },
      after: { groups: ['tag:firebreak-quarantine'] },
      dependsOn: [],
      risk: 'disruptive',
      guarded: false,
      oneWay: false,
      partsOpen: true,
      ...patch,
    };
    return { ...change, effect: effectDigest(effectOf(change, 'continue')), standing: 'change' };
  });
  const body: StepPlan = {
    version: 1,
    run,
    step: 'isolate',
    round: 1,
    onFailure: 'continue',
    items: changes.map(({ item }) => item),
    changes,
    failed: [],
    madeAt: isoNow(),
  };
  const id = digestOf(body);
  await store.putDocument('plan', id, body as unknown as Json);
  const ref: PlanRef = {
    id,
    step: 'isolate',
    system: 'aws',
    round: 1,
    items: targets,
    toChange: targets,
    already: 0,
    failed: 0,
    risk: patch.risk ?? 'disruptive',
  };
  return { ref, effects: planDigest(changes.map(({ effect }) => effect)) };
}

/** Waits until something holds; fails with what it waited for. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 8_000,
): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`Waited ${withinMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The messages that carry a card's key, however many there are. */
export function cardsIn(slack: SandboxSlack, key: string) {
  return slack
    .messages()
    .filter(({ versions }) => versions.some(({ metadata }) => metadata?.event_payload['key'] === key));
}

export async function cardIn(slack: SandboxSlack, store: Store, key: string) {
  return until(`card ${key}`, async () =>
    (await store.card(key))?.state === 'posted' ? cardsIn(slack, key)[0] : undefined,
  );
}

/** Everything that a message shows now, as one text. */
export function textOf(message: { versions: { text: string; blocks: unknown[] }[] }): string {
  const last = message.versions.at(-1);
  return `${last?.text ?? ''}\n${allTexts(last?.blocks ?? []).join('\n')}`;
}

function allTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(allTexts);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'text' && typeof each === 'string' ? [each] : allTexts(each),
  );
}
