// What the door prepares for signing: a real store and the real preparing; nothing here needs an engine.
import { beforeEach, expect, test } from 'vitest';
import { nextStep } from '../../cli/next-step.js';
import type { Prepare } from '../../gateway/api.js';
import { prepare } from '../../gateway/prepare.js';
import { openViews } from '../../gateway/views.js';
import { digestOf } from '../../journal/digest.js';
import { gate, type Ground, openGround, runbook, write, writeAsk, writeHold, writeLaunch } from './support.js';

let ground: Ground;
const launch = {
  verb: 'launch',
  runbook: 'aws-host-compromise',
  inputs: { instances: 'i-1, i-2' },
  reason: 'beacon seen',
} as const;
const first = { run: 'run-0000000001', incident: 'inc-0000000001' };
const second = { run: 'run-0000000002', incident: 'inc-0000000001' };

beforeEach(() => {
  ground = openGround();
});

const asked = (ask: Prepare, by = 'alice', nonce?: string) =>
  prepare(
    { store: ground.store, views: openViews(ground.store), bundle: () => Promise.resolve(ground.bundle) },
    ask,
    by,
    nonce,
  );

test('a launch is about the very runbook and inputs, which lie in the store before anybody signs', async () => {
  const { about, run, incident } = await asked(launch);
  expect(about).toEqual({
    kind: 'launch',
    run,
    incident,
    runbook: digestOf(runbook),
    bundle: ground.bundle.digest,
    inputs: digestOf({ instances: ['i-1', 'i-2'], reason: 'beacon seen' }),
    environment: 'test',
  });
  if (about.kind !== 'launch') throw new Error('no launch');
  expect(await ground.store.document('runbook', about.runbook)).toEqual(runbook);
  expect(await ground.store.document('inputs', about.inputs)).toEqual({
    instances: ['i-1', 'i-2'],
    reason: 'beacon seen',
  });
});

test('a runbook that nobody wrote is refused with the nearest name', async () => {
  await expect(asked({ ...launch, runbook: 'aws-host-compromse' })).rejects.toMatchObject({
    code: 'runbook.unknown',
    message: 'No runbook is called "aws-host-compromse"; did you mean "aws-host-compromise"?',
  });
});

test('inputs are read by their types, and what is wrong is said before anything is stored', async () => {
  await expect(asked({ ...launch, inputs: { instances: 'web-1' } })).rejects.toMatchObject({ code: 'inputs.invalid' });
});

test('an incident that nobody opened is refused, so that a slip does not open a second record', async () => {
  await writeLaunch(ground.store, first);
  await expect(asked({ ...launch, incident: 'inc-0000000002' })).rejects.toMatchObject({ code: 'incident.unknown' });
  expect(await asked({ ...launch, incident: first.incident })).toMatchObject({ incident: first.incident });
});

test('an equal run that is open is named instead of starting another, unless that is asked for', async () => {
  const written = await writeLaunch(ground.store, {
    ...first,
    inputs: { instances: ['i-1', 'i-2'], reason: 'beacon seen' },
  });
  await expect(asked(launch, 'bob')).rejects.toMatchObject({
    code: 'launch.equal-run-open',
    message: expect.stringContaining(
      `${first.run} does the same with the same inputs and has not ended (planning, by alice`,
    ),
    nextStep: expect.stringContaining(`firebreak status ${first.run}`),
  });
  const named = `An equal run is open: ${first.run} (planning, by alice`;
  expect((await asked({ ...launch, again: true })).shows.join('\n')).toContain(named);
  expect((await asked({ ...launch, verb: 'plan' })).shows.join('\n')).toContain(named);
  expect((await asked({ ...launch, inputs: { instances: 'i-3' } })).shows.join('\n')).not.toContain('equal run');
  await write(ground.store, written, 'run.done', {});
  expect((await asked(launch)).shows.join('\n')).not.toContain('equal run');
});

test('whoever is no responder, revoked or unknown is told before signing', async () => {
  await expect(asked(launch, 'dave')).rejects.toMatchObject({ code: 'person.not-a-responder' });
  await expect(asked(launch, 'mallory')).rejects.toMatchObject({ code: 'person.unknown' });
  ground.people.principals['bob'] = { id: 'bob', slack: [], ssh: [], revokedAt: '2026-01-01T00:00:00.000Z' };
  await expect(asked(launch, 'bob')).rejects.toMatchObject({ code: 'person.revoked' });
});

test('an approval is about exactly what the one asking gate asks, and shows each change', async () => {
  const about = await writeAsk(ground.store, await writeLaunch(ground.store, first));
  const prepared = await asked({ verb: 'approve', run: first.run }, 'bob', 'nonce-of-the-card');
  expect(prepared).toMatchObject({ about, nonce: 'nonce-of-the-card', validForMs: gate.approvalValidMs });
  expect(prepared.shows).toContain(
    '  isolate: aws:eu-west-1:network-interface:eni-1 (instance i-1) groups: {"groups":["sg-app"]} → {"groups":["sg-quarantine"]}',
  );
});

test('whoever asked is told before signing that the answer will be refused', async () => {
  await writeAsk(ground.store, await writeLaunch(ground.store, first));
  expect((await asked({ verb: 'approve', run: first.run })).shows.at(-1)).toContain('You asked for this yourself');
  expect((await asked({ verb: 'approve', run: first.run }, 'dave')).shows.at(-1)).toContain(
    'You are in none of security-oncall',
  );
});

test('where several gates ask, nobody approves one by accident', async () => {
  const written = await writeLaunch(ground.store, first);
  await writeAsk(ground.store, written);
  const about = await writeAsk(ground.store, written, 'rotation');
  await expect(asked({ verb: 'approve', run: first.run }, 'bob')).rejects.toMatchObject({ code: 'gate.which' });
  expect(await asked({ verb: 'approve', run: first.run, gate: 'rotation' }, 'bob')).toMatchObject({ about });
});

test('where one gate asks twice, each ask is named by its id', async () => {
  const written = await writeLaunch(ground.store, first);
  await writeAsk(ground.store, written);
  const about = await writeAsk(ground.store, written, 'containment', 2);
  await expect(asked({ verb: 'approve', run: first.run }, 'bob')).rejects.toMatchObject({
    code: 'gate.which',
    message: `2 gates ask in ${first.run}; asking now: containment-1, containment-2.`,
  });
  expect(await asked({ verb: 'approve', run: first.run, gate: 'containment-2' }, 'bob')).toMatchObject({ about });
  const view = await openViews(ground.store).run(first.run);
  if (view === undefined) throw new Error('no run');
  expect(nextStep(view, [])).toMatch(/--gate containment-1 .*--gate containment-2$/);
});

test('a late answer learns what was decided, and by whom', async () => {
  const written = await writeLaunch(ground.store, first);
  await writeAsk(ground.store, written);
  const at = { id: 'containment-1', gate: 'containment', round: 1 };
  await write(ground.store, written, 'statement.counted', { verb: 'deny', ...at }, 'bob');
  await write(ground.store, written, 'gate.denied', at);
  await expect(asked({ verb: 'approve', run: first.run }, 'carol')).rejects.toMatchObject({
    code: 'gate.not-asking',
    message: expect.stringMatching(/gate "containment" denied \(bob said deny at /) as string,
  });
});

test('a run that nobody launched is refused with those there are', async () => {
  await writeLaunch(ground.store, first);
  await expect(asked({ verb: 'approve', run: 'run-0000000009' }, 'bob')).rejects.toMatchObject({
    code: 'run.unknown',
    nextStep: expect.stringContaining(first.run) as string,
  });
});

test('a run that ended takes notes and no cancel', async () => {
  const written = await writeLaunch(ground.store, first);
  await write(ground.store, written, 'run.done', {});
  await expect(asked({ verb: 'cancel', run: first.run })).rejects.toMatchObject({ code: 'run.ended' });
  expect(await asked({ verb: 'note', run: first.run, reason: 'owner informed' })).toMatchObject({
    about: { kind: 'run', launch: written.launch },
  });
});

test('a note without text, an extension without a duration, and a step that is not there are refused', async () => {
  await writeLaunch(ground.store, first);
  await expect(asked({ verb: 'note', run: first.run })).rejects.toMatchObject({ code: 'note.empty' });
  await expect(asked({ verb: 'extend', run: first.run })).rejects.toMatchObject({ code: 'extend.no-duration' });
  await expect(asked({ verb: 'retry', run: first.run, step: 'isolat' })).rejects.toMatchObject({
    code: 'step.unknown',
  });
});

test('a cancel or an extension of one step is refused before anybody signs it: both are about the whole run', async () => {
  await writeLaunch(ground.store, first);
  const at = { run: first.run, step: 'isolate' };
  await expect(asked({ verb: 'cancel', ...at })).rejects.toMatchObject({ code: 'about.whole-run' });
  await expect(asked({ verb: 'extend', ...at, byMs: 60_000 })).rejects.toMatchObject({ code: 'about.whole-run' });
  expect(await asked({ verb: 'retry', ...at })).toMatchObject({ about: { step: 'isolate' } });
});

test('a release is a run of its own in the same incident, gated as the hold was', async () => {
  const written = await writeLaunch(ground.store, first);
  await writeHold(ground.store, written);
  const prepared = await asked({ verb: 'release', of: first.run, reason: 'host rebuilt' });
  expect(prepared).toMatchObject({ incident: first.incident, about: { kind: 'launch' } });
  expect(prepared.run).not.toBe(first.run);
  expect(prepared.shows).toContain(
    '  aws:eu-west-1:network-interface:eni-1 (instance i-1) groups: {"groups":["sg-quarantine"]} → {"groups":["sg-app"]}',
  );
  expect(prepared.shows.at(-1)).toBe('Other people must agree first: 2 of security-oncall.');
  if (prepared.about.kind !== 'launch') throw new Error('no launch');
  expect(await ground.store.document('inputs', prepared.about.inputs)).toEqual({
    runs: [first.run],
    reason: 'host rebuilt',
  });
});

test('a release says first what it would put back though the approved plan saw something else', async () => {
  const written = await writeLaunch(ground.store, first);
  await writeHold(ground.store, written, 'eni-1');
  await writeHold(ground.store, written, 'eni-2', { item: { instance: 'i-2' }, planned: { groups: ['sg-before'] } });
  const { shows } = await asked({ verb: 'release', of: first.run, reason: 'host rebuilt' });
  expect(shows.slice(1, 3)).toEqual([
    expect.stringMatching(/^ {2}on aws eu-west-1, instance: (i-1, i-2|i-2, i-1)$/),
    '  aws:eu-west-1:network-interface:eni-2 (instance i-2) groups: {"groups":["sg-quarantine"]} → {"groups":["sg-app"]}; the approved plan saw: {"groups":["sg-before"]}',
  ]);
  const undo = await asked({ verb: 'undo', run: first.run, reason: 'false alarm' });
  expect(undo.shows[2]).toBe(shows[2]);
});

test('releasing an incident takes every run that holds something in it', async () => {
  await writeHold(ground.store, await writeLaunch(ground.store, first), 'eni-1');
  await writeHold(ground.store, await writeLaunch(ground.store, second), 'eni-2');
  const { about } = await asked({ verb: 'release', of: first.incident, reason: 'incident over' });
  if (about.kind !== 'launch') throw new Error('no launch');
  expect(await ground.store.document('inputs', about.inputs)).toEqual({
    runs: [first.run, second.run],
    reason: 'incident over',
  });
});

test('where nothing is held a release says what is', async () => {
  await writeLaunch(ground.store, second);
  await writeHold(ground.store, await writeLaunch(ground.store, first));
  await expect(asked({ verb: 'release', of: second.run, reason: 'x' })).rejects.toMatchObject({
    code: 'release.nothing-held',
    message: `${second.run} holds nothing; in force are 1 of ${first.run}.`,
  });
  await expect(asked({ verb: 'release', of: first.run })).rejects.toMatchObject({ code: 'reason.missing' });
});

test('an undo of what changed nothing is refused; of what is held it is prepared', async () => {
  const written = await writeLaunch(ground.store, first);
  await expect(asked({ verb: 'undo', run: first.run, reason: 'false alarm' })).rejects.toMatchObject({
    code: 'undo.nothing-done',
  });
  await writeHold(ground.store, written);
  const { about } = await asked({ verb: 'undo', run: first.run, step: 'isolate', reason: 'false alarm' });
  if (about.kind !== 'launch') throw new Error('no launch');
  expect(await ground.store.document('inputs', about.inputs)).toEqual({
    run: first.run,
    step: 'isolate',
    reason: 'false alarm',
  });
});
