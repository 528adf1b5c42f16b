/** Where looking at a file ends: a file can be so wrong that explaining all of it would take minutes and fill screens. */
import { inOrder, isError, type Problem } from './problem.js';

/** Errors of one file; more are not corrected in one go, and many are echoes of others. */
export const problemsMax = 100;

class TooManyProblems extends Error {
  readonly problems: Problem[];

  constructor(problems: Problem[]) {
    super(`more than ${problemsMax} problems`);
    this.problems = problems;
  }
}

/** Passes on the problems of one file; at the one that is too many it ends the look that `untilTooMany` began. */
export function counting(): (problem: Problem) => Problem {
  const errors: Problem[] = [];
  return (problem) => {
    if (!isError(problem)) return problem;
    if (errors.length === problemsMax) {
      const { file, line, column, level } = problem;
      throw new TooManyProblems([
        ...errors,
        {
          file,
          line,
          column,
          level,
          code: 'file.too-many-problems',
          message: `there are more problems than these ${problemsMax}`,
          nextStep: 'Correct these first; then the rest is looked for.',
        },
      ]);
    }
    errors.push(problem);
    return problem;
  };
}

/** What the look gives, or no more than the problems that were found until there were too many. */
export function untilTooMany<T>(look: () => T): T | { problems: Problem[] } {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof TooManyProblems)) throw error;
    return { problems: inOrder(error.problems) };
  }
}
