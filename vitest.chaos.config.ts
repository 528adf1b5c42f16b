import { defineConfig } from 'vitest/config';

const reports = process.env['FIREBREAK_TEST_REPORTS'];

/** Processes are killed while runs go on. `FIREBREAK_CHAOS_SCALE=short` makes fewer runs and kills. */
export default defineConfig({
  test: {
    pool: 'forks',
    // One at a time: what is measured is how soon a run goes on, and neighbours would be part of it.
    fileParallelism: false,
    include: ['test/chaos/**/*.test.ts'],
    globalSetup: ['test/setup/first-time.ts'],
    testTimeout: 15 * 60_000,
    hookTimeout: 2 * 60_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/chaos.json` }]],
  },
});
