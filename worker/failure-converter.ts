/** Puts messages and stack traces of failures into payloads, where the codec covers them. Runs inside the workflow sandbox too. */
import { DefaultFailureConverter } from '@temporalio/common';

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
