/** A JSON value without the marks of JSON, for eyes only: nothing is signed or compared in this form. */
import type { Json } from './json.js';

/** `sg-1, sg-2` of `{"groups":["sg-1","sg-2"]}`. */
export function plain(value: Json): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(plain).join(', ');
  if (typeof value !== 'object') return String(value).replaceAll(/\s*\n\s*/g, ' ');
  const fields = Object.entries(value);
  const [only] = fields;
  if (only !== undefined && fields.length === 1) return plain(only[1]);
  return fields.length === 0 ? 'nothing' : fields.map(([key, each]) => `${key} ${plain(each)}`).join('; ');
}
