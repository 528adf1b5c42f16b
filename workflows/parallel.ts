/** Many batches of one step, a few at once. */

/** Batches of one step under way at once. */
const batchesAtOnce = 8;

export function chunks<T>(list: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

export async function inParallel<T, R>(list: T[], work: (each: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = Array(list.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < list.length; index = next++) results[index] = await work(list[index] as T, index);
  };
  await Promise.all(Array.from({ length: Math.min(batchesAtOnce, list.length) }, lane));
  return results;
}
