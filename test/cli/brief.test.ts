// What somebody who takes over reads first: true at every stage of a run, and never more than ten lines.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Brief, briefOfIncident, briefOfRun } from '../../cli/brief-lines.js';
import type { Hold } from '../../core/hold.js';
import { write, writeAsk, writeHold, writeLaunch, type Written } from '../gateway/support.js';
import { askOf, holdOf, stepOf, viewOf } from './run-views.js';
import { type Cli, openCli } from './support.js';

const nowMs = Date.parse('2026-11-22T14:10:00.000Z');
const steps = [
  stepOf('collect', { state: 'done', counts: { collected: 5 } }),
  stepOf('isolate', { state: 'running' }),
  stepOf('snapshot'),
];

test('a run that asks: who is waited for and until when, who agreed, and what comes after', () => {
  const decided = [
    { by: 'bob', verb: 'approve', at: '' },
    { by: 'carol', verb: 'approve', at: '' },
    { by: 'carol', verb: 'withdraw', at: '' },
  ];
  const { lines } = briefOfRun(viewOf({ state: 'asking', steps, asks: [askOf({ decided })] }), [], nowMs);
  expect(lines).toEqual([
    'run-0000000001  aws-host-compromise in production, inc-0000000001: asking',
    'Owner      alice, who launched it 14:04Z: beacon to 203.0.113.7',
    'Done       collect done (5 collected)',
    'In force   nothing',
    'Waits for  1 more of security-oncall, not alice, at gate containment until 14:20Z (10m left); bob agreed',
    'To come    isolate, snapshot',
    'Next       Gate containment waits until 2026-11-22T14:20:30.000Z for 1 more of security-oncall, other than alice, to say: firebreak approve run-0000000001',
  ]);
});

test('a containing gate whose time is up goes on asking, and a deadline of another day says its day', () => {
  const late = briefOfRun(
    viewOf({ state: 'asking', asks: [askOf({ deadline: '2026-11-21T14:00:00.000Z' })] }),
    [],
    nowMs,
  );
  expect(late.waitsFor).toEqual([
    '2 more of security-oncall, not alice, at gate containment since its time was up at 2026-11-21 14:00Z, and goes on asking',
  ]);
});

test('what is in force stands apart from what nobody knows to be', () => {
  const holds = [
    holdOf('eni-1'),
    holdOf('eni-2', {
      holders: [{ ...holdOf('x').holders[0], run: 'run-0000000009', requester: 'bob' } as Hold['holders'][number]],
    }),
    holdOf('eni-3', { state: 'intended' }),
    holdOf('eni-4', { state: 'releasing' }),
  ];
  const told = briefOfRun(viewOf({ steps }), holds, nowMs);
  expect(told.inForce).toEqual([
    '2 network-interface groups since 14:06Z',
    '1 network-interface groups being released (eni-4) since 14:06Z',
  ]);
  expect(told.unknown).toEqual(['1 network-interface groups (eni-3) since 14:06Z']);
  expect(told.owners).toEqual(['alice', 'bob']);
  expect(told.lines).toContain('Not known  1 network-interface groups (eni-3) since 14:06Z; begun, and not read back');
});

test('what waits for people says for whom and what to type, and who answered what', () => {
  const step = { phase: 'investigate' as const, unit: 'done by hand', counts: {}, exceptions: [] };
  const view = viewOf({
    state: 'asking',
    steps: [
      { ...step, id: 'way', state: 'done', by: 'bob', choice: 'clean' },
      { ...step, id: 'call', state: 'running' },
    ],
    tasks: [
      {
        kind: 'manual',
        step: 'call',
        what: 'Call the owner.',
        who: ['oncall'],
        evidence: 'Whom you reached.',
        askedAt: '2026-11-22T14:06:00.000Z',
      },
    ],
  });
  const brief = briefOfRun(view, [], Date.parse('2026-11-22T14:07:00.000Z'));
  expect(brief.done).toEqual(['way clean by bob']);
  expect(brief.waitsFor).toEqual(['oncall at call since 14:06Z: Call the owner.']);
  expect(brief.next).toBe(
    'call waits for somebody of oncall: Call the owner. When it is done: firebreak confirm run-0000000001 --step call --reason "Whom you reached."',
  );
});

test('a run that needs a person says why, where, and what to do', () => {
  const needs = {
    code: 'moved',
    why: 'Its groups were changed.',
    next: 'Look at the change, then retry.',
    step: 'isolate',
  };
  const told = briefOfRun(viewOf({ state: 'needs a person', needs, waiting: [needs], steps }), [], nowMs);
  expect(told.lines).toContain('Waits for  a person at isolate: Its groups were changed.');
  expect(told.next).toBe('Its groups were changed. Look at the change, then retry.');
});

test.each([
  ['done', 'To come'],
  ['failed', 'Waits for'],
  ['cancelled', 'Waits for'],
] as const)('a run that is %s says since when, and waits for nobody', (state, absent) => {
  const ended = briefOfRun(viewOf({ state, endedAt: '2026-11-22T14:09:00.000Z', steps }), [holdOf('eni-1')], nowMs);
  expect(ended.state).toBe(`${state} since 14:09Z`);
  expect(ended.comesNext).toEqual([]);
  expect(ended.lines.some((line) => line.startsWith(absent))).toBe(false);
  expect(ended.next).toContain('firebreak release run-0000000001');
});

test('a refused launch says by what it was refused, and that nothing is done', () => {
  const refusals = [
    { by: 'dave', verb: 'launch', at: '', code: 'speaker.no-responder', reason: 'dave is no responder.' },
  ];
  const told = briefOfRun(viewOf({ state: 'refused', refusals, steps: [stepOf('isolate')] }), [], nowMs);
  expect(told.lines).toEqual(
    expect.arrayContaining([
      'Done       nothing yet',
      'Trouble    refused: dave is no responder.',
      'In force   nothing',
    ]),
  );
  expect(told.comesNext).toEqual([]);
});

test('an incident is told over all its runs, those that have not ended first', () => {
  const runs = [
    viewOf({
      run: 'run-0000000002',
      requester: 'bob',
      owner: 'bob',
      launchedAt: '2026-11-22T14:08:00.000Z',
      state: 'asking',
      asks: [askOf()],
    }),
    viewOf({ state: 'done', endedAt: '2026-11-22T14:07:00.000Z' }),
  ];
  const told = briefOfIncident('inc-0000000001', runs, [holdOf('eni-1')], nowMs);
  expect(told.lines).toEqual([
    'inc-0000000001  2 runs, 1 not ended',
    'Owner      bob, alice; alice opened it 14:04Z: beacon to 203.0.113.7',
    'Done       run-0000000001 aws-host-compromise done',
    'In force   1 network-interface groups (eni-1) since 14:06Z',
    'Waits for  run-0000000002: 2 more of security-oncall, not alice, at gate containment until 14:20Z (10m left)',
    'To come    run-0000000002 aws-host-compromise asking',
    'Next       firebreak brief run-0000000002',
  ]);
  const [, ended] = runs;
  if (ended === undefined) throw new Error('There are two.');
  expect(briefOfIncident('inc-0000000001', [ended], [], nowMs).next).toBe('Nothing; nothing of it is in force.');
});

test('what somebody changed is told as trouble, never as in force, with until when it is not put back', () => {
  const changed = holdOf('eni-2', { differsSince: '2026-11-22T14:07:00.000Z' });
  const limit = { hold: 'eni-2', until: '2026-11-22T14:50:00.000Z' };
  const watch = [{ at: '2026-11-22T14:08:00.000Z', action: 'containment.limit-reached', text: '', limit }];
  const done = viewOf({ state: 'done', endedAt: '2026-11-22T14:06:50.000Z', watch });
  const told = briefOfRun(done, [holdOf('eni-1'), changed], nowMs);
  expect(told.lines).toEqual(
    expect.arrayContaining([
      'Trouble    1 network-interface groups not as held (eni-2) since 14:07Z',
      'In force   1 network-interface groups (eni-1) since 14:06Z',
    ]),
  );
  expect(told.next).toBe(
    '1 of 2 held changes are not as held: somebody changed them. Firebreak has put them back as often as it may in an hour, and does so again after 2026-11-22T14:50:00.000Z. To have it done at once, launch aws-host-compromise for them again; and find out who changes them.',
  );
  const incident = briefOfIncident('inc-0000000001', [done], [holdOf('eni-1'), changed], nowMs);
  expect(incident.trouble).toEqual(told.trouble);
  expect(incident.next).toBe('firebreak brief run-0000000001');
});

describe('however much there is to tell', () => {
  const many = Array.from({ length: 40 }, (_, index) => index);
  const exceptions = many.map((index) => ({
    key: `eni-${index}`,
    status: 'failed',
    code: 'x',
    message: 'AWS said\nno. '.repeat(9),
  }));
  const worst = viewOf({
    state: 'needs a person',
    reason: 'a long story '.repeat(50),
    steps: [
      ...many.map((index) => stepOf(`step-${index}`, { state: 'partial', exceptions })),
      ...many.map((index) => stepOf(`rest-${index}`)),
    ],
    asks: many.map((index) => askOf({ id: `gate-${index}` })),
    waiting: [{ code: 'moved', why: 'It was changed. '.repeat(20), next: 'Look.' }],
  });
  const holds = many.flatMap((index) => [
    holdOf(`eni-${index}`, { aspect: `aspect-${index}` }),
    holdOf(`vol-${index}`, { aspect: `aspect-${index}`, state: 'intended' }),
  ]);
  const briefs: [string, Brief][] = [
    ['a run', briefOfRun(worst, holds, nowMs)],
    [
      'an incident',
      briefOfIncident(
        'inc-0000000001',
        many.map(() => worst),
        holds,
        nowMs,
      ),
    ],
  ];

  test.each(briefs)('%s has ten lines at most, each a line, and says how much it left out', (_what, { lines }) => {
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
    expect(lines.filter((line) => line.length > 160 && !line.startsWith('Next'))).toEqual([]);
    expect(lines).toContainEqual(expect.stringMatching(/^Waits for {2}and \d+ more$/));
    expect(lines).toContainEqual(expect.stringMatching(/^Trouble {4}1?\d*00: /));
  });
});

describe('from the gateway', () => {
  vi.setConfig({ testTimeout: 90_000 });
  let cli: Cli;
  let written: Written;

  beforeEach(async () => {
    cli = await openCli();
    written = await writeLaunch(cli.ground.store, { run: 'run-0000000001', incident: 'inc-0000000001' });
  });
  afterEach(() => cli.end());

  test('a run and its incident are told as the journal has them, and for a script', async () => {
    await writeAsk(cli.ground.store, written);
    await writeHold(cli.ground.store, written);
    const { code, stdout } = await cli.run(['brief', written.run]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^run-0000000001 {2}aws-host-compromise in test, inc-0000000001: asking\nOwner {6}alice, who launched it /,
    );
    expect(stdout).toMatch(
      /In force {3}1 network-interface groups \(eni-1\) since .*Z\nWaits for {2}2 more of security-oncall/,
    );
    const { json } = await cli.run(['brief', written.incident, '--json']);
    expect(json()).toMatchObject({
      of: 'inc-0000000001',
      owners: ['alice'],
      inForce: [expect.any(String)],
      unknown: [],
      waitsFor: [expect.stringContaining('run-0000000001: 2 more') as string],
      next: 'firebreak brief run-0000000001',
    });
    await write(cli.ground.store, written, 'run.failed', {});
    expect((await cli.run(['brief', written.run])).stdout).toMatch(/: failed since \d\d:\d\dZ\n/);
  });

  test('a run or an incident that there is not is refused, and without a gateway it says how to start one', async () => {
    for (const id of ['run-0000000009', 'inc-0000000009'])
      expect(await cli.run(['brief', id])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/Next: .*(firebreak status|run-0000000001)/) as string,
      });
    await cli.stopGateway();
    expect(await cli.run(['brief', written.run])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('firebreak up') as string,
    });
  });
});
