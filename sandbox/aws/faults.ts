/** Faults that the shim plays on purpose, so that tests and drills can show what happens when AWS misbehaves. */
import * as z from 'zod';

const match = {
  /** An API action, or `*` for every one. */
  action: z.string().min(1),
  /** Only the nth matching call from now, counting from 1. */
  nth: z.int().min(1).exactOptional(),
  /** From the nth matching call on: with `drop-before`, the caller is dead from there. */
  from: z.int().min(1).exactOptional(),
  /** At most so many times; without `nth`, `from` and `count`, every time. */
  count: z.int().min(1).exactOptional(),
  /** How likely each matching call is hit, drawn from `seed`, so that a run can be repeated. */
  probability: z.number().min(0).max(1).exactOptional(),
  seed: z.int().exactOptional(),
};

export const faultSchema = z.discriminatedUnion('kind', [
  /** 503 RequestLimitExceeded, as AWS throttles. */
  z.strictObject({ kind: z.literal('throttle'), ...match }),
  /** An error that is AWS's own fault: 500 InternalError unless said otherwise. */
  z.strictObject({
    kind: z.literal('error'),
    status: z.int().min(400).max(599).default(500),
    code: z.string().default('InternalError'),
    message: z.string().default('An internal error has occurred'),
    ...match,
  }),
  /** Answers late. */
  z.strictObject({ kind: z.literal('latency'), ms: z.int().min(0), ...match }),
  /** The connection dies before anything happened. */
  z.strictObject({ kind: z.literal('drop-before'), ...match }),
  /** It happened, and then the connection died: the caller cannot know. What crash safety is shown with. */
  z.strictObject({ kind: z.literal('drop-after'), ...match }),
  /** Something else answers in place of AWS: a captive portal, a proxy's error page, half a document. */
  z.strictObject({
    kind: z.literal('answer'),
    status: z.int().default(200),
    contentType: z.string().default('text/xml'),
    body: z.string(),
    ...match,
  }),
  /** The true answer with texts replaced: what the emulator cannot be made to say, such as a snapshot that failed. */
  z.strictObject({ kind: z.literal('rewrite'), replace: z.array(z.tuple([z.string(), z.string()])).min(1), ...match }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

interface Armed {
  fault: Fault;
  matched: number;
  hits: number;
  draw: () => number;
}

export interface Faults {
  /** From now on; returns how to take it away again. */
  add(fault: FaultInput): () => void;
  clear(): void;
  list(): { fault: Fault; hits: number }[];
  /** Which faults this call meets, in the order in which they were added. */
  meet(action: string): Fault[];
}

export function openFaults(): Faults {
  let armed: Armed[] = [];
  return {
    add: (input) => {
      const fault = faultSchema.parse(input);
      const entry: Armed = { fault, matched: 0, hits: 0, draw: drawFrom(fault.seed ?? 1) };
      armed.push(entry);
      return () => {
        armed = armed.filter((each) => each !== entry);
      };
    },
    clear: () => {
      armed = [];
    },
    list: () => armed.map(({ fault, hits }) => ({ fault, hits })),
    meet: (action) => armed.filter((each) => isHit(each, action)).map(({ fault }) => fault),
  };
}

function isHit(armed: Armed, action: string): boolean {
  const { fault } = armed;
  if (fault.action !== '*' && fault.action !== action) return false;
  armed.matched += 1;
  if (fault.nth !== undefined && armed.matched !== fault.nth) return false;
  if (fault.from !== undefined && armed.matched < fault.from) return false;
  if (fault.count !== undefined && armed.hits >= fault.count) return false;
  if (fault.probability !== undefined && armed.draw() >= fault.probability) return false;
  armed.hits += 1;
  return true;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function drawFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
