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

/**
 * Seconds that the thread has seen pass, not the clock: a machine that stood still has hung no case. Far beyond what a case may
 * take, so that one that is merely too slow is reported as such.
 */
const hangS = 60;

const thread = `
const { writeSync } = require('node:fs');
const { workerData: { shared, name, hangS } } = require('node:worker_threads');
const current = new Int32Array(shared);
let [nth, seconds] = [0, 0];
setInterval(() => {
  seconds = current[0] === nth && nth !== 0 ? seconds + 1 : 0;
  nth = current[0];
  if (seconds < hangS) return;
  writeSync(2, 'fuzz: HUNG in case ' + nth + ' of ' + name + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

export function watchFor(name: string): Watchdog {
  const shared = new SharedArrayBuffer(4);
  const current = new Int32Array(shared);
  const worker = new Worker(thread, { eval: true, workerData: { shared, name, hangS } });
  worker.unref();
  return {
    begin: (nth) => {
      current[0] = nth;
    },
    rest: () => {
      current[0] = 0;
    },
    end: async () => {
      await worker.terminate();
    },
  };
}
