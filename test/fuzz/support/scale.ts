/** How much is tried: `FIREBREAK_FUZZ_SCALE=full` or `short`, the default. */
export type Scale = 'short' | 'full';

export function scaleOf(env: NodeJS.ProcessEnv = process.env): Scale {
  const scale = env['FIREBREAK_FUZZ_SCALE'] ?? 'short';
  if (scale === 'short' || scale === 'full') return scale;
  throw new Error(`FIREBREAK_FUZZ_SCALE is "short" or "full", not "${scale}".`);
}

/** Cases of each kind. */
export const casesOf: Record<Scale, number> = { short: 3_000, full: 50_000 };
