/** Where things are in a YAML file: offsets of keys and values by their path, and lines and columns of offsets. */
import { isMap, isScalar, isSeq, type Node, Scalar } from 'yaml';

export type Path = readonly (string | number)[];

/** Where something is: the key, the value, or so many characters into a text value. */
export type Place = { key: Path } | { value: Path } | { value: Path; offset: number };

export type PlaceOf = (offset: number) => { line: number; column: number };

/** Line and column, both from 1, of an offset. */
export function placesIn(text: string): PlaceOf {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** Nodes and keys by their path, so that a thousand problems are as quick to place as one. */
export interface Index {
  nodes: Map<string, Node>;
  keys: Map<string, number>;
}

/** Takes as long as reading the values does: made for the first problem, for most files have none. */
export function indexOf(root: Node | null): Index {
  const index: Index = { nodes: new Map(), keys: new Map() };
  const add = (node: Node | null, path: Path): void => {
    if (node === null) return;
    index.nodes.set(pathKey(path), node);
    if (isSeq<Node>(node)) for (const [position, item] of node.items.entries()) add(item, [...path, position]);
    if (!isMap<Node, Node | null>(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key) || typeof key.value !== 'string') continue;
      const inner = [...path, key.value];
      // Of a key that is there twice the first one counts.
      if (index.keys.has(pathKey(inner))) continue;
      index.keys.set(pathKey(inner), key.range?.[0] ?? value?.range?.[0] ?? 0);
      add(value, inner);
    }
  };
  add(root, []);
  return index;
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** The offset of a place; what does not exist is at the nearest parent that does. */
export function offsetOf(place: Place, { nodes, keys }: Index, text: string): number {
  const ofKey = (path: Path): number => {
    // The entry of a list has no key; what is absent is reported where it should have been.
    const found = keys.get(pathKey(path)) ?? nodes.get(pathKey(path))?.range?.[0];
    return found ?? (path.length === 0 ? 0 : ofValue(path.slice(0, -1)));
  };
  /** An empty value, as in `needs:`, stands at its key. */
  const ofValue = (path: Path): number => {
    const range = nodes.get(pathKey(path))?.range;
    return range && range[0] < range[1] ? range[0] : ofKey(path);
  };
  if ('key' in place) return ofKey(place.key);
  const node = nodes.get(pathKey(place.value));
  return 'offset' in place && isScalar(node) ? offsetInside(node, place.offset, text) : ofValue(place.value);
}

/** Where the character `offset` of a text value stands in the file; with escapes or folding, as near as can be told. */
function offsetInside(node: Scalar, offset: number, text: string): number {
  const [start, end] = node.range ?? [0, 0];
  const value = typeof node.value === 'string' ? node.value : '';
  const quoted = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE;
  const from = quoted ? start + 1 : start;
  if (text.startsWith(value, from)) return from + offset;
  // Folded or escaped: walk both texts, passing over in the file what the value does not have. White space is not looked
  // for, since it may have been folded or escaped.
  let position = from;
  for (const char of value.slice(0, offset)) {
    if (char.trim() === '') continue;
    const here = text.indexOf(char, position);
    if (here !== -1 && here < end) position = here + char.length;
  }
  const here = text.indexOf(value.charAt(offset), position);
  return offset < value.length && here !== -1 && here < end ? here : Math.min(position, end);
}
