/**
 * How payloads and failures look on the wire: one object for clients, workers and the bundler, which must agree.
 *
 * Payloads pass through a codec that does not encrypt yet: encryption needs keys that outlive a machine, and they come
 * with the production mode. The seam is here from the first day because putting a codec in later would leave running
 * histories behind that nobody can read, and because a place that was forgotten would go unnoticed until then.
 * Failures are encoded for the same reason: their messages and stack traces are payloads from the start, so that the
 * codec will cover them too.
 */
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { built } from './project.js';

/** The place where encryption will stand; returns what it is given. */
class PassThroughCodec implements PayloadCodec {
  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads);
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(payloads);
  }
}

/** Temporal loads it by path, with `require`, in this process and into the workflow bundle. */
const failureConverterPath = built('worker', 'failure-converter.js');

export const dataConverter: DataConverter = { failureConverterPath, payloadCodecs: [new PassThroughCodec()] };
