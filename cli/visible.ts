/** Words of other people on a terminal: what moves the cursor, hides text or turns it round must not make a screen say something else. */

/** Control characters but line breaks and tabs, and those that are invisible or change the direction of text. */
const unseen = /(?![\n\t])[\p{Cc}\u200b\u200e\u200f\u2028\u2029\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** With a mark in the place of each character that could deceive. */
export function visible(text: string): string {
  return text.replace(unseen, '\ufffd');
}

/** The same in one line, so that nobody's reason can pass for a line of ours. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s*\n\s*/g, ' '));
}
