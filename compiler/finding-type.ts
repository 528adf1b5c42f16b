/** What expressions know of an entry that a check finds: its schema, as a type. */
import * as z from 'zod';
import { any, bool, int, text, type Type } from './expression-type.js';

interface Shape {
  type?: string;
  enum?: unknown[];
  items?: Shape;
  properties?: Record<string, Shape>;
  required?: string[];
}

export function typeOfFinding(finding: z.ZodType | undefined): Type {
  return finding === undefined
    ? any
    : typeOf(z.toJSONSchema(finding, { target: 'draft-7', unrepresentable: 'any' }) as Shape);
}

function typeOf({ type, enum: words, items, properties = {} }: Shape): Type {
  switch (type) {
    case 'string':
      return words === undefined ? text : { kind: 'string', words: words.map(String) };
    case 'boolean':
      return bool;
    case 'integer':
      return int;
    case 'number':
      return { kind: 'double' };
    case 'array':
      return { kind: 'list', of: items === undefined ? any : typeOf(items) };
    case 'object':
      return {
        kind: 'object',
        fields: Object.fromEntries(Object.entries(properties).map(([key, shape]) => [key, typeOf(shape)])),
      };
    default:
      return any;
  }
}
