// `watch` in a terminal: the picture for every state and size, and the real command in a real terminal (`script`).
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { draw, type Picture } from '../../cli/live/draw.js';
import { advance, type Progress } from '../../cli/live/progress.js';
import { canDraw } from '../../cli/live/screen.js';
import type { Event } from '../../core/event.js';
import type { PlanRef } from '../../core/plan.js';
import { write, writeAsk, writeLaunch } from '../gateway/support.js';
import { askOf, holdOf, stepOf, viewOf } from './run-views.js';
import { type Cli, openCli } from './support.js';

vi.setConfig({ testTimeout: 60_000 });

const nowMs = Date.parse('2026-11-22T14:10:05.000Z');

function lines(over: Partial<Picture> = {}): string[] {
  return draw({
    view: viewOf(),
    progress: new Map(),
    holds: [],
    nowMs,
    columns: 100,
    rows: 30,
    paint: (_what, text) => text,
    ...over,
  });
}

function event(action: Event['action'], id: number, outcome?: string): Event {
  const target = { system: 'aws', type: 'network-interface', id: `eni-${id}` };
  const said = {
    action,
    step: 'isolate',
    target,
    data: { aspect: 'groups' },
    ...(outcome === undefined ? {} : { outcome }),
  };
  return said as unknown as Event;
}

const begun = (count: number, from = 0) => Array.from({ length: count }, (_, id) => event('hold.intended', id + from));
const settled = (count: number, outcome: string, from = 0) =>
  Array.from({ length: count }, (_, id) => event('change.settled', id + from, outcome));
const after = (...events: Event[]) => events.reduce(advance, new Map() as Progress);

const planned = { toChange: 200, already: 0 } as PlanRef;
const running = viewOf({
  steps: [
    stepOf('collect', { state: 'done', counts: { collected: 5 } }),
    stepOf('isolate', { state: 'running', plan: planned }),
    stepOf('snapshot'),
  ],
});

test('a step that runs shows how far it is, what is under way and what has failed', () => {
  const progress = after(...begun(40), ...settled(35, 'applied'), ...settled(2, 'failed', 35));
  expect(lines({ view: running, progress })).toEqual([
    'run-0000000001  aws-host-compromise  running  6 min 05 s',
    'production, asked for by alice: beacon to 203.0.113.7',
    '',
    '✓ collect  5 collected',
    '▶ isolate  ███░░░░░░░░░░░░░░░░░  37 of 200, 2 failed',
    '    under way: network-interface eni-37 groups, network-interface eni-38 groups, network-interface …',
    '    failed: network-interface eni-35 groups, network-interface eni-36 groups',
    '· snapshot',
    '',
    'Next: Nothing; it goes on by itself.',
  ]);
});

test('what is tried again and succeeds is failed no more, and no change is counted twice', () => {
  const progress = after(...settled(3, 'failed'), ...begun(1), ...settled(3, 'applied'), ...settled(3, 'applied'));
  expect(lines({ view: running, progress })[4]).toBe('▶ isolate  ░░░░░░░░░░░░░░░░░░░░  3 of 200');
});

test('what a person must do stands at the bottom, with the command, who may and who may not', () => {
  const view = viewOf({ state: 'asking', steps: [stepOf('isolate')], asks: [askOf()] });
  const shown = lines({ view, columns: 60 });
  expect(shown.at(-1)).toBe('firebreak approve run-0000000001');
  expect(shown.join(' ')).toMatch(
    /Next: Gate containment waits until .* more of security-oncall, other than alice, to say:/,
  );
});

test('what is in force, that the gateway is away, and for how long', () => {
  const view = viewOf({ state: 'done', endedAt: '2026-11-22T14:06:00.000Z' });
  const shown = lines({ view, holds: [holdOf('eni-1'), holdOf('eni-2')], awaySinceMs: nowMs - 12_000 });
  expect(shown).toContain('2 in force');
  expect(shown).toContain('The gateway is not reached for 12 s; the run itself goes on.');
  expect(shown[0]).toContain('done  2 min 00 s');
});

test.each([
  [40, 12],
  [20, 6],
  [80, 24],
  [200, 50],
])('fits a terminal of %i columns and %i rows, whatever there is to show', (columns, rows) => {
  const steps = Array.from({ length: 60 }, (_, nth) =>
    stepOf(`step-${nth}`, { state: nth < 30 ? 'done' : nth === 30 ? 'running' : 'waiting', counts: { applied: nth } }),
  );
  const progress = new Map(after(...begun(3_000), ...settled(500, 'failed')));
  const at = progress.get('isolate');
  if (at !== undefined) progress.set('step-30', at);
  const view = viewOf({ reason: 'a reason\nthat goes on '.repeat(40), steps, asks: [askOf()], state: 'asking' });
  const shown = lines({ view, progress, columns, rows });
  expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(columns);
  expect(shown.length).toBeLessThan(rows);
  // Without room for everything it is the bottom that stays: what somebody has to do.
  expect(shown.join(' ')).toContain(columns < 40 ? 'containment waits' : 'firebreak approve');
  expect(shown.some((line) => line.includes('step-30')) || rows < 24).toBe(true);
});

test('words of others cannot move the cursor', () => {
  const view = viewOf({ reason: '\u001b[2Jall is well\r\u202e' });
  // oxlint-disable-next-line no-control-regex -- that is what must not be there
  expect(lines({ view }).join('\n')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('nothing is redrawn where nobody sees it: no terminal, a dumb one, a CI', () => {
  expect(canDraw({ isTTY: true }, {})).toBe(true);
  expect(canDraw({}, {})).toBe(false);
  expect(canDraw({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  expect(canDraw({ isTTY: true }, { CI: 'true' })).toBe(false);
});

const ids = { run: 'run-0000000001', incident: 'inc-0000000001' };

describe('in a terminal', () => {
  let cli: Cli;
  beforeEach(async () => {
    cli = await openCli();
  });
  afterEach(() => cli.end());

  test('the picture follows the run, and the last one stays', async () => {
    const { store } = cli.ground;
    const of = await writeLaunch(store, ids);
    await writeAsk(store, of);
    const watching = cli.startInTerminal(['watch', of.run], { columns: 60, rows: 20 });
    await watching.printed(`firebreak approve ${of.run}`);
    await write(store, of, 'run.done', {});
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    const shown = stripVTControlCharacters(stdout);
    expect(shown).toMatch(/done {2}\d+ s/);
    expect(shown.trimEnd()).toMatch(/Next: Nothing; nothing of it is in force\.$/);
    expect(stdout).toContain('\u001b[?25h');
  });

  test('Ctrl-C ends only the watching: the picture stays, the cursor is back, and how to come back is said', async () => {
    const of = await writeLaunch(cli.ground.store, ids);
    const watching = cli.startInTerminal(['watch', of.run], { columns: 60, rows: 20 });
    await watching.printed('Next: Nothing');
    watching.child.stdin?.write('\u0003');
    const { code, stdout } = await watching.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`Stopped watching; ${of.run} goes on. Come back with: firebreak watch ${of.run}`);
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'));
  });

  test('a gateway that goes away and comes back is said, and the picture goes on', async () => {
    const { store } = cli.ground;
    const of = await writeLaunch(store, ids);
    const watching = cli.startInTerminal(['watch', of.run], { columns: 80, rows: 20 });
    await watching.printed('Next: Nothing');
    await cli.stopGateway();
    await watching.printed('The gateway is not reached for');
    await cli.startGateway();
    await write(store, of, 'run.done', {});
    expect(await watching.ended).toMatchObject({ code: 0 });
  });
});
