import type { Logger } from 'pino';

/** What the gateway's parts say about themselves: fields, then a constant sentence. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error'>;
