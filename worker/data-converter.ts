/**
 * How payloads and failures look on the wire, for clients, workers and the bundler, which must agree. The codec stands there
 * without keys too: it then refuses what it cannot decrypt by the name of the key. Messages and stack traces of failures are
 * encoded as payloads, so that the codec covers them.
 */
import type { DataConverter } from '@temporalio/common';
import { payloadCodec } from './payload-codec.js';
import type { PayloadKeys } from './payload-keys.js';
import { built } from './project.js';

/** Temporal loads it by path, with `require`, in this process and into the workflow bundle. */
const failureConverterPath = built('worker', 'failure-converter.js');

export function dataConverterOf(keys: PayloadKeys): DataConverter {
  return { failureConverterPath, payloadCodecs: [payloadCodec(keys)] };
}
