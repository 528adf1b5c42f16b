/**
 * Tries many cases of one kind. Each ends within a second, in an answer or in a typed error; none leaves anything on a prototype,
 * and together they do not fill the memory. What was tried and how it ended is told in one line, with the seed that draws the
 * same cases again.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { FirebreakError } from '../../../core/errors.js';
import { casesOf, scaleOf } from './scale.js';
import { watchFor } from './watchdog.js';

/** In milliseconds; what takes longer is a hang. */
const caseMsMax = 1_000;
/** A case that waited while the machine was busy is quick another time; one that hangs is not. */
const triesMax = 3;
/** For the search for a smaller case once one has failed, in milliseconds. */
const shrinkMsMax = 60_000;
/** What may be left in the heap after all cases, in bytes: caches that are full, and the code that was compiled. */
const leftBytesMax = 96 * 1024 * 1024;

export interface Kind<T> {
  name: string;
  of: fc.Arbitrary<T>;
  /** What became of the case, in a word or by the code of its error. Throws when it is not as it must be. */
  run: (value: T) => string | Promise<string>;
  /** Words that some case must have come to, so that not everything is refused at the first look. */
  reaches: string[];
  cases?: number;
  /** Of cases that wait for others the time by the clock is limited; of all others the time that they compute. */
  waits?: boolean;
}

/** The error's code, or what the work gave; any error that is not typed goes on its way. */
export async function codeOf(work: () => string | Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FirebreakError)) throw error;
    expect(error.code).toMatch(/^[a-z][a-z-]*\.[a-z-]+$/);
    expect(error.nextStep).toMatch(/\S/);
    return error.code;
  }
}

export async function fuzz<T>({
  name,
  of,
  run,
  reaches,
  cases = casesOf[scaleOf()],
  waits = false,
}: Kind<T>): Promise<void> {
  const seed = fc.readConfigureGlobal().seed ?? 1;
  const watchdog = watchFor(`${name}, FIREBREAK_FUZZ_SEED=${seed}`);
  const outcomes = new Map<string, number>();
  const before = { prototypes: prototypes(), bytes: bytesLeft() };
  let tried = 0;
  let slowestMs = 0;
  let failedAt: number | undefined;

  const once = async (value: T): Promise<{ outcome: string; ms: number }> => {
    watchdog.begin(tried);
    const passed = waits ? byClock() : byProcessor();
    const outcome = await run(value);
    const ms = passed();
    watchdog.rest();
    return { outcome, ms };
  };
  const property = fc.asyncProperty(of, async (value) => {
    if (failedAt !== undefined && performance.now() - failedAt > shrinkMsMax) return;
    tried += 1;
    try {
      let { outcome, ms } = await once(value);
      for (let again = 1; ms > caseMsMax && again < triesMax; again += 1) ms = Math.min(ms, (await once(value)).ms);
      slowestMs = Math.max(slowestMs, ms);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(ms, 'milliseconds for one case').toBeLessThanOrEqual(caseMsMax);
      expect(prototypes(), 'what stands on prototypes').toBe(before.prototypes);
    } catch (error) {
      failedAt ??= performance.now();
      throw error;
    }
  });
  const details = await fc.check(property, { numRuns: cases, seed });
  await watchdog.end();
  const left = bytesLeft() - before.bytes;
  tell(
    `${name}: ${details.numRuns} cases, seed ${seed}, slowest ${Math.ceil(slowestMs)} ms, peak ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB, ${Math.round(left / 1024 / 1024)} MiB left; ${most(outcomes)}`,
  );
  if (details.failed) throw failure(name, seed, details);
  expect(details.numRuns).toBe(cases);
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(reaches));
  expect(left, 'bytes left in the heap').toBeLessThan(leftBytesMax);
}

/** Enough to see what it is; the seed draws it whole. */
const shownCharsMax = 4_000;

function failure<T>(name: string, seed: number, { counterexample, errorInstance, numRuns }: fc.RunDetails<[T]>): Error {
  const shown = JSON.stringify(counterexample?.[0]).slice(0, shownCharsMax);
  const why = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  return new Error(
    `${name} failed in case ${numRuns} of FIREBREAK_FUZZ_SEED=${seed}: ${why}\nThe smallest found: ${shown}`,
  );
}

function byClock(): () => number {
  const from = performance.now();
  return () => performance.now() - from;
}

function byProcessor(): () => number {
  const from = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1_000;
  };
}

const shared = [Object, Array, Function, String, Number, Boolean, Map, Set, Promise, Error].map((each) => [
  each,
  each.prototype as object,
]);

/** How much there is on what everything inherits from; a name more is a pollution. */
function prototypes(): number {
  return shared.flat().reduce((sum, each) => sum + Reflect.ownKeys(each).length, 0);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function bytesLeft(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function most(outcomes: Map<string, number>): string {
  const all = [...outcomes].toSorted(([, a], [, b]) => b - a);
  const shown = all.slice(0, shownMax).map(([outcome, count]) => `${count} ${outcome}`);
  return [...shown, ...(all.length > shownMax ? [`and ${all.length - shownMax} other outcomes`] : [])].join(', ');
}

const shownMax = 12;

/** A line of the suite's own account. */
export function tell(line: string): void {
  process.stdout.write(`fuzz: ${line}\n`);
}
