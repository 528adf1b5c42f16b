/** Ports of the embedded parts: chosen once and kept, so that a part that is killed comes back where others look for it. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeFile } from './atomic-file.js';
import type { Workspace } from './workspace.js';

/** The port of that name in the workspace; a free one on loopback at first. */
export async function keptPort(workspace: Workspace, name: string): Promise<number> {
  const folder = join(workspace.state, 'ports');
  const file = join(folder, name);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    makeFile(file, String(await freePort()), 0o600);
  }
  return Number(readFileSync(file, 'utf8'));
}

/** Looks only. */
export function portIfKept(workspace: Workspace, name: string): number | undefined {
  const file = join(workspace.state, 'ports', name);
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/** Free at this moment; whoever binds it soon will find it so. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
