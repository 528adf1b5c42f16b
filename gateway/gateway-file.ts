/** `.firebreak/gateway.json`: where the gateway of a workspace listens and the token that lets in. Readable by its owner alone. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as z from 'zod';
import { FirebreakError } from '../core/errors.js';
import { replaceFile } from '../worker/atomic-file.js';
import { readPrivateFile } from '../worker/private-file.js';
import type { Workspace } from '../worker/workspace.js';

const shape = z.object({ url: z.url(), token: z.string().min(32), pid: z.int().positive() });
export type GatewayFile = z.infer<typeof shape>;

/** Undefined when no gateway has ever run in this workspace. */
export function readGatewayFile({ gateway }: Workspace): GatewayFile | undefined {
  if (!existsSync(gateway)) return undefined;
  const read = shape.safeParse(parsed(readPrivateFile(gateway).toString('utf8')));
  if (read.success) return read.data;
  throw new FirebreakError(
    'gateway.file-damaged',
    `${gateway} does not say where the gateway is: ${z.prettifyError(read.error)}`,
    {
      nextStep: `remove it and restart the gateway with \`firebreak up\`.`,
      target: gateway,
    },
  );
}

/** In one step, so that a reader never meets half a token. */
export function writeGatewayFile({ gateway }: Workspace, file: GatewayFile): void {
  replaceFile(gateway, `${JSON.stringify(file)}\n`, 0o600);
}

/** The token of earlier starts, so that a CLI that watches goes on after a restart; a new one where there is none. */
export function keptToken(workspace: Workspace): string {
  return readGatewayFile(workspace)?.token ?? randomBytes(32).toString('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The shape refuses it, with the file's name.
  }
}
