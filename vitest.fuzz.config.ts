import { defineConfig } from 'vitest/config';

const reports = process.env['FIREBREAK_TEST_REPORTS'];

/**
 * Rubbish into every door. `FIREBREAK_FUZZ_SCALE=full` tries 50,000 of each kind, `short` (the default) a few thousand;
 * `FIREBREAK_FUZZ_SEED` draws others.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    // One at a time: how long a case takes is a part of what is tested.
    fileParallelism: false,
    include: ['test/fuzz/**/*.fuzz.ts'],
    globalSetup: ['test/setup/first-time.ts'],
    setupFiles: ['test/setup/seed.ts'],
    testTimeout: 60 * 60_000,
    hookTimeout: 2 * 60_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/fuzz.json` }]],
  },
});
