/** What is wrong with a file that people wrote, where exactly, and what to do about it. */
import { distance } from 'fastest-levenshtein';

export interface Problem {
  file: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units as editors count them. */
  column: number;
  /** An `error` keeps the file from being used; a `note` is only told. */
  level: 'error' | 'note';
  code: string;
  message: string;
  nextStep: string;
}

/** A problem before it has its place. */
export type Said = Pick<Problem, 'code' | 'message' | 'nextStep'> & { level?: Problem['level'] };

/** `runbooks/aws/a.yaml:12:5  unknown step field "need"; did you mean "needs"?`, as editors and terminals link it. */
export function formatProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}  ${message}`;
}

export function isError(problem: Problem): boolean {
  return problem.level === 'error';
}

/** Problems in the order in which a person reads the file, each said once. */
export function inOrder(problems: Problem[]): Problem[] {
  const once = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...once.values()].toSorted(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code),
  );
}

/** Of the names that would be valid, the one most likely meant; undefined when none is near. */
export function nearest(name: string, valid: Iterable<string>): string | undefined {
  // A third of the letters may be wrong: more, and the guess says nothing.
  const far = Math.max(2, Math.floor(name.length / 3));
  const wanted = name.toLowerCase();
  let best: { each: string; away: number } | undefined;
  for (const each of valid) {
    const limit = best?.away ?? far + 1;
    // So many letters more or less are as many that differ.
    if (Math.abs(each.length - name.length) >= limit) continue;
    const away = distance(wanted, each.toLowerCase());
    if (away < limit && away < each.length) best = { each, away };
  }
  return best?.each;
}

/** The end of a sentence about an unknown name: `; did you mean "needs"?`, or nothing. */
export function didYouMean(name: string, valid: Iterable<string>): string {
  const near = nearest(name, valid);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** What to do about an unknown name: the valid ones, as many as a line holds. */
export function oneOf(valid: Iterable<string>): string {
  const all = [...valid];
  const shown = all.slice(0, namesShownMax).join(', ');
  if (all.length === 0) return 'There is none to choose from here.';
  return all.length > namesShownMax
    ? `Use one of: ${shown} and ${all.length - namesShownMax} more.`
    : `Use one of: ${shown}.`;
}

/** More names than this are a wall of text in a terminal. */
const namesShownMax = 20;

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
