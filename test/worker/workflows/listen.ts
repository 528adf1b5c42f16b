/** Hears words until it has as many as it wants; each passes through an activity too. Only for tests of the ground. */
import {
  ApplicationFailure,
  condition,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';

export const wordUpdate = defineUpdate<number, [string]>('word');
export const wordSignal = defineSignal<[string]>('wordSignal');

const wordLengthMax = 100;

const { repeat } = proxyActivities<{ repeat: (word: string) => Promise<string> }>({ startToCloseTimeout: 10_000 });

export async function listen(wanted: number): Promise<string[]> {
  const heard: string[] = [];
  setHandler(wordUpdate, (word) => {
    if (word.length > wordLengthMax) throw ApplicationFailure.nonRetryable(`too long: ${word}`, 'test.too-long');
    return heard.push(word);
  });
  setHandler(wordSignal, (word) => {
    heard.push(word);
  });
  const repeated: string[] = [];
  while (repeated.length < wanted) {
    await condition(() => heard.length > repeated.length);
    repeated.push(await repeat(heard[repeated.length] ?? ''));
  }
  return repeated;
}

export async function fails(reason: string): Promise<void> {
  throw ApplicationFailure.nonRetryable(reason, 'test.failed');
}
