// Every byte of an exported timeline is covered: changed, dropped, doubled, swapped or cut, the first problem names the line.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { beginReading, endReading, type Reading, readLine, verifyTimeline } from '../../journal/verify.js';
import { linesOf } from '../../journal/verify/lines.js';
import { assemble, type Cast } from './support/cast.js';
import { exported } from './support/incident.js';

const newline = 0x0a;
let cast: Cast;
let bytes: Buffer;
/** As far as the file was read before each line; reading never changes what it goes on from. */
const before: Reading[] = [];
const lines: { start: number; end: number }[] = [];

beforeAll(async () => {
  cast = assemble();
  bytes = Buffer.from(await exported(cast));
  let reading = beginReading(bytes, { people: cast.people });
  for (const line of linesOf(bytes)) {
    before.push(reading);
    lines.push({ start: line.start, end: line.start + line.bytes.length });
    reading = readLine(reading, line);
  }
  before.push(reading);
});
afterAll(() => cast.end());

/** The first wrong line when the file goes on from this line with other bytes; stops at the first, as a reader would. */
function firstWrong(index: number, rest: Buffer): number | undefined {
  let reading = before[index] as Reading;
  for (const line of linesOf(rest)) {
    reading = readLine(reading, {
      ...line,
      number: index + line.number,
      start: (lines[index]?.start ?? 0) + line.start,
    });
    if (reading.problems.length > 0) break;
  }
  return reading.problems[0]?.line ?? endReading(reading).problems[0]?.line;
}

/** Every place of which another line than its own was named. */
const misses: string[] = [];
function mustName(index: number, rest: Buffer, what: string): void {
  const named = firstWrong(index, rest);
  if (named !== index + 1) misses.push(`${what} of line ${index + 1} named ${named}`);
}

test('the timeline as exported verifies', () => {
  expect(endReading(before.at(-1) as Reading)).toMatchObject({ ok: true, problems: [] });
  expect(lines.length).toBeGreaterThan(40);
});

test('a byte changed anywhere is found, and the first problem names its line', () => {
  let changes = 0;
  for (const [index, { start, end }] of lines.entries()) {
    const line = bytes.subarray(start, end + 1);
    for (let at = 0; at < line.length; at += 1) {
      const old = line[at] ?? 0;
      for (const value of new Set([old ^ 1, old ^ 0x20, newline])) {
        if (value === old) continue;
        const changed = Buffer.from(line);
        changed[at] = value;
        // The newline itself: the next line is then part of this one.
        const merged = at === line.length - 1 ? bytes.subarray(end + 1, lines[index + 1]?.end) : Buffer.alloc(0);
        mustName(index, Buffer.concat([changed, merged]), `byte ${at}: ${old} → ${value}`);
        changes += 1;
      }
    }
  }
  expect(misses).toEqual([]);
  expect(changes).toBeGreaterThan(2 * bytes.length);
}, 300_000);

test('the whole verifier says the same of any change as reading on from the line', () => {
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ by;
      const line = lines.findIndex(({ end }) => at <= end) + 1;
      const verified = verifyTimeline(changed, { people: cast.people });
      expect(verified.ok).toBe(false);
      expect(verified.problems[0]?.line).toBe(line);
      // With the keys of the file, too: whoever changes a byte of a key changes the header.
      expect(verifyTimeline(changed).problems[0]?.line).toBe(line);
    }),
    { numRuns: 150 },
  );
}, 300_000);

function firstOf(parts: Buffer[]): number | undefined {
  return verifyTimeline(Buffer.concat(parts), { people: cast.people }).problems[0]?.line;
}

test('a line dropped, doubled or swapped with the next is found where it should stand', () => {
  const all = lines.map(({ start, end }) => bytes.subarray(start, end + 1));
  for (const [index, line] of all.entries()) {
    expect(firstOf([...all.slice(0, index), ...all.slice(index + 1)]), `line ${index + 1} dropped`).toBe(index + 1);
    expect(firstOf([...all.slice(0, index + 1), line, ...all.slice(index + 1)]), `line ${index + 1} doubled`).toBe(
      index + 2,
    );
    const next = all[index + 1];
    if (next === undefined) continue;
    expect(firstOf([...all.slice(0, index), next, line, ...all.slice(index + 2)]), `line ${index + 1} swapped`).toBe(
      index + 1,
    );
  }
}, 300_000);

test('cut at any byte the file is found to be cut, at the line where it ends', () => {
  for (const [index, { start, end }] of lines.entries()) {
    for (let at = start; at <= end; at += 1) mustName(index, bytes.subarray(start, at), `cut at byte ${at}`);
  }
  expect(misses).toEqual([]);
}, 300_000);
