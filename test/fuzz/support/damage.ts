/** Changes a JSON value at places of its own: what is there is left out, doubled, moved, renamed, or replaced by something strange. */
import * as fc from 'fast-check';
import type { Json } from '../../../core/json.js';
import { ownNames, strangeText } from './values.js';

type Container = Json[] | { [key: string]: Json };
type Place = { of: Container; key: string | number };

export type Damage =
  | { kind: 'drop' | 'double'; at: number }
  | { kind: 'put'; at: number; value: Json }
  | { kind: 'add' | 'rename'; at: number; name: string; value: Json }
  | { kind: 'move'; at: number; from: number }
  | { kind: 'wrap'; at: number; depth: number }
  | { kind: 'swell'; at: number; count: number };

const place = fc.nat(10_000);

/** Most are small, so that most cases are quick; a few fill a file or a request. */
const swelling = fc.oneof({ weight: 60, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.nat(40_000) });

export function damages(value: fc.Arbitrary<Json>, most = 4): fc.Arbitrary<Damage[]> {
  const name = fc.oneof(fc.constantFrom(...ownNames), strangeText, fc.constantFrom('id', 'kind', 'run', 'steps', 'by'));
  const damage: fc.Arbitrary<Damage> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), at: place, value }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'double' as const), at: place }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'rename' as const), at: place, name, value }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), at: place, from: place }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wrap' as const), at: place, depth: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('swell' as const), at: place, count: swelling }) },
  );
  return fc.array(damage, { minLength: 1, maxLength: most });
}

/** A copy with all of it done, in order. */
export function damaged(value: Json, all: Damage[]): Json {
  const root: Json[] = [structuredClone(value)];
  for (const each of all) {
    const places = placesIn(root);
    const { of, key } = places[each.at % places.length] ?? { of: root, key: 0 };
    apply(each, of, key, places);
  }
  return root[0] ?? null;
}

function apply(damage: Damage, of: Container, key: string | number, places: Place[]): void {
  const here = get(of, key);
  switch (damage.kind) {
    case 'drop':
      if (Array.isArray(of)) of.splice(Number(key), 1);
      else delete of[key];
      return;
    case 'double':
      if (Array.isArray(of)) of.splice(Number(key), 0, structuredClone(here));
      else set(of, `${key}-2`, structuredClone(here));
      return;
    case 'put':
      return set(of, key, structuredClone(damage.value));
    case 'add':
      if (typeof here === 'object' && here !== null && !Array.isArray(here))
        return set(here, damage.name, structuredClone(damage.value));
      return set(of, key, [here, structuredClone(damage.value)]);
    case 'rename':
      if (Array.isArray(of)) return set(of, key, damage.name);
      delete of[key];
      return set(of, damage.name, here);
    case 'move': {
      const from = places[damage.from % places.length];
      return set(of, key, structuredClone(from === undefined ? null : get(from.of, from.key)));
    }
    case 'wrap':
      return set(
        of,
        key,
        Array.from({ length: damage.depth }).reduce<Json>((inner) => [inner], here),
      );
    case 'swell':
      return swell(typeof here === 'object' && here !== null ? here : of, damage.count);
  }
}

/** Up to so many copies of what is there, each with a name or an id of its own, and together no larger than a request can be. */
function swell(of: Container, count: number): void {
  const texts = Object.entries(of).map(([key, value]) => [key, JSON.stringify(value)] as const);
  if (texts.length === 0) return;
  let chars = 0;
  for (let nth = 0; nth < count && chars < swollenCharsMax; nth += 1) {
    const [key, text] = texts[nth % texts.length] ?? ['', 'null'];
    const copy = text.replace(/[a-z0-9]+/i, (word) => `${word}${nth}`);
    const value = isJson(copy) ? (JSON.parse(copy) as Json) : nth;
    if (Array.isArray(of)) of.push(value);
    else set(of, `${key}${nth}`, value);
    chars += copy.length + key.length + 8;
  }
}

const swollenCharsMax = 240_000;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function get(of: Container, key: string | number): Json {
  return (of as Record<string | number, Json>)[key] ?? null;
}

function set(of: Container, key: string | number, value: Json): void {
  Object.defineProperty(of, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Every place of a value, found without recursion. */
function placesIn(root: Json[]): Place[] {
  const places: Place[] = [];
  const open: Container[] = [root];
  for (let of = open.pop(); of !== undefined; of = open.pop()) {
    for (const [at, value] of Object.entries(of)) {
      places.push({ of, key: Array.isArray(of) ? Number(at) : at });
      if (typeof value === 'object' && value !== null) open.push(value);
      if (places.length > 5_000) return places;
    }
  }
  return places;
}
