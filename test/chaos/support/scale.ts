/** How much is done: `FIREBREAK_CHAOS_SCALE=full` does every case, `short` (the default) a sample that `FIREBREAK_CHAOS_SEED` draws. */
export type Scale = 'short' | 'full';

export function scaleOf(env: NodeJS.ProcessEnv = process.env): Scale {
  const scale = env['FIREBREAK_CHAOS_SCALE'] ?? 'short';
  if (scale === 'short' || scale === 'full') return scale;
  throw new Error(`FIREBREAK_CHAOS_SCALE is "short" or "full", not "${scale}".`);
}

/** Drawn anew each time unless it is given; printed with the results, so that a sample can be repeated. */
export function seedOf(env: NodeJS.ProcessEnv = process.env): number {
  const text = env['FIREBREAK_CHAOS_SEED'];
  if (text === undefined) return Math.floor(Math.random() * 1_000_000);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`FIREBREAK_CHAOS_SEED is a number of up to nine digits, not "${text}".`);
}

/** `FIREBREAK_CHAOS_PART=2/3` does the second of three parts of the cases, so that several machines or cores share them. */
export function partOf(env: NodeJS.ProcessEnv = process.env): { nth: number; of: number } {
  const text = env['FIREBREAK_CHAOS_PART'] ?? '1/1';
  const [nth = 0, of = 0] = /^\d+\/\d+$/.test(text) ? text.split('/').map(Number) : [];
  if (nth >= 1 && nth <= of) return { nth, of };
  throw new Error(`FIREBREAK_CHAOS_PART is like "2/3", not "${text}".`);
}

/** Up to `count` of the list, in its order, the same for the same seed. */
export function sample<T>(list: T[], count: number, seed: number): T[] {
  const draw = drawFrom(seed);
  const drawn = list.map((_, at) => ({ at, key: draw() })).toSorted((a, b) => a.key - b.key);
  return drawn
    .slice(0, count)
    .map(({ at }) => at)
    .toSorted((a, b) => a - b)
    .map((at) => list[at] as T);
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function drawFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
