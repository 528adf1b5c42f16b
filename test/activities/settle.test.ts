// Settling against a real store and an action that does what other runs do at the worst moment.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { defineAction, type AnyAction } from '../../activities/define-action.js';
import { draft } from '../../activities/drafts.js';
import { settleAll, type SettleContext } from '../../activities/settle.js';
import { type Change, changeKey, effectOf } from '../../core/change.js';
import type { Origin } from '../../core/hold.js';
import type { PlannedChange } from '../../core/plan.js';
import { effectDigest } from '../../journal/digest.js';
import { signerOf } from '../../journal/signer.js';
import { openSqliteStore } from '../../journal/sqlite-store.js';
import type { Store } from '../../journal/store.js';
import { openKeys } from '../../worker/keys.js';
import { workspaceAt } from '../../worker/workspace.js';

let root: string;
let store: Store;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'firebreak-settle-'));
  const workspace = workspaceAt(root);
  store = openSqliteStore({ file: workspace.journal, signer: signerOf(openKeys(workspace).journal) });
});

afterEach(async () => {
  await store.end();
  rmSync(root, { recursive: true, force: true });
});

const digest = `sha256:${'0'.repeat(64)}` as const;
const change: Change = {
  unit: 'test.shut-door@1',
  item: { door: 'front' },
  target: { system: 'test', type: 'door', id: 'front' },
  aspect: 'state',
  before: 'open',
  after: 'shut',
  dependsOn: [],
  risk: 'disruptive',
  guarded: false,
  oneWay: false,
  partsOpen: false,
};

function contextOf(run: string, action: AnyAction): SettleContext {
  const spec = { need: 1, from: ['oncall'], withinMs: 1, personalKeys: 0, approvalValidMs: 1 };
  const origin: Origin = { run, incident: 'inc-1', step: 'shut', runbook: digest, gate: 'gate', spec };
  return {
    store,
    world: undefined,
    actionOf: () => action,
    run: { run, incident: 'inc-1', launch: digest, requester: 'alice' },
    step: 'shut',
    origin,
    containing: true,
    protected: [],
    covers: () => true,
    actor: 'executor:test',
    attempt: 1,
    look: '0',
    signal: new AbortController().signal,
  };
}

const nothing = (): Promise<void> => Promise.resolve();

interface Door {
  is: string;
  /** What happens right before it is looked at next, once. */
  meanwhile: () => Promise<void>;
}

function shutting(door: Door): AnyAction {
  return defineAction<unknown, string, unknown>({
    name: 'test.shut-door@1',
    summary: 'Shuts a door.',
    phase: 'contain',
    risk: 'disruptive',
    guarded: false,
    oneWay: false,
    partsOpen: false,
    aspect: 'state',
    permissions: [],
    repeatable: 'A shut door stays shut.',
    readLagMs: 0,
    example: {},
    input: z.unknown(),
    state: z.string(),
    read: async () => {
      const act = door.meanwhile;
      door.meanwhile = nothing;
      await act();
      return { state: door.is };
    },
    plan: () => Promise.resolve([]),
    write: (_target, state) => {
      door.is = state;
      return Promise.resolve(undefined);
    },
  });
}

function plannedAs(changes: Partial<Change> = {}): PlannedChange {
  const planned = { ...change, ...changes };
  return { ...planned, effect: effectDigest(effectOf(planned, 'continue')), standing: 'change' };
}

test('a run that finds a side as intended joins the hold that another run took on it between two reads', async () => {
  const door: Door = { is: 'open', meanwhile: nothing };
  const shut = shutting(door);
  const planned = plannedAs();
  // After the second run has looked for a hold, and before it reads the door, the first run shuts it.
  door.meanwhile = async () => {
    await settleAll([planned], contextOf('run-first', shut));
  };
  const [outcome] = await settleAll([planned], contextOf('run-second', shut));
  expect(outcome).toMatchObject({ status: 'already', shown: 'read back' });
  const hold = await store.openHold(changeKey(change));
  expect(hold?.holders.map(({ run }) => run)).toEqual(['run-first', 'run-second']);
  // So that the first one's release does not lift it.
  const said = { actor: 'executor:test', step: 'shut', target: change.target };
  const run = { run: 'run-release', incident: 'inc-1' };
  const left = await store.leave(
    hold?.id ?? '',
    'run-first',
    draft(run, { id: 'left', action: 'hold.left', ...said }),
    draft(run, { id: 'releasing', action: 'hold.releasing', ...said }),
  );
  expect(left).toBe('left');
});

test('what is done for good does not rest on a hold that a release puts back, though the side is as it shall be', async () => {
  const door: Door = { is: 'open', meanwhile: nothing };
  const shut = shutting(door);
  await settleAll([plannedAs()], contextOf('run-first', shut));
  const [outcome] = await settleAll([plannedAs({ oneWay: true })], contextOf('run-second', shut));
  expect(outcome).toMatchObject({
    status: 'moved',
    shown: 'no',
    error: { code: 'hold.would-come-back', nextStep: expect.stringContaining('firebreak release run-first') },
  });
  expect((await store.openHold(changeKey(change)))?.holders.map(({ run }) => run)).toEqual(['run-first']);
  // The premise: one who would put it back joins.
  const [joined] = await settleAll([plannedAs()], contextOf('run-third', shut));
  expect(joined).toMatchObject({ status: 'already', shown: 'read back' });
});
