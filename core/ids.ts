/** Names that people type at 3 a.m.: short, without letters that look alike, opaque. Random bytes come from outside. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** `prefix-` and ten characters (50 bits) from at least ten random bytes. */
export function shortId(prefix: 'run' | 'inc' | 'hold', random: Uint8Array): string {
  if (random.length < 10) throw new RangeError('Ten random bytes are needed (this is a bug).');
  return `${prefix}-${Array.from(random.slice(0, 10), (byte) => alphabet[byte % 32]).join('')}`;
}
