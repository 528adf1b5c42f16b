/**
 * The main job before your eyes: three hosts believed compromised, contained through Slack by three people while the worker
 * is killed, held, released, and proven by a timeline. Everything but AWS and Slack is the real thing.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeNetworkInterfacesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { FirebreakError } from '../core/errors.js';
import type { ServiceKey } from '../core/people.js';
import type { RunView } from '../core/run-view.js';
import type { RunAnswer } from '../gateway/api.js';
import { readGatewayFile } from '../gateway/gateway-file.js';
import { verifyTimeline } from '../journal/verify.js';
import { openKeys } from '../worker/keys.js';
import { up } from '../worker/up.js';
import { type Workspace, workspaceAt } from '../worker/workspace.js';
import { claimDemo, demoParts } from './claim.js';
import { slackPage } from './slack/page.js';
import type { Seen } from './slack/user.js';
import { openWorld, sandboxRegion, type World } from './world.js';

export interface Demo {
  ok: boolean;
  run: string;
  incident: string;
  files: { jsonl: string; markdown: string; slack: string };
}

export interface DemoOptions {
  /** A folder of the demo's own: missing, empty, or with an earlier demo, which is replaced. */
  out: string;
  tell: (line: string) => void;
}

/** For each thing that is waited for; a demo that hangs is a demo that failed. */
const withinMs = 60_000;
const reason = 'beacon to a known bad host';

export async function runDemo({ out, tell }: DemoOptions): Promise<Demo> {
  claimDemo(out);
  const root = join(out, demoParts.workspace);
  mkdirSync(root, { recursive: true });
  tell('Starting a local copy of the world: AWS (emulator), Slack (our own), Temporal, worker, gateway.');
  const world = await openWorld({ root, tell });
  const workspace = workspaceAt(root);
  const running = await up(workspace, { workers: 1, tell }).catch(async (error: unknown) => {
    await world.stop();
    throw error;
  });
  try {
    return await play({ world, workspace, tell, out });
  } finally {
    await running.stop();
    await world.stop();
  }
}

interface Stage {
  world: World;
  workspace: Workspace;
  tell: (line: string) => void;
  out: string;
}

async function play(stage: Stage): Promise<Demo> {
  const { world, tell } = stage;
  const { instances } = world.seeded;
  const before = await groups(stage);
  tell(`Three web servers are up: ${instances.join(', ')}; four interfaces, all in ${world.seeded.group}.`);

  chapter(stage, '1. alice asks, in Slack');
  const command = `run aws-host-compromise instances=${instances.join(',')} reason="${reason}"`;
  const { run, incident } = await launch(stage, command);
  const asking = await until(
    stage,
    run,
    (view) => view.asks.some(({ state }) => state === 'asking'),
    'the gate to ask',
  );
  const { plans, about } = asking.asks[0] ?? fail('no gate asks');
  tell(
    `  Firebreak read AWS and would make ${sum(plans.map(({ toChange }) => toChange))} changes in ${plans.length} steps; plan ${about.plan.slice(0, 15)}.`,
  );

  chapter(stage, '2. She cannot approve it herself');
  const refused = await click(stage, 'alice', run, 'firebreak.approve');
  expectText(refused, 'asked for this cannot also decide');
  said(stage, 'Slack to alice', refused);

  chapter(stage, '3. bob approves; the worker is killed; carol approves');
  said(stage, 'Slack to bob', await click(stage, 'bob', run, 'firebreak.approve'));
  tell(`  kill -9 ${killWorker(stage)} (the worker)`);
  said(stage, 'Slack to carol', await click(stage, 'carol', run, 'firebreak.approve'));
  await until(
    stage,
    run,
    (view) => view.steps.some(({ id, state }) => id === 'isolate' && state !== 'waiting'),
    'the isolation to begin',
  );
  tell(`  kill -9 ${killWorker(stage)} (the worker again, in the middle of the isolation)`);
  const contained = await until(stage, run, (view) => view.endedAt !== undefined, 'the run to end');
  if (contained.state !== 'done') fail(`the run ended ${contained.state}`);
  for (const step of contained.steps) tell(`  ${step.state.padEnd(8)} ${step.id.padEnd(11)} ${counts(step.counts)}`);
  const quarantined = await groups(stage);
  const quarantine = quarantined[0] ?? fail('no interface is left');
  if (new Set(quarantined).size !== 1 || before.includes(quarantine))
    fail('not every interface is in the quarantine group');
  tell(`  All ${quarantined.length} interfaces are in ${quarantine} and no other group.`);

  chapter(stage, '4. The run has ended; the containment stays in force');
  const holds = (await answer(stage, run)).holds.filter(({ state }) => state === 'in force');
  if (holds.length === 0) fail('nothing is held');
  tell(`  ${holds.length} holds are in force and watched, until somebody asks for release and two others agree.`);

  chapter(stage, '5. alice asks for release, bob and carol agree');
  const release = await launch(stage, `release ${incident} reason="hosts were rebuilt from a known-good image"`);
  await until(stage, release.run, (view) => view.asks.some(({ state }) => state === 'asking'), 'the release to ask');
  await click(stage, 'bob', release.run, 'firebreak.approve');
  await click(stage, 'carol', release.run, 'firebreak.approve');
  const released = await until(stage, release.run, (view) => view.endedAt !== undefined, 'the release to end');
  if (released.state !== 'done') fail(`the release ended ${released.state}`);
  const after = await groups(stage);
  if (after.join() !== before.join()) fail('the original groups are not back');
  tell(`  Every interface has its original group back: ${world.seeded.group}.`);

  chapter(stage, '6. The timeline, exported and verified offline');
  await cardsShow(stage, [run, release.run]);
  return exportTimeline(stage, run, incident);
}

/** Slack takes about a message a second; the page of what people saw is to show how it ended. */
async function cardsShow({ world }: Stage, runs: string[]): Promise<void> {
  const deadline = Date.now() + withinMs;
  const ended = (run: string): boolean =>
    world.slack.messages().some(({ versions }) => {
      const shown = JSON.stringify(versions.at(-1)?.blocks ?? []);
      return shown.includes(run) && shown.includes(': done"');
    });
  while (!runs.every(ended)) {
    if (Date.now() > deadline) fail('the cards in Slack do not show how the runs ended');
    await sleep(100);
  }
}

async function exportTimeline(stage: Stage, run: string, incident: string): Promise<Demo> {
  const jsonl = join(stage.out, demoParts.jsonl);
  const markdown = join(stage.out, demoParts.markdown);
  const slack = join(stage.out, demoParts.slack);
  writeFileSync(jsonl, await timeline(stage, incident, 'jsonl'));
  writeFileSync(markdown, await timeline(stage, incident, 'md'));
  writeFileSync(slack, slackPage(stage.world.slack.state));
  const verified = verifyTimeline(readFileSync(jsonl), { keys: pinnedKeys(stage.workspace) });
  const [problem] = verified.problems;
  if (problem !== undefined) fail(`the timeline does not verify: line ${problem.line}: ${problem.message}`);
  stage.tell(
    `  ${verified.events} events, ${verified.statements} signed statements: all in order, nothing missing, nothing changed.`,
  );
  return {
    ok: verified.ok,
    run,
    incident,
    files: { jsonl: here(jsonl), markdown: here(markdown), slack: here(slack) },
  };
}

function here(path: string): string {
  return relative(process.cwd(), path);
}

/** The keys that the installation itself has, so that the file is not believed on its own word. */
function pinnedKeys(workspace: Workspace): ServiceKey[] {
  const { gateway, journal } = openKeys(workspace);
  return [
    { id: gateway.id, use: 'gateway', publicKey: gateway.publicKey },
    { id: journal.id, use: 'journal', publicKey: journal.publicKey },
  ];
}

function chapter({ tell }: Stage, title: string): void {
  tell('');
  tell(title);
}

function said({ tell }: Stage, who: string, text: string): void {
  tell(`  ${who}: ${text}`);
}

/** What the person is told; the run and the incident are in it. */
async function launch(stage: Stage, command: string): Promise<{ run: string; incident: string }> {
  stage.tell(`  alice: /firebreak ${command}`);
  const text = await heard(await stage.world.slack.user('U0ALICE').slash(command));
  said(stage, 'Slack to alice', text);
  const run = /run-[0-9a-z]{10}/.exec(text.replace(command, ''))?.[0] ?? fail(`no run was started: ${text}`);
  const view = await until(stage, run, () => true, `${run} to begin`);
  return { run, incident: view.incident };
}

async function click(stage: Stage, person: string, run: string, action: string): Promise<string> {
  const { slack } = stage.world;
  const deadline = Date.now() + withinMs;
  for (;;) {
    const card = slack.messages().find(({ versions }) => {
      const text = JSON.stringify(versions.at(-1)?.blocks ?? []);
      return text.includes(run) && text.includes(action);
    });
    if (card !== undefined)
      return heard(await slack.user(`U0${person.toUpperCase()}`).click(card, action, { reason: 'seen, agreed' }));
    if (Date.now() > deadline) fail(`no card of ${run} has a button ${action}`);
    await sleep(100);
  }
}

/** What Slack shows a person of an act, in one line. */
async function heard(seen: Seen): Promise<string> {
  const first = seen.messages();
  const message = first.at(-1) ?? (await seen.next(withinMs));
  return message.text.replaceAll('\n', ' ').replaceAll('`', '');
}

function expectText(text: string, part: string): void {
  if (!text.includes(part)) fail(`Slack should have said "${part}", and said: ${text}`);
}

function killWorker({ workspace }: Stage): number {
  const { worker } = JSON.parse(readFileSync(join(workspace.state, 'pids.json'), 'utf8')) as { worker?: number };
  if (worker === undefined) return fail('there is no worker to kill');
  process.kill(worker, 'SIGKILL');
  return worker;
}

async function until(stage: Stage, run: string, what: (view: RunView) => boolean, says: string): Promise<RunView> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const view = await answer(stage, run).then(
      (found) => found.view,
      (error: unknown) => {
        if (error instanceof FirebreakError) return undefined;
        throw error;
      },
    );
    if (view !== undefined && what(view)) return view;
    if (Date.now() > deadline)
      fail(
        `waited ${withinMs / 1000} s for ${says}; ${run} is ${view?.state ?? 'unknown'}${view?.needs === undefined ? '' : `: ${view.needs.why}`}`,
      );
    await sleep(100);
  }
}

async function answer(stage: Stage, run: string): Promise<RunAnswer> {
  return (await (await ask(stage, `/v1/runs/${run}`)).json()) as RunAnswer;
}

async function timeline(stage: Stage, incident: string, format: 'jsonl' | 'md'): Promise<Uint8Array> {
  return new Uint8Array(await (await ask(stage, `/v1/timeline/${incident}?format=${format}`)).arrayBuffer());
}

async function ask({ workspace }: Stage, path: string): Promise<Response> {
  const at = readGatewayFile(workspace) ?? fail('the gateway is not there');
  const response = await fetch(new URL(path, at.url), { headers: { authorization: `Bearer ${at.token}` } });
  if (response.ok) return response;
  throw new FirebreakError('demo.no-answer', `The gateway answered ${response.status} to ${path}.`, {
    nextStep: 'read the logs of the demo.',
    isTerminal: false,
  });
}

/** The group of every interface of the three hosts, asked by a client of the demo's own. */
async function groups({ world }: Stage): Promise<string[]> {
  const ec2 = new EC2Client({ endpoint: world.aws.url, region: sandboxRegion, credentials: world.credentials });
  const { NetworkInterfaces = [] } = await ec2.send(
    new DescribeNetworkInterfacesCommand({
      Filters: [{ Name: 'attachment.instance-id', Values: world.seeded.instances }],
    }),
  );
  ec2.destroy();
  return NetworkInterfaces.toSorted((a, b) =>
    (a.NetworkInterfaceId ?? '') < (b.NetworkInterfaceId ?? '') ? -1 : 1,
  ).map(({ Groups = [] }) => Groups.map(({ GroupId }) => GroupId).join(' '));
}

function counts(of: Record<string, number>): string {
  return Object.entries(of)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
}

function sum(numbers: number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function fail(why: string): never {
  throw new FirebreakError('demo.failed', `The demo did not go as it should: ${why}.`, {
    nextStep: 'read the logs in out/demo/workspace/.firebreak/logs.',
  });
}
