// The inbox alone, with a delivery that treats its signal as Temporal's client does.
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Delivery } from '../../gateway/deliver.js';
import { type Inbox, openInbox } from '../../gateway/inbox.js';
import { prepare } from '../../gateway/prepare.js';
import { openViews } from '../../gateway/views.js';
import { type Ground, openGround, silent } from './support.js';

let ground: Ground;
let inbox: Inbox;
const signals: AbortSignal[] = [];
const away: Delivery = { kind: 'unanswered', error: new Error('away') };

beforeEach(() => {
  ground = openGround();
  signals.length = 0;
});

afterEach(async () => {
  await inbox.end();
  await ground.store.end();
});

async function launched(reason: string) {
  const ask = { verb: 'launch', runbook: 'aws-host-compromise', inputs: { instances: 'i-1' }, reason } as const;
  const deps = { store: ground.store, views: openViews(ground.store), bundle: () => Promise.resolve(ground.bundle) };
  return ground.sign('alice', ask, await prepare(deps, ask, 'alice'));
}

test('deliveries that go on for hours leave no listeners behind that would grow with them', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  inbox = openInbox({
    store: ground.store,
    log: silent,
    now: Date.now,
    everyMs: 5,
    deliver: async (_statement, signal) => {
      signals.push(signal);
      // One for each request, and never taken back.
      for (const request of [1, 2]) signal.addEventListener('abort', () => request);
      return away;
    },
  });
  await inbox.keep(await launched('kept for hours'));
  await vi.waitFor(() => expect(signals.length).toBeGreaterThan(20));
  expect(signals.map((signal) => getEventListeners(signal, 'abort').length).every((count) => count === 2)).toBe(true);
  expect(warnings).toEqual([]);
  process.off('warning', warn);
});

test('what is under way is given up when the inbox ends, and stays kept', async () => {
  inbox = openInbox({
    store: ground.store,
    log: silent,
    now: Date.now,
    everyMs: 60_000,
    deliver: async (_statement, signal) => {
      await sleep(60_000, undefined, { signal }).catch(() => undefined);
      return away;
    },
  });
  const statement = await launched('given up');
  await inbox.keep(statement);
  const delivering = inbox.deliver(statement);
  await inbox.end();
  expect(await delivering).toEqual(away);
  expect(await ground.store.waiting()).toHaveLength(1);
});

test('a run that was started stays kept until it is known to have begun', async () => {
  inbox = openInbox({
    store: ground.store,
    log: silent,
    now: Date.now,
    everyMs: 60_000,
    deliver: () => Promise.resolve({ kind: 'started' }),
  });
  const statement = await launched('no worker yet');
  await inbox.keep(statement);
  expect(await inbox.deliver(statement)).toEqual({ kind: 'started' });
  expect(await ground.store.waiting()).toHaveLength(1);
  await inbox.settle(statement);
  expect(await ground.store.waiting()).toEqual([]);
});
