/**
 * The figures that this project is held to, each printed with what was run for it; exits 1 when a target is missed.
 * `--short` measures fewer times, for every landing, and there a time fails only when it is far off (`figure.ts`): machines are noisy.
 */
import { benchEvents } from './events.js';
import { type Figure, isFailure, isMet } from './figure.js';
import { benchHelp } from './help.js';
import { benchRecovery } from './recovery.js';

const short = process.argv.includes('--short');
const figures: Figure[] = [];
for (const bench of [benchHelp, benchEvents, benchRecovery]) {
  for (const figure of await bench(short)) {
    figures.push(figure);
    process.stdout.write(`${line(figure)}\n`);
  }
}
process.stdout.write(`${figures.filter(isMet).length} of ${figures.length} targets met\n`);
process.exitCode = figures.some((figure) => isFailure(figure, short)) ? 1 : 0;

function line(figure: Figure): string {
  const { name, ran, value, unit, target } = figure;
  const verdict = isFailure(figure, short) ? 'FAILED' : isMet(figure) ? 'met   ' : 'MISSED';
  return `${verdict} ${name}: ${value.toFixed(2)} ${unit} (at most ${target}); ${ran}`;
}
