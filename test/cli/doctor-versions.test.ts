// What doctor makes of what Temporal says of the versions; that it says so is shown in test/worker/versions.test.ts.
import { expect, test } from 'vitest';
import { findingOf } from '../../cli/doctor-versions.js';
import { controlQueue } from '../../core/queues.js';
import type { WorkerVersion } from '../../worker/versions.js';

const current: WorkerVersion = {
  build: '0.2.0-b',
  state: 'current',
  silent: [],
  runs: [],
  containments: 2,
  safeToStop: false,
};
const left: WorkerVersion = { ...current, build: '0.1.0-a', state: 'left', containments: 0 };

function says(...versions: WorkerVersion[]): ReturnType<typeof findingOf> {
  return findingOf({ deployment: 'firebreak', versions, unversioned: 0 }, new Map());
}

test('an old worker is said to be needed by its runs, all of them in the document and a few on the line', () => {
  const runs = Array.from({ length: 8 }, (_, nth) => `run-${nth}`);
  const finding = says(current, { ...left, runs });
  expect(finding).toMatchObject({ ok: true, data: { versions: [{}, { runs: runs.map((run) => ({ run })) }] } });
  expect(finding.says).toBe(
    '0.2.0-b is current and holds 2 containments; 0.1.0-a was left and is needed by 8 runs: run-0, run-1, run-2, run-3, run-4, 3 more',
  );
});

test('it is said when an old worker is safe to stop, and when that is not known yet', () => {
  expect(says(current, { ...left, safeToStop: true }).says).toContain('0.1.0-a was left and is safe to stop');
  expect(says(current, left).says).toContain('holds nothing; whether it is safe to stop shows in a minute');
});

test.each([
  [
    'runs whose version has no worker',
    [current, { ...left, runs: ['run-1'], silent: [controlQueue] }],
    /run-1.*no worker/,
    /worker run/,
  ],
  [
    'a deployment of which no version is current',
    [{ ...left, state: 'new' as const }],
    /no version/,
    /worker promote 0\.1\.0-a/,
  ],
  ['no worker at all', [], /no version/, /worker run/],
  [
    'a current version that nobody works for',
    [{ ...current, silent: ['firebreak-executor-aws'] }],
    /executor-aws/,
    /worker run/,
  ],
])('%s is an error with what to do', (_, versions, why, next) => {
  const finding = says(...versions);
  expect(finding.ok).toBe(false);
  expect(finding.says).toMatch(why);
  expect(finding.nextStep).toMatch(next);
});
