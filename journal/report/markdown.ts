/** Text that people or systems supplied, set into Markdown so that it shows as what it is and does nothing. */

/** Characters that end a line, turn its direction, or cannot be seen. */
const invisible = /[\p{Cc}\u2028\u2029\u200b\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]+/gu;
const markup = /[\\`*_{}[\]<>|~#!$&@]/g;
/** A bare address would become a link that nobody meant. */
const addresses = /(:)(?=\/\/)|(?<=\bwww)(\.)/gi;
const listStarts = /^(\s*)([-+=]|\d{1,9}(?=[.)]))/;
/** What is safe inside backticks, in a table, too. */
const codeSafe = /^[A-Za-z0-9 .,:;/@#+=_()[\]{}"'*<>-]+$/;
const textCharsMax = 600;

/** In a cell, an item of a list or a heading; on one line whatever it held, cut where nobody would read on. */
export function plain(text: string): string {
  const line = text.replaceAll(invisible, ' ').trim();
  const shown =
    line.length > textCharsMax
      ? `${line.slice(0, textCharsMax).replace(/\p{Surrogate}$/u, '')} … (${line.length} characters)`
      : line;
  return shown
    .replaceAll(markup, String.raw`\$&`)
    .replaceAll(addresses, String.raw`\$&`)
    .replace(listStarts, (_all, blank: string, sign: string) =>
      /\d/.test(sign) ? `${blank}${sign}\u200b` : `${blank}\\${sign}`,
    );
}

/** An identifier or a value as code, where it can be; as plain text where it would break out. */
export function code(text: string): string {
  return codeSafe.test(text) && text.length <= textCharsMax ? `\`${text.trim()}\`` : plain(text);
}

/** A table with a row for each; says so where there is none. */
export function table(columns: string[], rows: string[][], none: string): string {
  if (rows.length === 0) return `${none}\n`;
  return `${[columns, columns.map(() => '---'), ...rows].map(tableRow).join('\n')}\n`;
}

function tableRow(cells: string[]): string {
  return `| ${cells.map((cell) => (cell === '' ? '–' : cell)).join(' | ')} |`;
}

/** `2026-03-01 02:03:04` in UTC; the column says so. */
export function utc(moment: string | undefined): string {
  return moment === undefined ? '' : plain(moment.replace('T', ' ').replace(/\.\d+Z$|Z$/, ''));
}
