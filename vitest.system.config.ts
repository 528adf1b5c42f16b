import { defineConfig } from 'vitest/config';

const reports = process.env['FIREBREAK_TEST_REPORTS'];

/** Whole installations over minutes: secrets looked for wherever they could be, bad input of every class, containments watched again and again. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    include: ['test/system/**/*.test.ts'],
    globalSetup: ['test/setup/first-time.ts'],
    setupFiles: ['test/setup/seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/system.json` }]],
  },
});
