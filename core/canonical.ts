import canonicalize from 'canonicalize';

/** The one text form of a JSON value (RFC 8785), so that a digest or a signature over it means one thing. */
export function canonical(value: unknown): string {
  // Most of what is read back is in order already, and JSON's own writer is three times as fast.
  if (isInOrder(value)) return JSON.stringify(value);
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value);
  if (text === undefined) throw new TypeError('Only JSON values have a canonical form (this is a bug).');
  return text;
}

/** Whether two JSON values say the same; key order does not count. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** Whether it is plain JSON with the keys of every object in the order of RFC 8785; what is anything else is left to the library. */
function isInOrder(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || (Array.isArray(value) ? areInOrder(value) : hasKeysInOrder(value));
    default:
      return false;
  }
}

function areInOrder(list: unknown[]): boolean {
  for (const each of list) if (!isInOrder(each)) return false;
  return true;
}

function hasKeysInOrder(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  // Inside a workflow an object may come from outside of its sandbox, whose `Object` is another one.
  if (prototype !== Object.prototype && prototype !== null) return false;
  if ('toJSON' in object) return false;
  let last: string | undefined;
  for (const key of Object.keys(object)) {
    if (last !== undefined && last >= key) return false;
    last = key;
    if (!isInOrder((object as Record<string, unknown>)[key])) return false;
  }
  return true;
}
