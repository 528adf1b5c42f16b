/** Every error of the API as typed JSON: which status it has, and the three fields that a caller can rely on. */
import { FirebreakError } from '../core/errors.js';
import { Refusal } from './refusal.js';

export interface ErrorBody {
  error: { code: string; message: string; nextStep: string };
}

export type ErrorStatus = 400 | 403 | 404 | 500 | 503;

/** What is asked for by name and is not there. */
const notFound = new Set([
  'gate.unknown',
  'incident.unknown',
  'plan.missing',
  'route.unknown',
  'run.unknown',
  'runbook.unknown',
  'step.unknown',
]);

/** An error whose cause may pass by itself is a 503: the same request may be made again. */
export function statusOf(error: unknown): ErrorStatus {
  if (!(error instanceof FirebreakError)) return 500;
  if (error instanceof Refusal || error.code === 'token.refused') return 403;
  if (notFound.has(error.code)) return 404;
  return error.isTerminal ? 400 : 503;
}

/** What an unexpected error says stays in the log: it may hold anything. */
export function bodyOf(error: unknown): ErrorBody {
  if (error instanceof FirebreakError) {
    const { code, message, nextStep } = error;
    return { error: { code, message, nextStep } };
  }
  return {
    error: {
      code: 'gateway.fault',
      message: 'The gateway failed at this request (this is a bug).',
      nextStep: "look at the gateway's log, and report what it says.",
    },
  };
}
