/**
 * What PostgreSQL and its driver say, in the project's words. The server's detail is left out, for it can repeat the row that
 * was written; so is the driver's error as a cause, for the same reason.
 */
import { DatabaseError } from 'pg';
import { FirebreakError } from '../../core/errors.js';

/**
 * The connection or the server is gone, so the transaction is, too: connection exceptions, server stopping or starting, a session
 * ended for idling, no connection left, and a server that has become a standby, which another connection may not reach again.
 */
const lost = /^(08...|57P0[1-5]|25P03|53300|25006)$/;
/** Another's lock, a deadlock, or a serialization failure. */
const inTheWay = /^(55P03|40P01|40001)$/;

/** Nothing was done, or the server says so; it can be done again on another connection. */
function unavailable(shown: string, why: string): FirebreakError {
  return new FirebreakError('journal.unavailable', `The journal ${shown} cannot be reached: ${why}.`, {
    nextStep: 'start the PostgreSQL server, or mend the way to it; what was under way is tried again.',
    isTerminal: false,
    target: shown,
  });
}

/** The connection was lost between asking for the commit and hearing of it. */
export function unanswered(shown: string): FirebreakError {
  return new FirebreakError(
    'journal.unanswered',
    `The journal ${shown} was lost during a commit, so it is not known whether what was written is kept.`,
    {
      nextStep: 'try again; what was kept is found by its id and is not done twice.',
      isTerminal: false,
      target: shown,
    },
  );
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof FirebreakError && error.code === 'journal.unavailable';
}

export function isUnanswered(error: unknown): boolean {
  return error instanceof FirebreakError && error.code === 'journal.unanswered';
}

/** For an error of the driver, which throws no other than the server's and the connection's. */
export function translated(error: unknown, shown: string): FirebreakError {
  if (!(error instanceof DatabaseError)) return unavailable(shown, whyOf(error));
  const { code = 'no code', message } = error;
  if (lost.test(code)) return unavailable(shown, `${message} (${code})`);
  if (inTheWay.test(code)) {
    return new FirebreakError('journal.busy', `The journal ${shown} stayed locked: ${message} (${code}).`, {
      nextStep: 'try again; if it stays so, look in pg_stat_activity for a session that holds its lock.',
      isTerminal: false,
      target: shown,
    });
  }
  return new FirebreakError('journal.refused', `The journal ${shown} refused: ${message} (${code}).`, {
    nextStep: "look at the role's password and rights, and at the space of the database, then try again.",
    isTerminal: false,
    target: shown,
  });
}

/** A host with several addresses fails with one error for each of them, and no message of its own. */
function whyOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(whyOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
