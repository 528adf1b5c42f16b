/**
 * YAML text as a JSON value in which every key and value knows its place in the file.
 * Only the plain part of YAML is taken: no anchors, aliases, tags or second documents, no keys that are not text, nothing
 * that JSON cannot hold. What a reader sees is then what is there, and nothing small unfolds into something huge.
 */
import { Composer, type CST, Parser, type YAMLError } from 'yaml';
import type { Json } from '../core/json.js';
import { type Index, indexOf, offsetOf, type Place, placesIn } from './place.js';
import type { Problem, Said } from './problem.js';
import { counting, untilTooMany } from './problems-max.js';
import { findSecrets } from './secrets.js';
import { readValue, type ReportAt } from './yaml-value.js';

/** In bytes. A runbook of this size has thousands of steps; whatever is larger is no runbook. */
export const sourceBytesMax = 256 * 1024;

/** Collections within collections. The YAML composer recurses, and deep nesting would end the process. */
const nestingMax = 32;

/** In all collections of a file together: twice the longest list that a runbook may hold. Each is composed, placed and checked. */
const entriesMax = 20_000;

export interface Source {
  file: string;
  value: Json;
  /**
   * A problem at a place of this file. A place that does not exist is its nearest existing parent. Throws at the error that is
   * one too many, for `untilTooMany`.
   */
  problem(place: Place, said: Said): Problem;
}

export interface Parsed {
  /** Undefined when the text has no readable structure. It may come along with problems. */
  source: Source | undefined;
  problems: Problem[];
}

export function parseSource(file: string, text: string): Parsed {
  return { source: undefined, ...untilTooMany(() => parse(file, text)) };
}

function parse(file: string, text: string): Parsed {
  const problems: Problem[] = [];
  const counted = counting();
  let placeOf = placesIn(text);
  const at: ReportAt = (offset, said) => {
    problems.push(counted({ file, ...placeOf(offset), level: 'error', ...said }));
  };
  const give = (source?: Source): Parsed => ({ source, problems });

  if (Buffer.byteLength(text) > sourceBytesMax) {
    at(0, {
      code: 'yaml.too-large',
      message: `this file is larger than ${sourceBytesMax / 1024} KiB`,
      nextStep: 'Split it into several files.',
    });
    return give();
  }
  if (text.startsWith('\uFEFF')) {
    at(0, {
      code: 'yaml.byte-order-mark',
      message: 'this file begins with a byte order mark, which cannot be seen',
      nextStep: 'Save it as UTF-8 without a byte order mark.',
    });
    text = text.slice(1);
    placeOf = placesIn(text);
  }

  const tokens = [...new Parser().parse(text)];
  for (const { offset, kind } of findSecrets(text)) {
    at(offset, {
      code: 'secret.literal',
      message: `${kind} is written here in the clear`,
      nextStep:
        'Take it out, replace it where it is used (it has been seen), and give a reference to where it is kept.',
    });
  }
  const over = beyondLimits(tokens);
  if (over !== undefined) {
    at(over.offset, over.said);
    return give();
  }
  const [document, second] = [
    ...new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent' }).compose(tokens),
  ];
  if (document === undefined || (document.contents === null && document.errors.length === 0)) {
    at(0, {
      code: 'yaml.empty',
      message: 'this file is empty',
      nextStep: 'Write the document, beginning with apiVersion and kind.',
    });
    return give();
  }
  if (second !== undefined) {
    at(second.range[0], {
      code: 'yaml.second-document',
      message: 'a second document begins here',
      nextStep: 'Put it into a file of its own.',
    });
  }
  if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2') {
    at(0, {
      code: 'yaml.version',
      message: 'this file asks for another version of YAML',
      nextStep: 'Remove the %YAML line.',
    });
  }
  if (document.errors.length > 0) {
    syntax(document.errors, text, at);
    return give();
  }
  const value = readValue(document.contents, at);
  let index: Index | undefined;
  const problem: Source['problem'] = (place, said) => {
    index ??= indexOf(document.contents);
    return counted({ file, ...placeOf(offsetOf(place, index, text)), level: 'error', ...said });
  };
  return give({ file, value, problem });
}

/** One problem a line: the ones that follow on the same line are echoes of the first. */
function syntax(errors: YAMLError[], text: string, at: ReportAt): void {
  const lines = new Set<number>();
  for (const error of errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const start = text.lastIndexOf('\n', error.pos[0] - 1) + 1;
    if (lines.has(start)) continue;
    lines.add(start);
    const bare = bareExpression(text, start);
    if (bare !== undefined && error.code !== 'MISSING_CHAR' && error.code !== 'TAB_AS_INDENT') {
      at(bare, {
        code: 'yaml.expression-needs-quotes',
        message: 'YAML takes a part of this expression for its own',
        nextStep: "Put the expression in quotes, '${{ ... }}', or on a line of its own below its key.",
      });
    } else if (error.code === 'TAB_AS_INDENT') {
      at(error.pos[0], { code: 'yaml.tab', message: 'a tab is used to indent', nextStep: 'Indent with spaces.' });
    } else {
      at(error.pos[0], {
        code: 'yaml.syntax',
        message: `this is not YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`,
        nextStep: 'Compare the indentation, quotes and brackets with the lines above.',
      });
    }
  }
}

/** Where on the line an expression stands without quotes around it. */
function bareExpression(text: string, lineStart: number): number | undefined {
  const lineEnd = text.indexOf('\n', lineStart);
  const line = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  const index = line.search(/(?<!["'])\$\{\{/);
  return index === -1 ? undefined : lineStart + index;
}

/** Where the file goes beyond what is composed, found without recursion. */
function beyondLimits(tokens: CST.Token[]): { offset: number; said: Said } | undefined {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  let entries = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > nestingMax) return { offset: token.offset, said: tooDeep };
    if (token.type === 'document' && token.value !== undefined) open.push({ token: token.value, depth });
    if (token.type !== 'block-map' && token.type !== 'block-seq' && token.type !== 'flow-collection') continue;
    entries += token.items.length;
    if (entries > entriesMax) return { offset: token.offset, said: tooMany };
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 });
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

const tooDeep: Said = {
  code: 'yaml.too-deep',
  message: `collections are nested more than ${nestingMax} deep`,
  nextStep: 'Close the brackets above, or flatten it.',
};

const tooMany: Said = {
  code: 'yaml.too-many-entries',
  message: `with this collection the file has more than ${entriesMax} entries`,
  nextStep: 'Shorten its lists, or split it into several files.',
};
