/** How much is under way: `FIREBREAK_UPGRADE_SCALE=full` is what the project is held to, `short` (the default) takes a minute or two. */
export interface Scale {
  waiting: number;
  contained: number;
  /** Between two launches while the releases change places, in milliseconds. */
  launchEveryMs: number;
  /** How often a containment is looked at. */
  watchEvery: string;
}

const scales: Record<string, Scale> = {
  short: { waiting: 8, contained: 3, launchEveryMs: 2_000, watchEvery: '2s' },
  full: { waiting: 100, contained: 20, launchEveryMs: 1_000, watchEvery: '10s' },
};

export function scaleOf(env: NodeJS.ProcessEnv = process.env): Scale {
  const name = env['FIREBREAK_UPGRADE_SCALE'] ?? 'short';
  const scale = scales[name];
  if (scale === undefined) throw new Error(`FIREBREAK_UPGRADE_SCALE is "short" or "full", not "${name}".`);
  return scale;
}
