import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Where `.ci/run` collects the reports it counts from. */
const reports = process.env['FIREBREAK_TEST_REPORTS'];

export default defineConfig({
  test: {
    // Temporal's SDK has one runtime a process, so that test files must not share one.
    pool: 'forks',
    // Each file may start a server and workers of its own; more at once only wait for each other.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    include: ['test/**/*.test.ts'],
    exclude: ['test/chaos/**', 'test/system/**', 'test/upgrade/**'],
    globalSetup: ['test/setup/first-time.ts'],
    setupFiles: ['test/setup/seed.ts'],
    // For a test that runs a workflow on a busy machine; a rule's test takes milliseconds.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/test.json` }]],
  },
});
