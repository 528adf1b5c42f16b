/** Where an HTTP server of ours listens, and how it ends. */
import type { Server } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import type { FirebreakError } from '../core/errors.js';

/** Port 0 takes any that is free. */
export interface Place {
  host: string;
  port: number;
}

export interface Listening {
  url: string;
  /** Ends waiting requests and closes. */
  end(): Promise<void>;
}

export async function listen(
  server: Server,
  { host, port }: Place,
  cannot: (why: string, cause: unknown) => FirebreakError,
): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    throw cannot(cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message, cause);
  });
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, end: () => close(server) };
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
