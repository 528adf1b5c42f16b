/** Names of things: what `firebreak.yaml` calls a target, and whose it is. A name stands for the system's own id, which is what is signed. */
import type { Json } from './json.js';

export interface NamedTarget {
  system: string;
  type: string;
  /** The system's own id of it. */
  id: string;
  /** A person or a group of people.yaml. */
  owner: string;
  labels: Record<string, string>;
  /** Why it must not be touched. */
  protected?: string;
}

/** By name. */
export type Inventory = Record<string, NamedTarget>;

/** What is shown beside an id. */
export interface Known {
  name: string;
  owner: string;
}

/** What the inventory calls that id. */
export function knownAs(inventory: Inventory, system: string, id: string): Known | undefined {
  const found = Object.entries(inventory).find(([, target]) => target.system === system && target.id === id);
  return found === undefined ? undefined : { name: found[0], owner: found[1].owner };
}

/** The same of a change: of its item, such as the host, else of the target itself. */
export function knownOf(
  inventory: Inventory,
  { item, target }: { item: Json; target: { system: string; id: string } },
): Known | undefined {
  for (const id of [...textsIn(item), target.id]) {
    const known = knownAs(inventory, target.system, id);
    if (known !== undefined) return known;
  }
  return undefined;
}

/** `web-1 (i-0ab1, owner platform-leads)`; the id alone where it has no name. */
export function withName(id: string, known: Known | undefined): string {
  return known === undefined ? id : `${known.name} (${id}, owner ${known.owner})`;
}

/** Every text within a JSON value. */
export function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
