/**
 * Ends the process when a case keeps the event loop for so long that no timer of its own could tell: a loop without an end, or
 * a pattern that goes back and forth. It runs in a thread, and says which case it was.
 */
import { Worker } from 'node:worker_threads';

export interface Watchdog {
  begin(nth: number): void;
  rest(): void;
  end(): Promise<void>;
}

/** In milliseconds; far beyond what a case may take, so that a case that is merely too slow is reported as such. */
const hangMs = 60_000;

const thread = `
const { writeSync } = require('node:fs');
const { workerData: { shared, name, hangMs } } = require('node:worker_threads');
const [since, nth] = [new Float64Array(shared, 0, 1), new Int32Array(shared, 8, 1)];
setInterval(() => {
  if (since[0] === 0 || Date.now() - since[0] < hangMs) return;
  writeSync(2, 'fuzz: HUNG in case ' + nth[0] + ' of ' + name + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

export function watchFor(name: string): Watchdog {
  const shared = new SharedArrayBuffer(16);
  const [since, current] = [new Float64Array(shared, 0, 1), new Int32Array(shared, 8, 1)];
  const worker = new Worker(thread, { eval: true, workerData: { shared, name, hangMs } });
  worker.unref();
  return {
    begin: (nth) => {
      current[0] = nth;
      since[0] = Date.now();
    },
    rest: () => {
      since[0] = 0;
    },
    end: async () => {
      await worker.terminate();
    },
  };
}
