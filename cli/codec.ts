/**
 * `codec`: payloads in the clear for Temporal's UI and command line, until told to stop. With `--json` the one document says that
 * it serves.
 */
import { loadInstallation } from '../compiler/bundle.js';
import { FirebreakError } from '../core/errors.js';
import { serveCodec } from '../worker/codec-server.js';
import type { Place } from '../worker/listen.js';
import { payloadCodec } from '../worker/payload-codec.js';
import { type PayloadKeys, readPayloadKeys } from '../worker/payload-keys.js';
import { readSecret } from '../worker/secrets.js';
import { type Workspace, workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Output } from './output.js';
import type { Call, CommonOptions } from './perform.js';
import { toldToStop } from './told-to-stop.js';

export interface CodecOptions extends CommonOptions {
  listen: string;
  origin?: string;
  tokenFile?: string;
  encode?: boolean;
}

export async function codec({ options, out }: Call<CodecOptions>): Promise<ExitCode> {
  const told = toldToStop();
  const keys = await keysOf(workspaceAt(), out);
  const origin = options.origin === undefined ? undefined : readOrigin(options.origin);
  const encodes = options.encode === true;
  const server = await serveCodec(
    {
      codec: payloadCodec(keys),
      encodes,
      origin,
      token: options.tokenFile === undefined ? undefined : readSecret({ file: options.tokenFile }, process.cwd()),
      onFault: (error) => out.progress(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    },
    readPlace(options.listen),
  );
  const needsToken = options.tokenFile !== undefined;
  out.answer({ url: server.url, keys: [...keys.all.keys()], encodes, origin, needsToken }, [
    `The codec server answers at ${server.url}; it decodes ${encodes ? 'and encodes ' : ''}with the keys ${[...keys.all.keys()].join(', ')}.`,
    origin === undefined
      ? 'No web page may ask it; --origin names the UI that may.'
      : `Of web pages, those of ${origin} may ask it.`,
    needsToken
      ? 'It answers whoever carries the token.'
      : 'Everybody with an account on this machine can read through it.',
    'Ctrl-C stops it.',
  ]);
  await told;
  await server.end();
  return exitCodes.done;
}

async function keysOf({ installation: file, root }: Workspace, out: Output): Promise<PayloadKeys> {
  const installation = await loadInstallation(file);
  if (installation.temporal?.encryption === undefined) {
    throw new FirebreakError('codec.no-keys', 'firebreak.yaml names no keys, so payloads are not encrypted.', {
      nextStep: "look at them in Temporal's UI as they are, or name keys under `temporal.encryption`.",
    });
  }
  return readPayloadKeys(
    installation,
    (ref) => readSecret(ref, root),
    (error) => out.progress(error.message),
  );
}

function readPlace(text: string): Place {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host: host.replace(/[[\]]/g, ''), port: Number(port) };
  throw usage(`"${text}" is no address and port.`, 'write for instance --listen 127.0.0.1:8888.');
}

function readOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw usage(
    `"${text}" is not the origin of a web page.`,
    'write scheme, host and port, such as http://localhost:8233.',
  );
}

function usage(message: string, nextStep: string): CliError {
  return new CliError(exitCodes.badInput, 'cli.usage', message, { nextStep });
}
