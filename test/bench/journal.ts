/** Fifty thousand events: chained and stored, exported, verified; each in a process of its own, with that process's peak of memory. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, stopChild } from './child.js';
import type { Figure } from './figure.js';

const jobs = [
  { job: 'append', name: 'events chained and stored', seconds: 10 },
  { job: 'export', name: 'events exported', seconds: 2 },
  { job: 'verify', name: 'timeline verified', seconds: 2 },
];
const mbMax = 200;

export async function benchJournal(short: boolean): Promise<Figure[]> {
  const events = short ? 10_000 : 50_000;
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-bench-'));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  try {
    const figures: Figure[] = [];
    for (const { job, name, seconds } of jobs) {
      const { child, said } = await startChild('journal', [job, folder, String(events)]);
      const { ms, mb } = said as { ms: number; mb: number };
      await stopChild(child);
      const ran = `${events} events, in a process of its own`;
      // Short, a part of the time is for a part of the events.
      const target = short ? (seconds * events) / 50_000 : seconds;
      figures.push(
        { name, ran, value: ms / 1000, unit: 's', target, noisy: true },
        { name: `${name}: memory`, ran: `${ran}, its peak`, value: mb, unit: 'MB', target: mbMax, noisy: false },
      );
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
