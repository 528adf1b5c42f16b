/** How long `firebreak --help` takes, start of the process included; a person who types it at night should not wait. */
import { execFileSync } from 'node:child_process';
import { built } from '../../worker/project.js';
import type { Figure } from './figure.js';

export async function benchHelp(short: boolean): Promise<Figure[]> {
  const times = short ? 5 : 15;
  const node = median(times, ['-e', '0']);
  const help = median(times, [built('cli', 'main.js'), '--help']);
  const ran = `median of ${times} starts; node -e 0 takes ${node.toFixed(0)} ms here`;
  return [{ name: 'help', ran, value: help, unit: 'ms', target: 300, noisy: true }];
}

function median(times: number, args: string[]): number {
  const taken = Array.from({ length: times }, () => {
    const startedMs = performance.now();
    execFileSync(process.execPath, args, { stdio: 'ignore' });
    return performance.now() - startedMs;
  });
  return taken.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
}
