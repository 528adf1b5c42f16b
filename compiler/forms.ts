/** Pieces that the YAML forms share. Their `describe` texts are what editors show and what messages advise. */
import * as z from 'zod';
import { parseDuration } from '../core/duration.js';

/** Nothing that is waited for here lasts longer; a longer number is a slip of the keyboard. */
const durationMaxMs = 366 * 24 * 60 * 60_000;

/** `90s`, `15m`, `8h`, `2d`. Stays text in the form; `toMs` turns it into a number once it was checked. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}(ms|s|m|h|d)$/, { error: 'must be a duration such as 90s, 15m, 8h or 2d' })
  .refine((text) => (parseDuration(text) ?? 0) <= durationMaxMs, { error: 'must be a duration of at most a year' });

/** Of a duration that its schema has passed. */
export function toMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new RangeError(`"${text}" is no duration (this is a bug).`);
  return ms;
}

/** Steps, gates, groups, systems: what people type and what stands in identifiers. */
export const slug = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, { error: 'must be lower-case letters and digits, joined by hyphens' })
  .max(63)
  // Results are kept by step: one of this name would pass for having ended before it began.
  .refine((name) => name !== 'constructor', { error: 'is a name that every object of JavaScript has' });

/** Inputs stand in expressions, where a hyphen would subtract. */
export const inputName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, { error: 'must be lower-case letters and digits, joined by underscores' })
  .max(63);

/** In UTC, to the second or finer. */
export const isoTime = z.iso.datetime({ error: 'must be a time in UTC such as 2031-04-05T06:07:08Z' });

export const apiVersion = z.literal('firebreak/v1').describe('Write `firebreak/v1`, the version of this format.');

/** One line of prose. */
export const line = z
  .string()
  .trim()
  .min(1)
  .max(300)
  .regex(/^[^\n\r]*$/, { error: 'must be a single line' });
