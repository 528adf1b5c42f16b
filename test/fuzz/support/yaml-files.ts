/** Files as they should not be: good ones, damaged in their structure, their text, their bytes; and tricks of YAML itself. */
import * as fc from 'fast-check';
import { parse, stringify } from 'yaml';
import type { Json } from '../../../core/json.js';
import { damaged, damages } from './damage.js';
import { strangeText, strangeValue } from './values.js';

/** What means something to YAML. */
const signs = [
  '[',
  ']',
  '{',
  '}',
  ':',
  ': ',
  '- ',
  '? ',
  '\n',
  '\n  ',
  '\n\n',
  '\t',
  '\r',
  '\r\n',
  '"',
  "'",
  '|',
  '>-',
  '#',
  ' #',
  '&a',
  '*a',
  '<<: *a',
  '!!',
  '!!binary',
  '!!js/function',
  '!<tag:x>',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '\\',
  '@',
  '`',
  'null',
  '~',
  '.nan',
  '.inf',
  '1e999',
  '0o7',
  '0x1F',
  '1_000',
  '12:30:45',
  '2026-01-01',
  'yes',
  'NO',
  '9007199254740993',
  '\u0000',
  '\ufeff',
  '\ud800',
  '\u0085',
  '\u2028',
  '\u202e',
  '\u200b',
  '__proto__',
  'constructor',
  '${{',
  '}}',
];

/** As editors, old and new, would have it. */
const tricks: ((text: string, count: number) => string)[] = [
  (text) => `\ufeff${text}`,
  (text) => text.replaceAll('\n', '\r\n'),
  (text) => text.replaceAll('\n', '\r'),
  (text) => text.replaceAll('  ', '\t'),
  (text) => `%YAML 1.1\n---\n${text}`,
  (text) => `${text}\n---\n${text}`,
  (text) => `${text}\n...\n`,
  (text, count) => `${'- '.repeat(count)}${text}`,
  (text, count) => `${text}\nx: ${'['.repeat(count)}${']'.repeat(count)}\n`,
  (text, count) => `${text}\nx: ${'{a: '.repeat(count)}${'}'.repeat(count)}\n`,
  (text, count) => `${text}\n${'? '.repeat(count)}\n`,
  (text, count) => `${text}\nx: ${'!'.repeat(count)}\n`,
  (text, count) => `${text}\nx: "${'\\'.repeat(count)}"\n`,
  (text, count) => `${text}\nx: ${'"'.repeat(count)}\n`,
  (text, count) => `${text}\n# ${'#'.repeat(count * 10)}\n`,
  (text, count) => `${text}\n${' '.repeat(count * 10)}\n`,
  (text, count) => `${text}\nx: ${'9'.repeat(count)}\n`,
  (text, count) => `${text}\n${Array.from({ length: count }, (_, at) => `k${at % 7}: &a${at} *a${at}`).join('\n')}\n`,
  (text) => `${text}\n__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }\n`,
  (text) => `${text}\n<<: { polluted: true }\n`,
  (text) => `${text}\n!!set { a, b }: !!omap [a: 1]\n`,
  laughs,
];

/** Nine names that each stand for nine of the one before. */
function laughs(text: string): string {
  const lines = Array.from({ length: 9 }, (_, at) => {
    const of = at === 0 ? '"lol"' : `*l${at - 1}`;
    return `l${at}: &l${at} [${Array.from({ length: 9 }, () => of).join(', ')}]`;
  });
  return `${text}\n${lines.join('\n')}\n`;
}

/** Files that do not fit what they are meant for; `bases` are good ones, `values` what else could stand in them. */
export function yamlFiles(bases: string[], values: fc.Arbitrary<Json> = strangeValue): fc.Arbitrary<string> {
  const base = fc.constantFrom(...bases);
  const tree = fc.constantFrom(...bases.map((text) => parse(text) as Json));
  const words = [...new Set(bases.flatMap((text) => text.split(/[\s,]+/)))];
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...signs) },
    { weight: 3, arbitrary: fc.constantFrom(...words) },
    { weight: 1, arbitrary: strangeText },
  );
  const slip = fc.record({ at: fc.nat(20_000), drop: fc.oneof(fc.constant(0), fc.nat(60)), put: piece });
  const slipped = fc
    .tuple(base, fc.array(slip, { minLength: 1, maxLength: 5 }))
    .map(([text, slips]) =>
      slips.reduce((left, { at, drop, put }) => splice(left, at % (left.length + 1), drop, put), text),
    );
  const restructured = fc
    .tuple(tree, damages(values), fc.boolean())
    .map(([value, all, flow]) => write(damaged(value, all), flow));
  const bytes = fc
    .tuple(
      base,
      fc.array(fc.tuple(fc.nat(20_000), fc.nat(3), fc.uint8Array({ maxLength: 4 })), { minLength: 1, maxLength: 6 }),
    )
    .map(([text, changes]) => withBytes(text, changes));
  const tricked = fc
    .tuple(base, fc.array(fc.tuple(fc.constantFrom(...tricks), fc.nat(300)), { minLength: 1, maxLength: 2 }))
    .map(([text, all]) => all.reduce((left, [trick, count]) => trick(left, count), text));
  const lines = fc
    .tuple(base, base, fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { minLength: 1, maxLength: 6 }))
    .map(([text, other, swaps]) => withLines(text, other, swaps));
  const anything = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
  return fc.oneof(
    { weight: 60, arbitrary: slipped },
    { weight: 60, arbitrary: restructured },
    { weight: 30, arbitrary: bytes },
    { weight: 30, arbitrary: tricked },
    { weight: 30, arbitrary: lines },
    { weight: 10, arbitrary: anything },
    { weight: 1, arbitrary: swollen(bases) },
  );
}

function splice(text: string, at: number, drop: number, put: string): string {
  return text.slice(0, at) + put + text.slice(at + drop);
}

/** One line is JSON, which is YAML, too; what has no YAML form falls back to it. */
function write(value: Json, flow: boolean): string {
  try {
    return flow ? JSON.stringify(value) : stringify(value, { aliasDuplicateObjects: false });
  } catch {
    return JSON.stringify(value);
  }
}

function withBytes(text: string, changes: [number, number, Uint8Array][]): string {
  let bytes = Buffer.from(text);
  for (const [at, drop, put] of changes) {
    const from = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + drop)]);
  }
  // As a file is read: what is no UTF-8 becomes the replacement character.
  return bytes.toString('utf8');
}

function withLines(text: string, other: string, swaps: [number, number][]): string {
  const [lines, from] = [text.split('\n'), other.split('\n')];
  for (const [at, take] of swaps) lines.splice(at % lines.length, take % 3, from[take % from.length] ?? '');
  return lines.join('\n');
}

/** Just below, and a little above, the size at which a file is refused unread. */
const swollenCharsMax = 300_000;

/** Lines again and again, each with a number where it had a name, up to the greatest size that is read. */
function swollen(bases: string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...bases),
      fc.nat(400),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1_000, max: swollenCharsMax }),
    )
    .map(([text, at, count, chars]) => {
      const lines = text.split('\n');
      const from = at % lines.length;
      const block = lines.slice(from, from + count).join('\n');
      const copies: string[] = [];
      for (let [length, nth] = [text.length, 0]; length < chars && nth < chars / 4; nth += 1) {
        const copy = block.replace(/[a-z][a-z0-9-]*/, (word) => `${word}${nth}`);
        copies.push(copy);
        length += copy.length + 1;
      }
      return [...lines.slice(0, from), ...copies, ...lines.slice(from)].join('\n');
    });
}
