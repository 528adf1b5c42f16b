/**
 * What a plan reaches: the items that it was made from (hosts, users, roles) and where they are. Items are what people sign, and
 * what they know; the targets below them, such as a host's interfaces, are ids that nobody can place.
 */
import type { Change, Target } from './change.js';
import { type Known, withName } from './inventory.js';
import type { Json } from './json.js';
import { plain } from './plain.js';

type Reaching = Pick<Change, 'item' | 'target'> & { known?: Known };

export interface Reach {
  /** `aws eu-west-1, instance` */
  where: string;
  /** Each item once, in the order of the changes. */
  items: string[];
}

/** Items by where they are and what they are, each once. */
export function reachOf(changes: Reaching[]): Reach[] {
  const reach = new Map<string, Set<string>>();
  for (const { item, target, known } of changes) {
    const { kind, name } = named(item);
    const where = [placeOf(target), ...kind].join(', ');
    reach.set(where, (reach.get(where) ?? new Set()).add(withName(name, known)));
  }
  return [...reach].map(([where, items]) => ({ where, items: [...items] }));
}

/** `aws 123456789012 eu-west-1` */
export function placeOf({ system, account, region }: Target): string {
  return [system, account, region].filter((part) => part !== undefined).join(' ');
}

/** `instance i-0ab1`, `instance web-1 (i-0ab1, owner platform-leads)` */
export function itemName(item: Json, known?: Known): string {
  const { kind, name } = named(item);
  return [...kind, withName(name, known)].join(' ');
}

/** ` (instance i-0ab1)`, after the target that belongs to it; nothing where the target is that item itself. */
export function ofItem({ item, target, known }: Reaching): string {
  if (named(item).name !== target.id) return ` (${itemName(item, known)})`;
  return known === undefined ? '' : ` (${known.name}, owner ${known.owner})`;
}

/** An item of one field is called by its value, and is of the kind that the field says. */
function named(item: Json): { kind: string[]; name: string } {
  const isOne = typeof item === 'object' && item !== null && !Array.isArray(item) && Object.keys(item).length === 1;
  return { kind: isOne ? Object.keys(item) : [], name: plain(item) };
}
