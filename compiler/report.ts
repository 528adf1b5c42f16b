/** Collects what is wrong with one file while it is compiled. */
import type { Path } from './place.js';
import type { Problem, Said } from './problem.js';
import type { Source } from './source.js';

export interface Report {
  problems: Problem[];
  /** At the value of a path; what is absent is reported at its parent. */
  value(path: Path, code: string, message: string, nextStep: string): void;
  /** At the key of a path. */
  key(path: Path, code: string, message: string, nextStep: string): void;
  /** At a character within a text value. */
  inside(path: Path, offset: number, said: Said): void;
  /** Told, and no reason to refuse the file. */
  note(path: Path, code: string, message: string, nextStep: string): void;
}

export function reportOn(source: Source): Report {
  const problems: Problem[] = [];
  return {
    problems,
    value: (path, code, message, nextStep) =>
      problems.push(source.problem({ value: path }, { code, message, nextStep })),
    key: (path, code, message, nextStep) => problems.push(source.problem({ key: path }, { code, message, nextStep })),
    inside: (path, offset, said) => problems.push(source.problem({ value: path, offset }, said)),
    note: (path, code, message, nextStep) =>
      problems.push(source.problem({ key: path }, { code, message, nextStep, level: 'note' })),
  };
}
