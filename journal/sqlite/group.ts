/**
 * Group commit: writes that are asked for in one moment share a transaction, and so one wait for the disk. None is answered before
 * all of them are durable. When one fails, all are undone, and each is done again in a transaction of its own.
 */

/** The write lock is held for no more than this many, some milliseconds, for other processes wait for it. */
const groupMax = 64;

export interface Group {
  /** Settles once it is durable. The work may be called twice, and changes nothing but the database. */
  write<T>(work: () => T): Promise<T>;
  /** Writes at once what waits. */
  flush(): void;
}

interface Waiting {
  work: () => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** `transaction` does all of a list of work, or nothing of it. */
export function groupWrites(transaction: (works: (() => unknown)[]) => unknown[]): Group {
  let waiting: Waiting[] = [];
  let soon: NodeJS.Immediate | undefined;

  function commit(group: Waiting[]): void {
    let results: unknown[];
    try {
      results = transaction(group.map(({ work }) => work));
    } catch (error) {
      if (group.length === 1) for (const { reject } of group) reject(error);
      else for (const each of group) commit([each]);
      return;
    }
    for (const [index, { resolve }] of group.entries()) resolve(results[index]);
  }

  function next(): void {
    soon = undefined;
    const group = waiting.splice(0, groupMax);
    if (waiting.length > 0) soon = setImmediate(next);
    if (group.length > 0) commit(group);
  }

  return {
    write: <T>(work: () => T) =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
        soon ??= setImmediate(next);
      }),
    flush: () => {
      const all = waiting;
      waiting = [];
      if (all.length > 0) commit(all);
    },
  };
}
