import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { sample, seedOf } from './test/chaos/support/scale.js';

const reports = process.env['FIREBREAK_TEST_REPORTS'];

/** Of the files, in the short version. */
const sampled = 4;

/**
 * The tests of runs once more, with nothing cached, so that every task replays its run from the beginning: what is not
 * deterministic in a workflow shows at once. `FIREBREAK_REPLAY_SCALE=short` takes a few files, drawn by `FIREBREAK_CHAOS_SEED`.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    include: files(),
    env: { FIREBREAK_TEST_NO_CACHE: '1' },
    globalSetup: ['test/setup/first-time.ts'],
    setupFiles: ['test/setup/seed.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/replay.json` }]],
  },
});

function files(): string[] {
  const scale = process.env['FIREBREAK_REPLAY_SCALE'] ?? 'full';
  if (scale === 'full') return ['test/workflows/**/*.test.ts'];
  if (scale !== 'short') throw new Error(`FIREBREAK_REPLAY_SCALE is "short" or "full", not "${scale}".`);
  const all = readdirSync('test/workflows').filter((name) => name.endsWith('.test.ts'));
  const seed = seedOf();
  const drawn = sample(all.toSorted(), sampled, seed);
  console.log(`FIREBREAK_CHAOS_SEED=${seed}: ${drawn.join(', ')}`);
  return drawn.map((name) => `test/workflows/${name}`);
}
