/**
 * The figures that this project is held to, each printed with what was run for it; exits 1 when a target is missed.
 * `--short` measures fewer times, for every landing, and there a time fails only when it is far off (`figure.ts`): machines are
 * noisy. `--json` prints one array in the end, and the figures meanwhile on stderr. Names of benches run those alone.
 */
import { benchAcknowledgement } from './acknowledgement.js';
import { benchCompile } from './compile.js';
import { benchEvents } from './events.js';
import { type Figure, isFailure, isMet, printed } from './figure.js';
import { benchHelp } from './help.js';
import { benchAdded, benchIsolate } from './isolate.js';
import { benchJournal } from './journal.js';
import { benchRecovery } from './recovery.js';
import { benchSteps } from './steps.js';
import { benchTargets } from './targets.js';
import { benchWaiting } from './waiting.js';

const benches: Record<string, (short: boolean) => Promise<Figure[]>> = {
  help: benchHelp,
  compile: benchCompile,
  journal: benchJournal,
  events: benchEvents,
  steps: benchSteps,
  isolate: benchIsolate,
  added: benchAdded,
  targets: benchTargets,
  waiting: benchWaiting,
  acknowledgement: benchAcknowledgement,
  recovery: benchRecovery,
};

const words = process.argv.slice(2);
const short = words.includes('--short');
const json = words.includes('--json');
const named = words.filter((word) => !word.startsWith('--'));
const unknown = named.filter((name) => !(name in benches));
if (unknown.length > 0)
  throw new Error(`no bench is called ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`);

const figures: Figure[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (named.length > 0 && !named.includes(name)) continue;
  for (const figure of await bench(short)) {
    figures.push(figure);
    tell(line(figure));
  }
}
tell(`${figures.filter(isMet).length} of ${figures.length} targets met`);
if (json) process.stdout.write(`${JSON.stringify(figures.map(printed), undefined, 2)}\n`);
process.exitCode = figures.some((figure) => isFailure(figure, short)) ? 1 : 0;

function tell(text: string): void {
  (json ? process.stderr : process.stdout).write(`${text}\n`);
}

function line(figure: Figure): string {
  const { name, value, unit, against, ratio, target, ran } = { ...printed(figure), value: figure.value };
  const verdict = isFailure(figure, short) ? 'FAILED' : isMet(figure) ? 'met   ' : 'MISSED';
  const compared = figure.against === undefined ? '' : `${ratio.toFixed(2)} times ${against}; `;
  return `${verdict} ${name}: ${value.toFixed(2)} ${unit} (${compared}at most ${target}); ${ran}`;
}
