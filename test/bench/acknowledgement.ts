/** From what a person does to the word that it arrived, and that it counts: real processes, signed Slack requests, real Temporal. */
import { startProcesses } from '../support/processes.js';
import type { Figure } from './figure.js';
import { median } from './median.js';

/** Slack shows an error to the person after this long. */
const slackMs = 3_000;
/** Longer than that feels like nothing happened. */
const rulingMs = 1_000;

export async function benchAcknowledgement(short: boolean): Promise<Figure[]> {
  const times = short ? 10 : 40;
  const at = await startProcesses();
  try {
    const { run } = await at.launch(at.world.seeded.instances);
    await at.asking(run);
    const alice = at.world.slack.user('U0ALICE');
    const slack: number[] = [];
    const ruled: number[] = [];
    // The first ones warm up.
    for (let time = -2; time < times; time += 1) {
      const seen = await alice.slash(`status ${run}`);
      if (seen.status !== 200) throw new Error(`Slack was answered with ${seen.status} (${seen.failure})`);
      const startedMs = performance.now();
      await at.say('alice', { verb: 'note', run, reason: `note ${time}` });
      if (time < 0) continue;
      slack.push(seen.ackMs);
      ruled.push(performance.now() - startedMs);
    }
    return [
      figure('Slack command to acknowledgement', 'a signed request to its 200', slack, slackMs),
      figure('statement to ruling', 'prepared, said over the API and ruled on by the run', ruled, rulingMs),
    ];
  } finally {
    await at.stop();
  }
}

function figure(name: string, what: string, taken: number[], target: number): Figure {
  const ran = `${what}; worst of ${taken.length}, median ${median(taken).toFixed(0)} ms`;
  return { name, ran, value: Math.max(...taken), unit: 'ms', target, noisy: true };
}
