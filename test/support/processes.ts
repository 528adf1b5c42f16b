/**
 * An installation of real processes for a test: `up` keeps Temporal, worker and gateway running as children, and any of them can
 * be killed at any moment; AWS (the emulator behind the shim) and Slack are in this process, so that they survive. People speak
 * through the gateway's API with statements that its key attests, or with signed Slack requests, and, like people, try again
 * when no answer comes.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import type { Client } from '@temporalio/client';
import type { Event } from '../../core/event.js';
import type { Hold } from '../../core/hold.js';
import type { RunView } from '../../core/run-view.js';
import type { About, Statement } from '../../core/statement.js';
import type { Verb } from '../../core/verbs.js';
import { beingDelivered, type Prepare, type Prepared, type RunAnswer, type Said } from '../../gateway/api.js';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import { attest } from '../../journal/proof.js';
import { signerOf } from '../../journal/signer.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import type { Store } from '../../journal/store.js';
import type { Message } from '../../sandbox/slack/state.js';
import { openWorld, sandboxRegion, type World, type WorldOptions } from '../../sandbox/world.js';
import { isAlive } from '../../worker/cache.js';
import { openClient } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { openKeys } from '../../worker/keys.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { type Up, type UpOptions, up } from '../../worker/up.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';

export const parts = ['worker', 'gateway', 'temporal'] as const;
/** `worker-2` is there where two workers are asked for. */
export type PartName = (typeof parts)[number] | 'worker-2';

export interface Kill {
  part: PartName;
  pid: number;
}

export interface Processes {
  world: World;
  workspace: Workspace;
  /** The journal's file, opened beside the processes; only looked at. */
  store: Store;
  /** Administers the sandbox's AWS, past Firebreak. */
  ec2: EC2Client;
  temporal: Client;
  /** Every kill that hit a living process. */
  kills: Kill[];
  /** What the supervisor said: `worker ready`, `worker died`, ... */
  states: string[];
  /** `kill -9`, by the id in `pids.json`; waits for one to kill, and until it is gone. Gives its id. */
  kill(part: PartName): Promise<number>;
  /** Waits until the part serves, as another process than `after`. */
  serves(part: PartName, after: number): Promise<void>;
  /** Says it through the API, again and again until it has an answer; a refusal is thrown with its code. */
  say(by: string, ask: Prepare): Promise<{ run: string; incident: string }>;
  launch(instances: string[], by?: string): Promise<{ run: string; incident: string }>;
  /** Presses the button of the run's card in Slack until the journal shows the person's word. */
  press(by: string, run: string, action?: string): Promise<void>;
  view(run: string): Promise<RunView | undefined>;
  holds(of: string): Promise<Hold[]>;
  timeline(incident: string): Promise<Uint8Array>;
  events(run: string): Promise<Event[]>;
  /** Waits until the run, as its journal shows it, is so; fails with what it is instead. */
  until(run: string, what: (view: RunView) => boolean, withinMs?: number): Promise<RunView>;
  ended(run: string, withinMs?: number): Promise<RunView>;
  asking(run: string, withinMs?: number): Promise<RunView>;
  /** Messages in the channel that are cards of that key: `status:RUN`, `ask:ASK`. */
  cards(key: string): Message[];
  /** Stops what `up` started, and starts the same workspace with another, such as another release's. */
  replace(up: StartUp): Promise<void>;
  stop(): Promise<void>;
}

/** What starts the parts of a workspace, as `up` does. */
export type StartUp = (workspace: Workspace, options: UpOptions) => Promise<Up>;

export interface ProcessesOptions {
  /** How often what is in force is looked at. Default 1h, the longest there is: a test sees none of it. */
  watchEvery?: string;
  people?: (text: string) => string;
  /** The workspace has runbooks of its own, copies of the shipped ones, so that a test can edit them. */
  ownRunbooks?: boolean;
  /** More runbooks, by file name; the shipped ones are there too. */
  runbooks?: Record<string, string>;
  /** Another text of `firebreak.yaml`. */
  installation?: (text: string) => string;
  /** Worker processes. Default: one, so that nobody goes on while it is dead. */
  workers?: number;
  /** What starts the parts. Default: `up` of these sources. */
  up?: StartUp;
  /** Credentials of the world, other than those of nobody. */
  planted?: Pick<WorldOptions, 'credentials' | 'slackSecrets'>;
}

/** For whatever a test waits for; a killed part is back within seconds, on a busy machine too. */
const patienceMs = 90_000;
const lookEveryMs = 50;
const validMs = 60 * 60_000;
const reason = 'beacon to a known bad host';

export async function startProcesses({
  watchEvery = '1h',
  people,
  ownRunbooks = false,
  runbooks = {},
  installation,
  workers = 1,
  up: startUp = up,
  planted = {},
}: ProcessesOptions = {}): Promise<Processes> {
  const root = mkdtempSync(join(tmpdir(), 'firebreak-chaos-'));
  const world = await openWorld({ root, watchEvery, ...planted });
  if (ownRunbooks || Object.keys(runbooks).length > 0)
    cpSync(workspaceAt(root).runbooks, join(root, 'runbooks'), { recursive: true });
  for (const [file, text] of Object.entries(runbooks)) writeFileSync(join(root, 'runbooks', file), text);
  const workspace = workspaceAt(root);
  if (installation !== undefined)
    writeFileSync(workspace.installation, installation(readFileSync(workspace.installation, 'utf8')));
  if (people !== undefined) writeFileSync(workspace.people, people(readFileSync(workspace.people, 'utf8')));
  const states: string[] = [];
  const upOptions: UpOptions = { workers, onState: (part, state) => states.push(`${part} ${state}`) };
  let running = await startUp(workspace, upOptions).catch(async (error: unknown) => {
    await world.stop();
    throw error;
  });
  const keys = openKeys(workspace);
  const store = openSqliteStore({ file: workspace.journal, signer: signerOf(keys.journal) });
  const ec2 = new EC2Client({ endpoint: world.aws.url, region: sandboxRegion, credentials: world.credentials });
  const temporal = openClient(running.temporal, dataConverterOf(noPayloadKeys));
  const kills: Kill[] = [];

  function pidOf(part: PartName): number | undefined {
    return (JSON.parse(readFileSync(join(workspace.state, 'pids.json'), 'utf8')) as Record<string, number>)[part];
  }

  const kill: Processes['kill'] = async (part) => {
    const pid = await waitFor(`${part} to be there`, async () => {
      const found = pidOf(part);
      return isAlive(found) ? found : undefined;
    });
    process.kill(pid, 'SIGKILL');
    kills.push({ part, pid });
    await waitFor(`${part} ${pid} to be gone`, async () => (isAlive(pid) ? undefined : true));
    return pid;
  };

  const serves: Processes['serves'] = async (part, after) => {
    await waitFor(`${part} to serve again`, async () => {
      const pid = pidOf(part);
      return pid !== undefined &&
        pid !== after &&
        states.findLast((each) => each.startsWith(`${part} `)) === `${part} ready`
        ? true
        : undefined;
    });
  };

  /** Undefined when the gateway could not be asked or says that it could not do it now. */
  async function ask<T>(path: string, body?: object): Promise<T | undefined> {
    const at = readGatewayFile(workspace);
    if (at === undefined) return undefined;
    try {
      const answer = await fetch(new URL(path, at.url), {
        headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      const said = (await answer.json()) as T & { error?: { code: string; message: string } };
      if (answer.ok) return said;
      if (answer.status >= 500) return undefined;
      throw Object.assign(new Error(`${path}: ${said.error?.code}: ${said.error?.message}`), said.error);
    } catch (error) {
      // fetch throws a TypeError for a connection that was refused or died.
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }

  const say: Processes['say'] = async (by, wanted) => {
    const prepared = await waitFor(`the gateway to prepare ${wanted.verb}`, () =>
      ask<Prepared>('/v1/prepare', { ask: wanted, by }),
    );
    const { about } = prepared;
    const why = wanted.reason ?? ('inputs' in wanted ? reason : undefined);
    const statement = attested(by, wanted.verb, about, prepared.nonce, why);
    let unanswered = false;
    await waitFor(`${wanted.verb} by ${by} to count`, async () => {
      try {
        const said = await ask<Said>('/v1/say', { statement });
        if (said !== undefined && said.outcome !== beingDelivered) return said;
        unanswered = true;
        return undefined;
      } catch (error) {
        // Whoever had no answer the first time looks at the record before being told that it is too late.
        if (unanswered && (await isOnRecord(statement))) return true;
        throw error;
      }
    });
    return { run: prepared.run, incident: prepared.incident };
  };

  function attested(by: string, verb: Verb, about: About, with_: string, why: string | undefined): Statement {
    const now = Date.now();
    const user = `U0${by.toUpperCase()}`;
    const team = world.slack.state.team.id;
    const at = new Date(now).toISOString();
    return attest(
      {
        version: 1,
        verb,
        about,
        by,
        at,
        validUntil: new Date(now + validMs).toISOString(),
        nonce: with_,
        ...(why === undefined ? {} : { reason: why }),
        proof: {
          kind: 'slack',
          request: { team, user, timestamp: Math.floor(now / 1000), body: `sha256:${'0'.repeat(64)}` },
          account: { deleted: false, bot: false, restricted: false, stranger: false, team, askedAt: at },
        },
      },
      signerOf(keys.gateway),
    );
  }

  async function isOnRecord({ about, nonce: said }: Statement): Promise<boolean> {
    const events = await store.events({ run: about.run, actions: ['statement.counted', 'run.launched'] });
    return events.some(({ statement }) => statement?.nonce === said);
  }

  const hasCounted = async (by: string, run: string): Promise<boolean> =>
    (await store.events({ run, actions: ['statement.counted'] })).some(({ actor }) => actor === by);

  const press: Processes['press'] = async (by, run, action = 'firebreak.approve') => {
    await waitFor(`${by}'s click on a card of ${run} to count`, async () => {
      const card = world.slack.messages().find(({ versions }) => {
        const text = JSON.stringify(versions.at(-1)?.blocks ?? []);
        return text.includes(run) && text.includes(action);
      });
      if (card !== undefined) await world.slack.user(`U0${by.toUpperCase()}`).click(card, action, { reason: 'agreed' });
      return eventually(2_000, async () => ((await hasCounted(by, run)) ? true : undefined));
    });
  };

  const view: Processes['view'] = async (run) => (await ask<RunAnswer>(`/v1/runs/${run}`))?.view;

  const until: Processes['until'] = async (run, what, withinMs = patienceMs) => {
    let last: RunView | undefined;
    return waitFor(
      () => `${run}, which is ${JSON.stringify(last, undefined, 1)}`,
      async () => {
        // A run that the gateway does not know yet is one that has not begun.
        last = await view(run).catch(() => undefined);
        return last !== undefined && what(last) ? last : undefined;
      },
      withinMs,
    );
  };

  return {
    world,
    workspace,
    store,
    ec2,
    temporal,
    kills,
    states,
    kill,
    serves,
    say,
    launch: (instances, by = 'alice') =>
      say(by, {
        verb: 'launch',
        runbook: 'aws-host-compromise',
        inputs: { instances, reason },
        again: true, // tests launch the same again, on purpose
      }),
    press,
    view,
    holds: (of) => waitFor(`the holds of ${of}`, () => ask<Hold[]>(`/v1/holds?of=${of}`)),
    timeline: async (incident) => {
      const at = readGatewayFile(workspace);
      const answer = await fetch(new URL(`/v1/timeline/${incident}?format=jsonl`, at?.url), {
        headers: { authorization: `Bearer ${at?.token}` },
      });
      if (!answer.ok) throw new Error(`The timeline of ${incident} was answered with ${answer.status}.`);
      return new Uint8Array(await answer.arrayBuffer());
    },
    events: (run) => store.events({ run }),
    until,
    ended: (run, withinMs) =>
      until(run, ({ endedAt, state }) => endedAt !== undefined || state === 'refused', withinMs),
    asking: (run, withinMs) => until(run, ({ asks }) => asks.some(({ state }) => state === 'asking'), withinMs),
    cards: (key) =>
      world.slack.messages().filter(({ versions }) => versions[0]?.metadata?.event_payload['key'] === key),
    replace: async (by) => {
      await running.stop();
      running = await by(workspace, upOptions);
    },
    stop: async () => {
      await temporal.connection.close();
      ec2.destroy();
      await store.end();
      await running.stop();
      await world.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Looks until there is something; an error of the look itself ends the wait. */
export async function waitFor<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined>,
  withinMs = patienceMs,
): Promise<T> {
  const found = await eventually(withinMs, look);
  if (found !== undefined) return found;
  throw new Error(`Waited ${withinMs / 1000} s for ${typeof what === 'string' ? what : what()}.`);
}

async function eventually<T>(withinMs: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined || Date.now() > end) return found;
    await sleep(lookEveryMs);
  }
}
