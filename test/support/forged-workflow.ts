/** A workflow of somebody else's: calls any activity on any queue with whatever it was given. */
import { ActivityFailure, ApplicationFailure, proxyActivities } from '@temporalio/workflow';

export interface ForgedCall {
  queue: string;
  activity: string;
  input: unknown;
}

export type ForgedAnswer = { result: unknown } | { code: string; message: string };

export async function forged(call: ForgedCall): Promise<ForgedAnswer> {
  const activities = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({
    taskQueue: call.queue,
    startToCloseTimeout: '20s',
    retry: { maximumAttempts: 1 },
  });
  try {
    return { result: await activities[call.activity]?.(call.input) };
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'unknown', message: cause.message };
    throw error;
  }
}
