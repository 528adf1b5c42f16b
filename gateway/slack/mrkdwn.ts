/**
 * Text for Slack. Whatever comes from people or from the world is shown as text and does nothing: no mention, no link, no
 * formatting, no line of its own that could pass for one of ours. The exact words are on the record; here they are shown.
 */
import type { Iso } from '../../core/json.js';

/** Free text of a person, on one line, at most so many characters once escaped; what is cut says so. */
export function prose(text: string, max = 300): string {
  const line = oneLine(text)
    // `:name:` would become a picture, for instance the mark of something done.
    .replace(/:(?=[^\s:]+:)/g, '꞉')
    .replaceAll('*', '∗')
    .replaceAll('_', 'ˍ')
    .replaceAll('~', '∼')
    .replaceAll('`', 'ˋ');
  return clip(line, max);
}

/** An id or a value from the world, letter by letter, and copied as it is. */
export function code(text: string, max = 120): string {
  return `\`${clip(oneLine(text).replaceAll('`', 'ˋ'), max) || ' '}\``;
}

/** Text where Slack formats nothing (headers, labels): only its length matters. */
export function bare(text: string, max: number): string {
  const line = oneLine(text);
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}

/** A moment in the reader's own time zone. */
export function moment(at: Iso): string {
  return `<!date^${Math.floor(Date.parse(at) / 1000)}^{date_short_pretty} {time_secs}|${at}>`;
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Slack escapes three characters of what people type. */
export function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** A few names: each short, the first eight of them. */
export function names(list: readonly string[], joint: string): string {
  const shown = list
    .slice(0, namesMax)
    .map((each) => prose(each, 60))
    .join(joint);
  return list.length > namesMax ? `${shown} and ${list.length - namesMax} more` : shown;
}

const namesMax = 8;

/** As many lines as fit; for those that do not, one line that counts them and says where they are. */
export function bounded(
  lines: string[],
  most: { lines: number; characters: number },
  rest: (left: number) => string,
): string {
  const kept: string[] = [];
  let size = 0;
  for (const line of lines) {
    if (kept.length === most.lines || size + line.length + 1 > most.characters) break;
    kept.push(line);
    size += line.length + 1;
  }
  const left = lines.length - kept.length;
  return [...kept, ...(left === 0 ? [] : [rest(left)])].join('\n');
}

/** Control characters and line ends would let a text leave its place; direction marks would let it read otherwise. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
}

function clip(text: string, max: number): string {
  let kept = '';
  let used = 0;
  for (const letter of text) {
    const escaped = escape(letter);
    if (kept.length + escaped.length > max) return `${kept}… (${text.length - used} more characters)`;
    kept += escaped;
    used += letter.length;
  }
  return kept;
}
