// The built command in a process of its own, against the real gateway server on a real store. Only what the engine would rule
// is played, by the rules of `core/` over the real proofs.
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { stringify } from 'yaml';
import { judgeResponder, judgeSpeaker } from '../../core/gate.js';
import type { Json } from '../../core/json.js';
import type { Statement } from '../../core/statement.js';
import { beingDelivered, type Said } from '../../gateway/api.js';
import { type Door, openDoor } from '../../gateway/door.js';
import { writeGatewayFile } from '../../gateway/gateway-file.js';
import { Refusal } from '../../gateway/refusal.js';
import { serve } from '../../gateway/server.js';
import { deliveryIdOf } from '../../gateway/statement-ids.js';
import { exportTimeline } from '../../gateway/timeline.js';
import { digestOf } from '../../journal/digest.js';
import { findFacts } from '../../journal/proof.js';
import { embedded, openClient } from '../../worker/connection.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import type { Listening } from '../../worker/listen.js';
import { freePort } from '../../worker/ports.js';
import { built } from '../../worker/project.js';
import { openWorkspace, workspaceAt } from '../../worker/workspace.js';
import { type Ground, type Name, openGround, runbook, silent, write, writeAsk } from '../gateway/support.js';

export interface Cli {
  ground: Ground;
  root: string;
  /** What was said, in order; all of it proven. */
  said: Statement[];
  /** When true, what is said is only received. */
  engineAway: boolean;
  run(args: string[], options?: { as?: Name; env?: Record<string, string> }): Promise<Ended>;
  /** Started and not waited for. */
  start(args: string[], options?: { as?: Name }): Running;
  /** The same in a terminal of that size; what it prints is all in `stdout`. */
  startInTerminal(args: string[], size: { columns: number; rows: number }): Running;
  stopGateway(): Promise<void>;
  startGateway(): Promise<void>;
  end(): Promise<void>;
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The one document of `--json`; throws when stdout holds anything else. */
  json: () => { [key: string]: unknown };
}

export interface Running {
  child: ChildProcess;
  /** Resolves when the text has been printed. */
  printed(text: string): Promise<void>;
  ended: Promise<Ended>;
}

const token = 'b'.repeat(64);

export async function openCli(): Promise<Cli> {
  const ground = openGround();
  const root = ground.folder;
  writeWorkspace(root, ground);
  const workspace = openWorkspace(workspaceAt(root));
  // Nobody listens there: whatever reached for Temporal would be seen as such.
  const client = openClient(embedded(await freePort()), dataConverterOf(noPayloadKeys));
  const real = openDoor({ client, store: ground.store, bundle: () => Promise.resolve(ground.bundle), log: silent });
  let gateway: Listening | undefined;

  const cli: Cli = {
    ground,
    root,
    said: [],
    engineAway: false,
    start: (args, { as = 'alice' } = {}) =>
      launch(args, { FIREBREAK_WORKSPACE: root, FIREBREAK_KEY: ground.keyOf(as) }),
    startInTerminal: (args, { columns, rows }) => {
      const command = [process.execPath, built('cli', 'main.js'), ...args].join(' ');
      const line = `stty cols ${columns} rows ${rows}; exec ${command}`;
      const env = { FIREBREAK_WORKSPACE: root, FIREBREAK_KEY: ground.keyOf('alice'), TERM: 'xterm-256color' };
      return follow(spawn('script', ['-qfec', line, '/dev/null'], { env: environment(env), stdio: 'pipe' }));
    },
    run: (args, { as = 'alice', env = {} } = {}) =>
      launch(args, { FIREBREAK_WORKSPACE: root, FIREBREAK_KEY: ground.keyOf(as), ...env }).ended,
    startGateway: async () => {
      const door: Door = { ...real, say: (statement) => rule(cli, statement) };
      gateway = await serve(
        {
          door,
          token,
          log: silent,
          health: () => Promise.resolve({ ok: false, parts: [{ name: 'temporal', ok: false, says: 'away' }] }),
          timeline: (incident, format) =>
            exportTimeline({ store: ground.store, signer: ground.signer, bundle: ground.bundle }, incident, format),
        },
        { host: '127.0.0.1', port: 0 },
      );
      writeGatewayFile(workspace, { url: gateway.url, token, pid: process.pid });
    },
    stopGateway: async () => {
      await gateway?.end();
      gateway = undefined;
    },
    end: async () => {
      await cli.stopGateway();
      await real.end();
      await client.connection.close();
      await ground.store.end();
    },
  };
  await cli.startGateway();
  return cli;
}

/** A launch asks at its gate at once; an answer at a gate counts; whoever asked is refused. */
async function rule(cli: Cli, statement: Statement): Promise<Said> {
  const { store, bundle } = cli.ground;
  const facts = findFacts(statement, bundle.people);
  const { about, verb, by } = statement;
  const ruling =
    about.kind === 'gate' ? judgeSpeaker(statement, facts, Date.now()) : judgeResponder(statement, facts, Date.now());
  if (!('counts' in ruling ? ruling.counts : ruling.good)) throw new Refusal(...whyNot(ruling));
  cli.said.push(statement);
  const { run } = about;
  const incident = about.kind === 'launch' ? about.incident : ((await store.events({ run }))[0]?.chain ?? '');
  if (cli.engineAway) {
    const message = JSON.parse(JSON.stringify(statement)) as Json;
    await store.receive({ id: deliveryIdOf(statement), receivedAt: new Date().toISOString(), message });
    return { run, incident, outcome: beingDelivered };
  }
  if (about.kind === 'launch') {
    const digest = digestOf(about);
    const data = {
      runbook: runbook.name,
      version: 1,
      digest: about.runbook,
      summary: runbook.summary,
      verb,
      inputs: {},
      environment: 'test',
      launch: digest,
      separation: 'nominal',
      steps: [],
    };
    await write(store, { run, incident, launch: digest }, 'run.launched', data, by, statement);
    await writeAsk(store, { run, incident, launch: digest });
    return { run, incident, outcome: 'launched' };
  }
  if (about.kind === 'gate' && by === 'alice')
    throw new Refusal('gate.requester-excluded', 'Whoever asked for this cannot also decide it.');
  return { run, incident, outcome: 'counted' };
}

function whyNot(ruling: object): [string, string] {
  const { code, reason } = ruling as { code: string; reason: string };
  return [code, reason];
}

/** firebreak.yaml and people.yaml as people write them, for the people of the ground. */
export function writeWorkspace(root: string, { people, signer }: Ground, gateway?: { listen: string }): void {
  const installation = {
    apiVersion: 'firebreak/v1',
    kind: 'Installation',
    environment: 'test',
    systems: { aws: { kind: 'aws', region: 'eu-west-1', endpoint: 'http://127.0.0.1:9', shown_on: 'emulator' } },
    ...(gateway === undefined ? {} : { gateway }),
  };
  writeFileSync(join(root, 'firebreak.yaml'), stringify(installation));
  people.groups['platform-leads'] = ['bob', 'carol'];
  people.groups['security-leads'] = ['carol'];
  people.keys.push({ id: signer.key, use: 'journal', publicKey: signer.publicKey });
  const principals = Object.fromEntries(Object.values(people.principals).map(({ id, ssh }) => [id, { ssh }]));
  const keys = people.keys.map(({ id, use, publicKey }) => ({ id, use, public: publicKey }));
  const directory = {
    apiVersion: 'firebreak/v1',
    kind: 'People',
    principals,
    groups: people.groups,
    responders: people.responders,
    keys,
  };
  writeFileSync(join(root, 'people.yaml'), stringify(directory, { lineWidth: 0 }));
}

function launch(args: string[], env: Record<string, string>): Running {
  const command = [built('cli', 'main.js'), ...args];
  return follow(spawn(process.execPath, command, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] }));
}

function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: env['FIREBREAK_WORKSPACE'], NO_COLOR: '1', ...env };
}

function follow(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Running {
  const out = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => {
      out[stream] += chunk.toString();
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, ...out, json: () => JSON.parse(out.stdout) as Record<string, unknown> }),
    );
  });
  const printed = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!`${out.stdout}${out.stderr}`.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { child, printed, ended };
}
