/** How a step that must not hit everything at once begins with a few targets and goes on to more while they end well. */

/** Up to so many targets, or up to such a part of them, counted from the first. */
export type RampStage = { items: number } | { percent: number };

/** Where each stage ends, as a number of items from the first; the last is all of them. */
export function stageEnds(ramp: RampStage[], total: number): number[] {
  const ends: number[] = [];
  for (const stage of ramp) {
    const end = 'items' in stage ? stage.items : Math.ceil((total * stage.percent) / 100);
    if (end > (ends.at(-1) ?? 0) && end < total) ends.push(end);
  }
  return [...ends, total];
}
