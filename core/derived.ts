/** What is worked out of a value that never changes, such as an index of a plan: once, and forgotten with the value. */
export function derived<From extends object, To>(derive: (from: From) => To): (from: From) => To {
  const known = new WeakMap<From, { to: To }>();
  return (from) => {
    const kept = known.get(from) ?? { to: derive(from) };
    known.set(from, kept);
    return kept.to;
  };
}
