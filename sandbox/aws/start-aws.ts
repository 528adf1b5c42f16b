/** AWS as the sandbox has it: moto behind the shim, nothing of it kept when it ends. */
import { type MotoOptions, startMoto } from './moto.js';
import { type Shim, startShim } from './shim.js';

export interface AwsSandbox {
  /** What a client takes as its endpoint. */
  url: string;
  shim: Shim;
  /** moto itself, past the shim; only to show what the shim puts right. */
  motoUrl: string;
  motoPid: number;
  stop(): Promise<void>;
}

export async function startAws(options: MotoOptions & { port?: number } = {}): Promise<AwsSandbox> {
  const { port, ...rest } = options;
  const moto = await startMoto(rest);
  const shim = await startShim({ upstream: moto.url, ...(port === undefined ? {} : { port }) }).catch(
    async (error: unknown) => {
      await moto.stop();
      throw error;
    },
  );
  return {
    url: shim.url,
    shim,
    motoUrl: moto.url,
    motoPid: moto.pid,
    stop: async () => {
      await shim.stop();
      await moto.stop();
    },
  };
}
