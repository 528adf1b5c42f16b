/** How much memory a process has, and the most that it had, in MB of resident set: what the system counts against it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Peak {
  now(): Promise<number>;
  /** The most seen so far. */
  most(): number;
  stop(): void;
}

const lookEveryMs = 250;

/** Of the largest of these processes. */
export function peakOf(pids: number[]): Peak {
  let most = 0;
  const now = async (): Promise<number> => {
    const { stdout } = await run('ps', ['-o', 'rss=', '-p', pids.join()]);
    const mb = Math.max(...stdout.trim().split('\n').map(Number)) / 1024;
    most = Math.max(most, mb);
    return mb;
  };
  // A process that has ended has no memory; who asks for it is told.
  const looking = setInterval(() => void now().catch(() => undefined), lookEveryMs);
  return { now, most: () => most, stop: () => clearInterval(looking) };
}
