/** Why a run leaves a step out without asking anybody: as its record says it, and as a verifier reads it. */

export interface Answered {
  /** Of a decision. */
  choice?: string;
  run: string;
  by: string;
}

export const leftOut = {
  notMet: 'its condition is not met',
  undecided: (decisions: string[]): string =>
    `its condition reads the choice of ${decisions.join(', ')}, which nobody made`,
  stopped: 'the run was stopped by a failure before it',
  answered: ({ choice, run, by }: Answered): string =>
    `${choice === undefined ? 'done' : `"${choice}" was chosen`} in ${run} by ${by}`,
};

const undecided = /^its condition reads the choice of .+, which nobody made$/;
const answered = /^(?:done|"(?<choice>.+)" was chosen) in (?<run>\S+) by (?<by>.+)$/;

/** Undefined for what no run says. */
export function whyLeftOut(said: string): 'condition' | 'stopped' | Answered | undefined {
  if (said === leftOut.notMet || undecided.test(said)) return 'condition';
  if (said === leftOut.stopped) return 'stopped';
  const { choice, run = '', by = '' } = answered.exec(said)?.groups ?? {};
  if (run === '') return undefined;
  return { run, by, ...(choice === undefined ? {} : { choice }) };
}
