/**
 * Bad input gets an error that says what, where and what to do; nothing starts, nothing is lost. Here with real processes, from
 * the command and the wire. Each class in its fullness:
 *
 *   runbook         compiler/compile.test.ts, expression.test.ts, fuzz.test.ts, source.test.ts; an edit while running: here
 *   inputs          compiler/inputs.test.ts, gateway/prepare.test.ts, cli/speaking.test.ts, gateway/slack/app.test.ts; here once each
 *   people          compiler/people.test.ts, cli/speaking.test.ts; an edit while running: here
 *   configuration   compiler/installation.test.ts, worker/bundle-source.test.ts; at the start and while running: here
 *   Slack payload   gateway/slack/request.test.ts (unsigned, old, twice), parse.test.ts (words), app.test.ts; signed rubbish: here
 *   API request     gateway/server.test.ts, gateway/door.test.ts
 *   AWS answer      activities/aws/ask.test.ts and conformance.test.ts (each unit); a whole run: here
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readGatewayFile } from '../../gateway/gateway-file.js';
import type { FaultInput } from '../../sandbox/aws/faults.js';
import { signatureOf } from '../../sandbox/slack/signature.js';
import { built } from '../../worker/project.js';
import { workspaceAt } from '../../worker/workspace.js';
import { type Processes, startProcesses, waitFor } from '../support/processes.js';

// Each call of the command is a process of its own, and whole runs go through here.
vi.setConfig({ testTimeout: 120_000 });

let at: Processes;
beforeAll(async () => {
  at = await startProcesses({ ownRunbooks: true });
}, 120_000);
afterAll(() => at.stop());
afterEach(() => at.world.aws.shim.faults.clear());

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The command as alice calls it, in this workspace or another. */
async function firebreak(args: string[], root: string = at.workspace.root): Promise<Ended> {
  const env = { ...process.env, FIREBREAK_WORKSPACE: root, FIREBREAK_KEY: join(at.workspace.root, 'keys', 'alice') };
  const running = promisify(execFile)(process.execPath, [built('cli', 'main.js'), ...args], { env });
  return running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as Ended,
  );
}

/** What a script gets: the exit code, and the fields that it can rely on. */
async function refused(args: string[], root?: string) {
  const { code, stdout } = await firebreak([...args, '--json'], root);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; nextStep: string } };
  return { exit: code, ...error };
}

/** Everything that could have begun: workflows, runs, events of any chain, calls to AWS. */
async function begun() {
  const { count } = await at.temporal.workflow.count();
  const runs = await at.store.runs();
  return {
    workflows: count,
    runs: runs.length,
    events: (await at.store.follow(0, 100_000)).length,
    calls: at.world.aws.shim.calls.list().length,
    waiting: (await at.store.waiting()).length,
  };
}

async function startsNothing(work: () => Promise<void>): Promise<void> {
  const before = await begun();
  await work();
  expect(await begun()).toEqual(before);
}

const words = ['--reason', 'beacon to a known bad host', '--yes', '--detach'];

describe('inputs', () => {
  test.each<[string, string[], RegExp]>([
    ['of the wrong form', ['instances=web-1'], /instances.*web-1/s],
    ['that do not exist', ['instances=i-0123456789abcdef0', 'hosts=1'], /hosts/],
    ['that are missing', [], /instances/],
    ['that are too many', Array.from({ length: 501 }, (_, i) => `instances=i-${String(i).padStart(17, '0')}`), /500/],
  ])('%s are refused by name at the terminal', async (_what, inputs, names) => {
    await startsNothing(async () => {
      const said = await refused(['run', 'aws-host-compromise', ...inputs, ...words]);
      expect(said).toMatchObject({ exit: 2, code: 'inputs.invalid', message: expect.stringMatching(names) as string });
      expect(said.nextStep).not.toBe('');
    });
  });

  test('are refused by name in Slack, to whoever typed them, with a command to paste', async () => {
    await startsNothing(async () => {
      const seen = await at.world.slack
        .user('U0ALICE')
        .slash('run aws-host-compromise instances=web-1 reason="beacon"');
      const { text } = seen.messages().at(-1) ?? (await seen.next(30_000));
      expect(text).toMatch(/web-1/);
      expect(text).toMatch(/\/firebreak run aws-host-compromise/);
    });
  });

  test('a runbook that nobody wrote is answered with the nearest', async () => {
    await startsNothing(async () => {
      expect(await refused(['run', 'aws-host-compromize', 'instances=i-0123456789abcdef0', ...words])).toMatchObject({
        exit: 2,
        code: 'runbook.unknown',
        message: expect.stringContaining('aws-host-compromise') as string,
      });
    });
  });
});

/** A change that makes a file invalid, and how its place is then named. */
const slips: [string, string, (text: string) => string, RegExp][] = [
  [
    'runbook',
    'runbooks/aws/aws-host-compromise.yaml',
    (text) => text.replace('gate: containment', 'gate: contanment'),
    /runbooks\/aws\/aws-host-compromise\.yaml:\d+:\d+ .*contanment/,
  ],
  [
    'people',
    'people.yaml',
    (text) => text.replace('security-oncall:', 'security-oncall: [nobody-we-know]\n  other:'),
    /people\.yaml:\d+:\d+ .*nobody-we-know/,
  ],
  ['configuration', 'firebreak.yaml', (text) => text.replace('region:', 'regoin:'), /firebreak\.yaml:\d+:\d+ .*regoin/],
];

describe.each(slips)('%s that is invalid', (kind, file, spoil, place) => {
  test('keeps Firebreak from starting, at once and with the place; nothing is started or made', async () => {
    const root = mkdtempSync(join(tmpdir(), 'firebreak-bad-'));
    try {
      for (const each of ['firebreak.yaml', 'people.yaml', 'runbooks', 'secrets'])
        cpSync(join(at.workspace.root, each), join(root, each), { recursive: true });
      edit(root, file, spoil);
      const before = readFileSync(join(root, 'people.yaml'), 'utf8');
      const said = await refused(['up'], root);
      expect(said).toMatchObject({ exit: 2, code: 'bundle.invalid', message: expect.stringMatching(place) as string });
      expect(said.nextStep).toContain('firebreak validate');
      const { state, journal, temporal, keys } = workspaceAt(root);
      for (const made of [journal, temporal, keys, join(state, 'pids.json')]) expect(existsSync(made)).toBe(false);
      expect(readFileSync(join(root, 'people.yaml'), 'utf8')).toBe(before);
      const checked = await firebreak(['validate'], root);
      expect(checked).toMatchObject({ code: 2, stdout: expect.stringMatching(place) as string });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test('while a run is in progress leaves the last good one in force: the run goes on, and the log says so', async () => {
    const instance = at.world.seeded.instances[slips.findIndex(([each]) => each === kind)] ?? '';
    const { run } = await at.launch([instance]);
    await at.asking(run);
    const restore = edit(at.workspace.root, file, spoil);
    try {
      const kept = 'the changed configuration is invalid, the last good one stays in use';
      await waitFor('the worker to have seen the edit', async () =>
        logOf('worker').includes(kept) ? true : undefined,
      );
      await at.press('bob', run);
      await at.press('carol', run);
      expect(await at.ended(run)).toMatchObject({ state: 'done' });
      expect(logOf('worker')).toMatch(place);
      expect(await at.holds(run)).not.toEqual([]);
    } finally {
      restore();
    }
  });
});

/** Gives back how to undo it. */
function edit(root: string, file: string, change: (text: string) => string): () => void {
  const path = join(root, file);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`${file} was not changed by the slip.`);
  writeFileSync(path, after);
  return () => writeFileSync(path, before);
}

function logOf(part: string): string {
  return readFileSync(join(at.workspace.state, 'logs', `${part}.log`), 'utf8');
}

function gatewayNow() {
  const found = readGatewayFile(at.workspace);
  if (found === undefined) throw new Error('The gateway is not there.');
  return found;
}

/** The same process as before, and it answers. */
async function servesOn({ url, token, pid }: ReturnType<typeof gatewayNow>): Promise<void> {
  const answer = await fetch(new URL('/v1/health', url), { headers: { authorization: `Bearer ${token}` } });
  expect(await answer.json()).toMatchObject({ ok: true });
  expect(gatewayNow().pid).toBe(pid);
}

function form(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function by(user: string): Record<string, string> {
  return { user_id: user, team_id: 'T0SANDBOX', channel_id: 'C0INCIDENT' };
}

function click(value: string): string {
  return JSON.stringify({
    type: 'block_actions',
    user: { id: 'U0BOB', team_id: 'T0SANDBOX' },
    team: { id: 'T0SANDBOX' },
    channel: { id: 'C0INCIDENT' },
    container: { message_ts: '1.000001', channel_id: 'C0INCIDENT' },
    message: { ts: '1.000001', bot_id: 'B0FIREBREAK' },
    actions: [{ type: 'button', action_id: 'firebreak.approve', block_id: 'b', action_ts: '1.1', value }],
  });
}

function send(body: string): Promise<Response> {
  const timestamp = Math.floor(Date.now() / 1000);
  return fetch(at.world.slack.requestUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': signatureOf(at.world.slack.signingSecret, timestamp, body),
    },
    body: Buffer.from(body),
  });
}

describe('a request that Slack signed', () => {
  const unreadable: [string, string][] = [
    ['that is empty', ''],
    ['that is no form', '{"type":"block_actions"}'],
    ['whose payload is no JSON', form({ payload: '{"type":' })],
    ['whose payload is null', form({ payload: 'null' })],
    ['whose payload is a list', form({ payload: '[]' })],
    ['of a kind that nobody knows', form({ payload: JSON.stringify({ type: 'view_submission' }) })],
    ['that clicks without saying what', form({ payload: JSON.stringify({ type: 'block_actions', actions: [] }) })],
    ['with a command of nobody', form({ command: '/firebreak', text: 'status' })],
  ];
  const meaningless: [string, string][] = [
    ['that clicks with a value of its own', form({ payload: click('{"run":"run-0000000000"') })],
    [
      'that clicks on what no card holds',
      form({ payload: click(JSON.stringify({ run: 'run-0000000000', ask: 'x' })) }),
    ],
    ['with another command', form({ ...by('U0ALICE'), command: '/other', text: 'run aws-host-compromise' })],
    ['with a quote that does not end', form({ ...by('U0ALICE'), command: '/firebreak', text: 'run x reason="open' })],
    ['with a very long command', form({ ...by('U0ALICE'), command: '/firebreak', text: `run ${'x'.repeat(100_000)}` })],
  ];

  test.each(unreadable)('%s is refused as such; the gateway serves on', async (_what, body) => {
    await startsNothing(async () => {
      const gateway = gatewayNow();
      const answer = await send(body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual({ error: 'slack.unreadable' });
      await servesOn(gateway);
    });
    expect(logOf('gateway')).toContain('is neither a command nor a click');
  });

  test.each(meaningless)('%s starts nothing; the gateway serves on', async (_what, body) => {
    await startsNothing(async () => {
      const gateway = gatewayNow();
      expect((await send(body)).status).toBeLessThan(500);
      await servesOn(gateway);
    });
  });
});

const page = '<!doctype html><title>Sign in to the network</title>';
const xml = '<?xml version="1.0" encoding="utf-8"?>\n';
const namespace = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15"';
const rubbish: [string, (action: string) => string][] = [
  ['a page of a proxy', () => page],
  ['half a document', (action) => `${xml}<${action}Response ${namespace}><requestId>1</requestId><item`],
  ['nothing at all', () => ''],
  ['a document with nothing in it', (action) => `${xml}<${action}Response ${namespace}/>`],
];
const emptySets: [string, string][] = [
  ['DescribeInstances', 'reservationSet'],
  ['DescribeNetworkInterfaces', 'networkInterfaceSet'],
];

function instead(action: string, body: string): FaultInput {
  return { kind: 'answer', action, body, contentType: body === page ? 'text/html' : 'text/xml' };
}

describe('an answer that AWS never gave', () => {
  const whilePlanning: [string, FaultInput[]][] = [
    ...rubbish.map(([what, body]): [string, FaultInput[]] => [
      what,
      ['DescribeInstances', 'DescribeNetworkInterfaces'].map((action) => instead(action, body(action))),
    ]),
    ...emptySets.map(([action, set]): [string, FaultInput[]] => [
      `an empty ${set}`,
      [instead(action, `${xml}<${action}Response ${namespace}><${set}/></${action}Response>`)],
    ]),
  ];

  test.each(whilePlanning)(
    '%s while planning ends in a failure that says so, and changes nothing',
    async (_what, faults) => {
      for (const fault of faults) at.world.aws.shim.faults.add(fault);
      at.world.aws.shim.calls.clear();
      const { run } = await at.say('alice', {
        verb: 'plan',
        runbook: 'aws-host-compromise',
        inputs: { instances: at.world.seeded.instances, reason: 'beacon to a known bad host' },
      });
      expect(await at.ended(run)).toMatchObject({ state: 'failed' });
      const { stdout } = await firebreak(['status', run, '--changes', '--json']);
      const codes = codesIn(stdout);
      expect(codes.length).toBeGreaterThan(0);
      expect(
        codes.filter((code) => !/^(aws\.(answer-unreadable|not-found|no-interfaces)|plan\.incomplete)$/.test(code)),
      ).toEqual([]);
      expect(changing()).toEqual([]);
    },
  );

  test.each(rubbish)(
    '%s in place of every answer, while carrying out, is a failure on record and no success',
    async (_what, body) => {
      await releaseAll();
      const { run } = await at.launch(at.world.seeded.instances);
      await at.asking(run);
      for (const action of ['ModifyNetworkInterfaceAttribute', 'CreateSecurityGroup', 'DescribeNetworkInterfaces'])
        at.world.aws.shim.faults.add(instead(action, body(action)));
      await at.say('bob', { verb: 'approve', run });
      await at.say('carol', { verb: 'approve', run });
      expect(await at.ended(run)).toMatchObject({ state: 'failed' });
      expect(codesIn(JSON.stringify(await at.events(run)))).toEqual(
        expect.arrayContaining([expect.stringMatching(/^aws\./)]),
      );
      const isolated = (await at.store.outcomes(run)).filter(
        ({ unit, status, shown }) => unit.startsWith('aws.isolate') && status === 'applied' && shown !== 'no',
      );
      expect(isolated).toEqual([]);
      // Nothing is lost: what was begun is on record, and with AWS back it can be ended and taken away again.
      at.world.aws.shim.faults.clear();
      await releaseAll();
      expect(await at.store.holds({ state: 'open' })).toEqual([]);
    },
  );
});

function changing(): string[] {
  return at.world.aws.shim.calls
    .list()
    .map(({ action }) => action)
    .filter((action) => !/^(Describe|Get)/.test(action));
}

/** Every code that a record holds, wherever it stands. */
function codesIn(record: string): string[] {
  return [...record.matchAll(/"code": ?"([^"]+)"/g)].map(([, code]) => code ?? '');
}

async function releaseAll(): Promise<void> {
  const runs = (await at.store.holds({ state: 'open' })).flatMap(({ holders }) => holders.map(({ run }) => run));
  for (const of of new Set(runs)) {
    const { run } = await at.say('alice', { verb: 'release', of, reason: 'a test goes on' });
    await at.asking(run);
    await at.say('bob', { verb: 'approve', run });
    await at.say('carol', { verb: 'approve', run });
    await at.ended(run);
  }
}
