import { defineConfig } from 'vitest/config';

const reports = process.env['FIREBREAK_TEST_REPORTS'];

/** One release takes the place of another while runs go on. `FIREBREAK_UPGRADE_SCALE=full` has a hundred runs at gates. */
export default defineConfig({
  test: {
    pool: 'forks',
    // One at a time: each has all processes of two releases.
    fileParallelism: false,
    include: ['test/upgrade/**/*.test.ts'],
    globalSetup: ['test/setup/first-time.ts'],
    testTimeout: 30 * 60_000,
    hookTimeout: 5 * 60_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/upgrade.json` }]],
  },
});
