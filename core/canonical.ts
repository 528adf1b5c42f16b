import canonicalize from 'canonicalize';

/** The one text form of a JSON value (RFC 8785), so that a digest or a signature over it means one thing. */
export function canonical(value: unknown): string {
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value);
  if (text === undefined) throw new TypeError('Only JSON values have a canonical form (this is a bug).');
  return text;
}

/** Whether two JSON values say the same; key order does not count. */
export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}
