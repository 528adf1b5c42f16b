/**
 * The figures that this project is held to, each printed with what was run for it; exits 1 when a target is missed.
 * `--short` measures fewer times, for every landing, and there a time that was missed is only told: machines are noisy.
 */
import { benchEvents } from './events.js';
import { benchHelp } from './help.js';
import { benchRecovery } from './recovery.js';

export interface Figure {
  name: string;
  /** What was run. */
  ran: string;
  value: number;
  unit: string;
  /** At most this. */
  target: number;
  /** Whether it is a time, which a busy machine makes longer; a count never changes by itself. */
  timed: boolean;
}

const short = process.argv.includes('--short');
const figures: Figure[] = [];
for (const bench of [benchHelp, benchEvents, benchRecovery]) {
  for (const figure of await bench(short)) {
    figures.push(figure);
    process.stdout.write(`${line(figure)}\n`);
  }
}
const missed = figures.filter(({ value, target }) => !(value <= target));
process.stdout.write(`${figures.length - missed.length} of ${figures.length} targets met\n`);
process.exitCode = missed.some(({ timed }) => !timed || !short) ? 1 : 0;

function line({ name, ran, value, unit, target }: Figure): string {
  return `${value <= target ? 'met   ' : 'MISSED'} ${name}: ${value.toFixed(2)} ${unit} (at most ${target}); ${ran}`;
}
