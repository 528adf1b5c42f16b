// The main job and a release with real processes, on credentials of its own; then everything that was written down or shown is
// searched for each of them, in every spelling. AWS and Slack fail on the way, with errors that echo the credentials, for
// errors are how secrets get into records.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultInput } from '../../sandbox/aws/faults.js';
import { personKey } from '../../sandbox/people.js';
import { built } from '../../worker/project.js';
import { plantCredentials, secretsOf } from '../support/planted.js';
import { type Processes, startProcesses, waitFor } from '../support/processes.js';
import { findSecrets, type Place, type Secret, spellingsOf } from '../support/secret-search.js';
import { evidence, files, histories, slackMessages, tables } from '../support/written-down.js';

const planted = plantCredentials();
/** Stands in every error that echoes the credentials: where it is, they were too. */
const marker = `marker-${randomBytes(8).toString('hex')}`;

let at: Processes;
let secrets: Secret[];
const places: Record<Kind, Place[]> = {
  history: [],
  journal: [],
  log: [],
  file: [],
  card: [],
  export: [],
  terminal: [],
};
type Kind = 'history' | 'journal' | 'log' | 'file' | 'card' | 'export' | 'terminal';

beforeAll(async () => {
  at = await startProcesses({ planted });
  const runs = [await planThatFails(), await runThatIsDenied(), ...(await mainJobAndRelease())];
  secrets = secretsOf(at.workspace, planted, at.world.slack.state);
  const all = files(at.workspace);
  places.history = await histories(at.temporal);
  places.journal = [...tables(at.workspace.journal), ...(await evidence(at.store, at.workspace, runs))];
  places.log = all.filter(({ where }) => where.includes('logs/'));
  places.file = [...all.filter((each) => !places.log.includes(each)), ...tables(at.workspace.temporal)];
  places.card = slackMessages(at.world.slack.state);
  places.export = await exports();
  places.terminal = await terminal(runs);
}, 5 * 60_000);

afterAll(() => at.stop());

/** What an AWS, or whatever stands in front of it, may say of a request that it did not like. */
function echo(): string {
  const { accessKeyId, secretAccessKey } = planted.credentials;
  const spelt = [...spellingsOf(Buffer.from(secretAccessKey)).values()].filter((each) => !each.includes(0));
  return `${marker} ${[accessKeyId, secretAccessKey, encodeURIComponent(accessKeyId), ...spelt].join(' ')}`;
}

function breakAws(...faults: FaultInput[]): void {
  for (const fault of faults) at.world.aws.shim.faults.add(fault);
}

/** Errors that may pass by themselves, until patience ends: they travel as a failure through the history. */
async function planThatFails(): Promise<string> {
  breakAws({ kind: 'error', action: 'DescribeInstances', message: echo() });
  const { run } = await at.say('alice', { verb: 'plan', runbook: 'aws-host-compromise', inputs: inputsFor(0) });
  await at.ended(run);
  at.world.aws.shim.faults.clear();
  return run;
}

/** Errors that are final: in a plan, of a collector, while carrying out; and a Slack that is away meanwhile. */
async function runThatIsDenied(): Promise<string> {
  const denied = { kind: 'error', status: 403, code: 'UnauthorizedOperation', message: echo() } as const;
  breakAws(
    { ...denied, action: 'DescribeInstanceAttribute', count: 1 },
    { kind: 'answer', action: 'GetConsoleOutput', contentType: 'text/html', body: `<html>${echo()}</html>` },
  );
  const { run } = await at.launch(at.world.seeded.instances.slice(0, 1));
  await at.asking(run);
  breakAws({ ...denied, action: 'ModifyNetworkInterfaceAttribute' });
  at.world.slack.faults.down = 'error';
  await at.say('bob', { verb: 'approve', run });
  at.world.slack.faults.down = 'cut';
  await at.say('carol', { verb: 'approve', run });
  await at.until(run, ({ steps }) => steps.some(({ id, state }) => id === 'isolate' && state === 'failed'));
  at.world.slack.faults.down = false;
  at.world.aws.shim.faults.clear();
  await waitFor('the card of the denied run to say why', async () =>
    at.cards(`status:${run}`).some(({ versions }) => JSON.stringify(versions).includes(marker)) ? true : undefined,
  );
  return run;
}

/** As in the demo: asked in Slack, decided in Slack, released at a terminal with a key of one's own. */
async function mainJobAndRelease(): Promise<string[]> {
  const instances = at.world.seeded.instances.slice(1);
  const words = `run aws-host-compromise instances=${instances.join(',')} reason="beacon to a known bad host"`;
  const told = await (await at.world.slack.user('U0ALICE').slash(words)).next(60_000);
  const run = /run-[0-9a-z]{10}/.exec(told.text)?.[0] ?? '';
  await agreeTo(run);
  const alice = ['--as', 'alice', '--key', personKey(at.workspace.root, 'alice')];
  const asked = await firebreak(
    'release',
    run,
    '--reason',
    'hosts were rebuilt',
    ...alice,
    '--yes',
    '--detach',
    '--json',
  );
  const release = /run-[0-9a-z]{10}/.exec(asked.replaceAll(run, ''))?.[0] ?? '';
  await agreeTo(release);
  return [run, release];
}

async function agreeTo(run: string): Promise<void> {
  await at.asking(run);
  await at.press('bob', run);
  await at.press('carol', run);
  expect(await at.ended(run)).toMatchObject({ state: 'done' });
}

function inputsFor(index: number): { instances: string[]; reason: string } {
  return { instances: at.world.seeded.instances.slice(index, index + 1), reason: 'beacon to a known bad host' };
}

async function exports(): Promise<Place[]> {
  const incidents = (await at.store.chains()).filter((chain) => chain.startsWith('inc-'));
  const texts = await Promise.all(
    incidents.flatMap((incident) =>
      ['jsonl', 'md'].map(async (format) => ({
        where: `${incident} as ${format}`,
        bytes: Buffer.from(await firebreak('timeline', 'export', incident, '--format', format)),
      })),
    ),
  );
  return texts;
}

async function terminal(runs: string[]): Promise<Place[]> {
  const verbs = [['status'], ...runs.map((run) => ['status', run, '--changes']), ['holds'], ['doctor'], ['validate']];
  const calls = verbs.flatMap((words) => [words, [...words, '--json']]);
  const said: Place[] = [];
  for (const words of calls)
    said.push({ where: `firebreak ${words.join(' ')}`, bytes: Buffer.from(await firebreak(...words)) });
  return said;
}

/** All that the command prints, on either stream, whatever its end. */
async function firebreak(...args: string[]): Promise<string> {
  const env = { ...process.env, FIREBREAK_WORKSPACE: at.workspace.root, FIREBREAK_LOG: 'debug' };
  const run = promisify(execFile)(process.execPath, [built('cli', 'main.js'), ...args], { env, maxBuffer: 2 ** 26 });
  const { stdout, stderr } = await run.catch((error: unknown) => error as { stdout: string; stderr: string });
  return `${stdout}\n${stderr}`;
}

const kinds: [Kind, string][] = [
  ['history', 'no history of Temporal, payloads and failures decoded'],
  ['journal', 'no table of the journal, evidence opened'],
  ['log', 'no log'],
  ['file', 'no other file of the workspace, databases and their write-ahead logs included'],
  ['card', 'no version of any message in Slack'],
  ['export', 'no exported timeline'],
  ['terminal', 'no output of the command'],
];

test.each(kinds)('%s: what the errors echoed was there, and was not cut out with the secrets', (kind) => {
  const texts = places[kind].map(({ bytes }) => Buffer.from(bytes));
  expect(texts.some((text) => text.includes(marker))).toBe(true);
});

test('every credential has a name, and none is searched for by less than it is', () => {
  expect(new Set(secrets.map(({ name }) => name)).size).toBe(15);
  for (const { bytes } of secrets) expect(bytes.length).toBeGreaterThanOrEqual(16);
});

test('what holds the credentials is where the search finds them', () => {
  const { secretAccessKey } = planted.credentials;
  expect(findSecrets(secrets, [{ where: 'echo', bytes: Buffer.from(echo()) }]).map(({ secret }) => secret)).toEqual(
    expect.arrayContaining(['AWS access key id', 'AWS secret access key']),
  );
  expect(echo()).toContain(secretAccessKey);
});

test.each(kinds)('a secret planted in every credential is found in %s: %s', (kind) => {
  expect(places[kind].length).toBeGreaterThan(0);
  expect(findSecrets(secrets, places[kind])).toEqual([]);
});
