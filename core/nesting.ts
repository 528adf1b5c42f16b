/** How deep JSON from outside may nest: whatever walks it calls itself, and a stack ends. */

/** Lists and objects within one another; what people and detectors send has some ten. */
const nestingMax = 64;

/** Found without recursion. */
export function nestsTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > nestingMax) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}
