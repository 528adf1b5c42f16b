/** What processes say about themselves: one JSON line each, fields and a constant sentence, on stderr, without secrets. */
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Json, JsonObject } from '../core/json.js';
import { redact, redactText } from '../core/redact.js';

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type Level = (typeof levels)[number];

/** How deep fields are written out; deeper than any field of ours, and an end for what refers to itself. */
const depthMax = 8;

export interface LogOptions {
  /** `worker`, `gateway`: stands in each line. */
  process: string;
  /** Secrets that this process holds; one that is added later is redacted from then on. */
  known?: ReadonlySet<string>;
  /** Default: `FIREBREAK_LOG`, else `info`. */
  level?: Level;
  /** Default: stderr, for stdout belongs to answers. */
  to?: DestinationStream;
}

/** `log.warn({ incident, step, error }, 'step failed, recovery starts')`. */
export function openLog({
  process: name,
  known = new Set(),
  level = levelFromEnvironment(),
  to = process.stderr,
}: LogOptions): Logger {
  const options = {
    base: { process: name },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { logMethod: withoutSecretFields },
  };
  // The line as a whole once more: pino's own redaction goes by paths, and a secret can stand in any text.
  return pino(options, {
    write: (line) => {
      to.write(redactText(line, [...known].flatMap(asWritten)));
    },
  });
}

function levelFromEnvironment(): Level {
  const asked = process.env['FIREBREAK_LOG'];
  return levels.find((each) => each === asked) ?? 'info';
}

function withoutSecretFields(this: Logger, args: unknown[], say: (this: Logger, ...args: unknown[]) => void): void {
  say.apply(
    this,
    args.map((arg) => (typeof arg === 'object' && arg !== null ? redact(plain(arg)) : arg)),
  );
}

/** As it is, and as it stands in a JSON text. */
function asWritten(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1)];
}

/** Fields as JSON; an error given alone becomes the field `error`. */
function plain(fields: object): JsonObject {
  const named = fields instanceof Error ? { error: fields } : fields;
  return Object.fromEntries(Object.entries(named).map(([key, value]) => [key, asJson(value, 0)]));
}

function asJson(value: unknown, depth: number): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value !== 'object') return typeof value === 'bigint' ? value.toString() : typeof value;
  if (depth === depthMax) return '...';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((each) => asJson(each, depth + 1));
  // The message, stack and cause of an error are no enumerable properties.
  const error = value instanceof Error ? { message: value.message, stack: value.stack, cause: value.cause } : {};
  return Object.fromEntries(
    Object.entries({ ...error, ...value })
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, asJson(each, depth + 1)]),
  );
}
