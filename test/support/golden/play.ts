/** What several stories do. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestInstallation, TestOptions } from '../installation.js';

export interface Flagship {
  /** The folder that its histories are kept in. */
  name: string;
  options: TestOptions;
  /** By name, one after the other in one installation; each gives the runs to keep, by the part that they play. */
  stories: Record<string, Story>;
}

export type Story = (at: TestInstallation) => Promise<Record<string, string>>;

/** Several looks of the watch within a story. */
export const watchEvery = '2s';

/** Continues as new every few events. */
export const continuesAsNew = ['--dynamic-config-value=limit.historyCount.suggestContinueAsNew=40'];

export const reason = 'beacon to a known bad host';

/** A recording is made on busy machines, too. */
export const patienceMs = 120_000;

export async function stepAsked(at: TestInstallation, run: string, step: string): Promise<void> {
  await at.until(run, ({ tasks }) => tasks.some((task) => task.step === step), patienceMs);
}

/** Whoever asked cannot agree: the word is refused, and on the record. */
export async function refuseOwnApproval(at: TestInstallation, run: string): Promise<void> {
  const counted = await at.say('alice', { verb: 'approve', run }).then(
    () => true,
    () => false,
  );
  if (counted) throw new Error('Alice approved what she asked for herself.');
}

/** Gives the run that released; the containment is over then. */
export async function release(at: TestInstallation, run: string): Promise<string> {
  const released = await at.release(run);
  if (released.state !== 'done') throw new Error(`The release of ${run} did not end well: ${JSON.stringify(released)}`);
  const end = Date.now() + patienceMs;
  while ((await at.events(run, 'containment.ended')).length === 0) {
    if (Date.now() > end) throw new Error(`The containment of ${run} did not end.`);
    await sleep(100);
  }
  return released.run;
}
