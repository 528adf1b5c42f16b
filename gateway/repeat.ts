/** Work that is done again and again for as long as the gateway is up. */

/** Does the work at once and then again and again, `everyMs` after each end, until ended. */
export function repeat(everyMs: number, work: () => Promise<void>): { end: () => Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running = true;
  let current = Promise.resolve();
  const turn = async (): Promise<void> => {
    await work();
    if (running) timer = setTimeout(next, everyMs);
  };
  const next = (): void => {
    current = turn();
  };
  next();
  return {
    end: async () => {
      running = false;
      clearTimeout(timer);
      await current;
    },
  };
}
