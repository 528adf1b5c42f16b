/**
 * Slack gives three seconds. What is known by then is the answer; what is not is answered later through `response_url`,
 * and the person is told to wait for it. Nothing is ever said to be done before it is.
 */
import type { KnownBlock } from '@slack/web-api';
import { FirebreakError } from '../../core/errors.js';
import type { Log } from '../log.js';
import { within } from '../within.js';
import { code, escape } from './mrkdwn.js';

/** What one person is shown. `text` is mrkdwn, and what notifications show where there are blocks. */
export interface Answer {
  text: string;
  blocks?: KnownBlock[];
}

/** Leaves a second of Slack's three for the way and for a busy machine. */
const answerWithinMs = 2_000;

export const pending = 'This takes longer than usual. The answer follows here; until it does, do not take it as done.';

/** Always settles with something to show: a refusal word for word, or that we failed. */
export async function answerOf(work: () => Promise<Answer>, log: Log): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FirebreakError) return { text: refusalText(error) };
    log.error({ error }, 'a Slack request could not be handled');
    return {
      text: 'Firebreak failed while handling this (this is a bug), and it is not known whether it was recorded. Next: look with `firebreak status` in a terminal.',
    };
  }
}

/** The sentence as it is, and the next step, in which commands stand in backticks so that they can be copied. */
function refusalText({ message, nextStep }: FirebreakError): string {
  return `${escape(message)}\n*Next:* ${nextStep.replace(/`([^`]*)`|([^`]+)/g, (_all, command?: string, words?: string) => (command === undefined ? escape(words ?? '') : code(command, 1_500)))}`;
}

/** Acknowledges with the answer or, when it is late, with `late`, and sends the answer after it. */
export async function inTime(
  work: Promise<Answer>,
  to: { now: (answer: Answer) => Promise<void>; late: () => Promise<void>; later: (answer: Answer) => Promise<void> },
  log: Log,
): Promise<void> {
  const answer = await within(answerWithinMs, work);
  if (answer !== undefined) return to.now(answer);
  await to.late();
  try {
    await to.later(await work);
  } catch (error) {
    // What was said is kept and ruled upon all the same; the cards show it.
    log.warn({ error }, 'a late answer could not be sent to Slack');
  }
}
