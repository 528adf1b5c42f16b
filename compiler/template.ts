/** Finds the expressions, `${{ ... }}`, in a text of a runbook. */

export type Part = { kind: 'text'; text: string } | { kind: 'expression'; cel: string; offset: number };

const opening = '${{';
const closing = '}}';

export type Template = { parts: Part[]; unclosed?: never } | { parts?: never; unclosed: number };

export function splitTemplate(text: string): Template {
  const parts: Part[] = [];
  let from = 0;
  for (let start = text.indexOf(opening); start !== -1; start = text.indexOf(opening, from)) {
    const offset = start + opening.length;
    const end = endOf(text, offset);
    if (end === undefined) return { unclosed: start };
    if (start > from) parts.push({ kind: 'text', text: text.slice(from, start) });
    parts.push({ kind: 'expression', cel: text.slice(offset, end), offset });
    from = end + closing.length;
  }
  if (from < text.length || parts.length === 0) parts.push({ kind: 'text', text: text.slice(from) });
  return { parts };
}

export function hasExpression(text: string): boolean {
  return text.includes(opening);
}

/** Where the closing braces stand that belong to the expression, not to a text or an object within it. */
function endOf(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"' || char === "'") {
      const end = endOfText(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    else if (char === '}' && text.startsWith(closing, at)) return at;
  }
  return undefined;
}

/** The last character of the CEL text that begins at `at`; raw texts (`r"..."`) have no escapes. */
function endOfText(text: string, at: number): number | undefined {
  const quote = text.charAt(at);
  const mark = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  const raw = /(^|[^A-Za-z0-9_])[bB]?[rR][bB]?$/.test(text.slice(Math.max(0, at - 4), at));
  for (let next = at + mark.length; next < text.length; next++) {
    if (text.charAt(next) === '\\' && !raw) next++;
    else if (text.startsWith(mark, next)) return next + mark.length - 1;
  }
  return undefined;
}
