// Runs that began with earlier builds go on with this one: their recorded histories, followed by the workflow build as it is.
import { readFileSync } from 'node:fs';
import type proto from '@temporalio/proto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { expect, test } from 'vitest';
import type { ControlActivities, ExecutorActivities } from '../../activities/contract.js';
import type { Runbook, Work } from '../../core/runbook.js';
import type { Statement } from '../../core/statement.js';
import { verbs } from '../../core/verbs.js';
import { dataConverterOf } from '../../worker/data-converter.js';
import { noPayloadKeys } from '../../worker/payload-keys.js';
import { built } from '../../worker/project.js';
import { type Golden, goldenHistories, notFollowed, whatToDo, wordsOf } from '../support/golden/histories.js';
import { flagships } from '../support/golden/stories.js';

// Each replay starts and stops a worker, and some are meant to fail: worth no line.
Runtime.install({
  logger: new DefaultLogger('WARN'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});

const golden = goldenHistories();
const code = readFileSync(built('workflow-bundle.js'), 'utf8');
const dataConverter = dataConverterOf(noPayloadKeys);

function one(name: RegExp): Golden {
  const found = golden.find((each) => name.test(each.name));
  if (found === undefined) throw new Error(`No history is called ${name}; record them: npm run golden -- --record`);
  return found;
}

/** The build, with one place in it written otherwise; throws when the place is not there any more. */
function edited(from: RegExp, to: string): string {
  const count = [...code.matchAll(new RegExp(from, 'g'))].length;
  if (count !== 1) throw new Error(`The workflow build has ${count} places like ${from}, not one.`);
  return code.replace(from, to);
}

// All that there are; the types fail when there is another, of which histories must be recorded.
const languages = Object.keys({ 1: true } satisfies Record<Runbook['language'], true>);
const workKinds = Object.keys({
  collect: true,
  check: true,
  change: true,
  exchange: true,
  manual: true,
  decide: true,
} satisfies Record<Work['kind'], true>);
const activities = Object.keys({
  begin: true,
  hear: true,
  append: true,
  ask: true,
  finish: true,
  plan: true,
  planExchange: true,
  carryOut: true,
  takeBack: true,
  collect: true,
  check: true,
  watch: true,
} satisfies Record<keyof ControlActivities | keyof ExecutorActivities, true>);

test('there are histories of every language and flagship: under way and ended, continued as new, and of containments', () => {
  const names = golden.map(({ name }) => name);
  for (const language of languages)
    for (const flagship of flagships)
      expect(names).toContainEqual(expect.stringMatching(`^${language}/${flagship.name}/.*[.]run[.]`));
  for (const kind of [
    'aws-host-compromise/.*/planned.run.json',
    'aws-host-compromise/.*/contained.run.json',
    'aws-host-compromise/.*/contained.run.containment.json',
    'aws-host-compromise/.*/contained.released.json',
    'aws-host-compromise/.*/waits-at-gate.run.json',
    'aws-host-compromise/.*/cancelled.run.json',
    'aws-host-compromise/.*/adopted.released.json',
    'aws-host-compromise/.*/amended.added.json',
    'aws-host-compromise-long/.*/continued-as-new.run.2.json',
    'aws-credential-compromise/.*/contained.run.containment.json',
    'aws-access-key-rotation/.*/rotated.run.json',
    'every-step/.*/played-through.undone.json',
    'every-step/.*/skipped.run.json',
    'every-step/.*/waits-for-people.run.json',
    'every-step-long/.*/continued-as-new.run.2.json',
    'found-and-failed/.*/found-too-many.run.json',
    'found-and-failed/.*/waited-for.run.json',
    'found-and-failed/.*/retried.run.json',
    'found-and-failed/.*/taken-back.run.json',
  ])
    expect(names).toContainEqual(expect.stringMatching(new RegExp(`^1/${kind}.gz$`)));
  expect(new Set(golden.map(({ workflowId }) => workflowId)).size).toBe(golden.length);
});

test('together they show every kind of step, every activity that a workflow asks for, and every verb', () => {
  const events = golden.flatMap(({ history }) => history.events ?? []);
  const starts = events.flatMap(({ workflowExecutionStartedEventAttributes: start }) =>
    read<{ runbook?: Runbook; launch?: Statement }>(start?.input),
  );
  const kinds = starts.flatMap(({ runbook }) => runbook?.steps.map(({ work }) => work.kind) ?? []);
  expect(new Set(kinds)).toEqual(new Set(workKinds));
  const asked = events.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
  expect(new Set(asked)).toEqual(new Set(activities));
  const said = events.flatMap(({ workflowExecutionUpdateAcceptedEventAttributes: update }) =>
    read<Statement>(update?.acceptedRequest?.input?.args).map(({ verb }) => verb),
  );
  const launched = starts.flatMap(({ launch }) => launch?.verb ?? []);
  expect(new Set([...said, ...launched])).toEqual(new Set(verbs));
});

function read<T>(payloads: proto.temporal.api.common.v1.IPayloads | null | undefined): T[] {
  return (payloads?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString('utf8')) as T);
}

test('this build goes on with every run and containment that was recorded', async () => {
  const bad = await notFollowed(code, golden, dataConverter);
  const said = Object.entries(bad).map(([name, why]) => `${name}: ${why}`);
  expect(said, `${whatToDo}\n`).toEqual([]);
});

test('a worker that has a version goes on with every containment, for that is what it takes over from others', async () => {
  const containments = golden.filter(({ name }) => name.includes('.containment.'));
  expect(containments.length).toBeGreaterThan(5);
  const versioned = readFileSync(built('versioned-workflow-bundle.js'), 'utf8');
  expect(await notFollowed(versioned, containments, dataConverter)).toEqual({});
});

test('a build that does something before what was recorded is found out', async () => {
  const run = one(/waits-at-gate/);
  const begins = /const begun = await (\S+)\.control\.begin\(input\);/;
  const early = edited(begins, 'await $1.control.append([]); const begun = await $1.control.begin(input);');
  expect(Object.values(await notFollowed(early, [run], dataConverter))).toEqual([
    expect.stringMatching(/[Nn]ondeterminism/),
  ]);
});

test('a build in which a containment ends otherwise is found out, and by that containment alone', async () => {
  const all = golden.filter(({ name }) => name.includes('/contained.run'));
  const last = /await (\S+)\.control\.append\(\[say\('containment\.ended', (.*?)\)\]\);/;
  const silent = edited(last, 'void 0;');
  expect(Object.keys(await notFollowed(silent, all, dataConverter))).toEqual(
    all.map(({ name }) => name).filter((name) => name.includes('containment')),
  );
});

test('what is new behind a patch goes on with what was recorded', async () => {
  const begins = /const begun = await (\S+)\.control\.begin\(input\);/;
  const imported =
    /([\w$]+__WEBPACK_IMPORTED_MODULE_\d+__)\.workflowInfo\)\(\)\.continueAsNewSuggested && memory\.inFlight/.exec(
      code,
    );
  if (imported === null) throw new Error('The run does not import Temporal as it did.');
  const patched = edited(
    begins,
    `if ((0, ${imported[1]}.patched)('asks-first')) await $1.control.append([]); const begun = await $1.control.begin(input);`,
  );
  expect(await notFollowed(patched, [one(/waits-at-gate/), one(/cancelled/)], dataConverter)).toEqual({});
});

test('recorded histories hold nothing that looks like a secret, and nothing of who recorded them', () => {
  const shapes =
    /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bxox[abposr]-\d[\w-]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\/home\/\w+|\/tmp\/\w+/g;
  for (const { name, history } of golden) {
    const words = wordsOf(history);
    // What is looked through is really what was said in the run.
    expect(words, name).toContain('"incident":"inc-');
    expect(words.match(shapes), name).toBeNull();
  }
});
