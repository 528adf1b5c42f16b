/**
 * How many worker processes share the work of a workspace, and how each is started. Units spend most of their time computing, on what AWS's SDK signs and
 * parses, and a process computes one thing at a time; where one dies, the other goes on at once.
 */
import { availableParallelism } from 'node:os';
import { FirebreakError } from '../core/errors.js';
import { built } from './project.js';

/**
 * V8 sizes its heap by the machine's memory, and collects late where that is large: a run over 10,000 targets then took 570 MB of
 * a worker, and takes 400 MB with this, in the same time.
 */
const heapMbMax = 1_024;

const byDefault = 2;
const most = 8;

/** `FIREBREAK_WORKERS`; else two, or one where there is only one core. */
export function workersWanted(): number {
  const text = process.env['FIREBREAK_WORKERS'] ?? '';
  if (text === '') return Math.min(byDefault, availableParallelism());
  if (/^[1-9]$/.test(text) && Number(text) <= most) return Number(text);
  throw new FirebreakError('worker.count', `FIREBREAK_WORKERS is "${text}", which is no number of workers.`, {
    nextStep: `set it to a whole number from 1 to ${most}, or leave it out.`,
  });
}

/** What Node is given to start one. */
export function workerArguments(): string[] {
  return [`--max-old-space-size=${heapMbMax}`, built('worker', 'main.js')];
}
