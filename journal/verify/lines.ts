/** A timeline's bytes as lines. Nothing is normalized: each line must be canonical JSON and end with one newline. */
import { canonical } from '../../core/canonical.js';

export interface Line {
  /** From 1. */
  number: number;
  /** Where it begins, in bytes. */
  start: number;
  bytes: Buffer;
  /** Whether a newline ends it. */
  ended: boolean;
}

export type ReadLine = { value: unknown } | { value?: never; code: string; message: string };

const newline = 0x0a;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function* linesOf(bytes: Buffer): Generator<Line> {
  for (let start = 0, number = 1; start < bytes.length; number += 1) {
    const at = bytes.indexOf(newline, start);
    const end = at === -1 ? bytes.length : at;
    yield { number, start, bytes: bytes.subarray(start, end), ended: at !== -1 };
    start = end + 1;
  }
}

/** The value of a line, or why it cannot stand in a timeline. */
export function valueOf(line: Line): ReadLine {
  const text = textOf(line.bytes);
  if (text === undefined) return { code: 'line.not-utf8', message: 'The line is not UTF-8.' };
  if (!line.ended) return { code: 'line.not-ended', message: 'The file ends in the middle of this line.' };
  const value = parse(text);
  if (value === undefined) return { code: 'line.not-json', message: 'The line is not JSON.' };
  if (canonicalOf(value) !== text)
    return { code: 'line.not-canonical', message: 'The line is not in canonical form (RFC 8785).' };
  return { value };
}

function textOf(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for what is nested too deeply to be written again. */
function canonicalOf(value: unknown): string | undefined {
  try {
    return canonical(value);
  } catch {
    return undefined;
  }
}
