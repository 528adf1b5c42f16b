/** Problems are typed, stand at places that exist, and say what to do. */
import { isError, type Problem } from '../../../compiler/problem.js';

/** The code of the first error, or undefined when there is none. Throws where a problem is not as it must be. */
export function placed(problems: Problem[], text: string): string | undefined {
  const lines = text.split('\n');
  for (const problem of problems) {
    const { line, column, code, message, nextStep } = problem;
    const width = lines[line - 1]?.length;
    const stands = width !== undefined && column >= 1 && column <= width + 1;
    const says = /^[a-z]+\.[a-z-]+$/.test(code) && /\S/.test(nextStep) && /\S/.test(message);
    // `undefined` may stand in the file itself.
    const isWhole = !message.includes('undefined') || text.includes('undefined');
    if (!stands || !says || !isWhole) throw new Error(`This problem is not as it must be: ${JSON.stringify(problem)}`);
  }
  return problems.find(isError)?.code;
}
