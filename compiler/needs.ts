/** The order of steps: what each waits for, and whether that can be at all. */

export interface Waits {
  id: string;
  needs: string[];
  /** The runbook did not say `needs`, so it waits for the step above. */
  byDefault: boolean;
}

/** Each circle once, as the ids along it, beginning with the step that stands first in the file. */
export function circles(steps: Waits[]): string[][] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (id: string, way: string[]): void => {
    const seenAt = way.indexOf(id);
    if (seenAt !== -1) {
      found.push(way.slice(seenAt));
      return;
    }
    if (done.has(id)) return;
    for (const need of byId.get(id)?.needs ?? []) visit(need, [...way, id]);
    done.add(id);
  };
  for (const { id } of steps) visit(id, []);
  return found;
}

/** All steps that have ended when this one begins; in a circle, those of the circle too. */
export function waitsFor(id: string, steps: Waits[]): Set<string> {
  const byId = new Map(steps.map((step) => [step.id, step.needs]));
  const all = new Set<string>();
  const open = [...(byId.get(id) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (all.has(next)) continue;
    all.add(next);
    open.push(...(byId.get(next) ?? []));
  }
  return all;
}
