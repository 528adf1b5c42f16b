/** The gateway as the CLI sees it. The address is read anew for each request, for a restart may have moved it. */
import type { Hold } from '../core/hold.js';
import type { RunView } from '../core/run-view.js';
import type { Statement } from '../core/statement.js';
import type {
  EventsAnswer,
  Health,
  KeptLaunch,
  PlanAnswer,
  Prepared,
  PrepareRequest,
  RunAnswer,
  Said,
} from '../gateway/api.js';
import { type GatewayFile, readGatewayFile } from '../gateway/gateway-file.js';
import { workspaceAt } from '../worker/workspace.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';

export interface Gateway {
  prepare(request: PrepareRequest): Promise<Prepared>;
  say(statement: Statement): Promise<Answered>;
  runs(signal?: AbortSignal): Promise<RunView[]>;
  /** Launches that were received and that no run has begun from yet. */
  waiting(): Promise<KeptLaunch[]>;
  run(run: string): Promise<RunAnswer>;
  events(run: string, after: number, waitSeconds: number, signal?: AbortSignal): Promise<EventsAnswer>;
  plan(run: string, ask?: string): Promise<PlanAnswer>;
  holds(of?: string): Promise<Hold[]>;
  timeline(incident: string, format: 'jsonl' | 'md'): Promise<string>;
  health(): Promise<Health>;
}

/** What came of a statement; `counted` is false while it is only received and kept. */
export interface Answered extends Said {
  counted: boolean;
}

/** Beyond what the gateway itself may wait, in milliseconds. */
const answerMs = 15_000;

export function openGateway(): Gateway {
  const at = encodeURIComponent;
  return {
    prepare: async (request) => jsonOf(await post('/v1/prepare', request)),
    say: async (statement) => {
      const response = await post('/v1/say', { statement });
      return { ...(await jsonOf<Said>(response)), counted: response.status !== statusReceived };
    },
    runs: (signal) => get('/v1/runs', signal),
    waiting: () => get('/v1/waiting'),
    run: (run) => get(`/v1/runs/${at(run)}`),
    events: (run, after, wait, signal) =>
      get(`/v1/runs/${at(run)}/events?after=${after}&wait=${wait}`, signal, wait * 1000),
    plan: (run, asked) => get(`/v1/runs/${at(run)}/plan${asked === undefined ? '' : `?ask=${at(asked)}`}`),
    holds: (of) => get(`/v1/holds${of === undefined ? '' : `?of=${at(of)}`}`),
    timeline: async (incident, format) => (await ask(`/v1/timeline/${at(incident)}?format=${format}`)).text(),
    health: async () => jsonOf(await send('/v1/health')),
  };
}

/** Durably received, not yet answered by the engine. */
const statusReceived = 202;

async function get<T>(path: string, signal?: AbortSignal, waitMs = 0): Promise<T> {
  return jsonOf(await ask(path, signal === undefined ? {} : { signal }, waitMs));
}

function post(path: string, body: unknown): Promise<Response> {
  return ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
}

function jsonOf<T>(response: Response): Promise<T> {
  return response.json() as Promise<T>;
}

type Init = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> };

/** An answer that is good; a bad one as the error that the gateway says it is. */
async function ask(path: string, init: Init = {}, waitMs = 0): Promise<Response> {
  const response = await send(path, init, waitMs);
  if (response.ok) return response;
  throw await errorOf(response);
}

async function send(path: string, init: Init = {}, waitMs = 0): Promise<Response> {
  const workspace = workspaceAt();
  const file = readGatewayFile(workspace);
  if (file === undefined) throw unreachable(`No gateway has run in ${workspace.root}`);
  const timeout = AbortSignal.timeout(answerMs + waitMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  return fetch(`${file.url}${path}`, {
    ...init,
    signal,
    headers: { ...init.headers, authorization: `Bearer ${file.token}` },
  }).catch((cause: unknown) => {
    if (init.signal?.aborted === true) throw cause;
    throw unreachable(`The gateway does not answer at ${file.url}${processOf(file)}`, cause);
  });
}

/** A process that is gone explains more than a refused connection. */
function processOf({ pid }: GatewayFile): string {
  try {
    process.kill(pid, 0);
    return ` although its process ${pid} is there`;
  } catch {
    return `, and its process ${pid} is gone`;
  }
}

function unreachable(what: string, cause?: unknown): CliError {
  return new CliError(exitCodes.unreachable, 'gateway.unreachable', `${what}.`, { nextStep: 'firebreak up', cause });
}

const exitByStatus: Record<number, ExitCode> = {
  400: exitCodes.badInput,
  403: exitCodes.failed,
  404: exitCodes.badInput,
  500: exitCodes.failed,
  503: exitCodes.unreachable,
};

async function errorOf(response: Response): Promise<CliError> {
  const body = (await response.json().catch(() => undefined)) as
    | { error?: { code: string; message: string; nextStep: string } }
    | undefined;
  const { code, message, nextStep } = body?.error ?? {
    code: 'gateway.strange-answer',
    message: `What answers at ${response.url} with ${response.status} is not this gateway.`,
    nextStep: 'restart it with `firebreak up`.',
  };
  return new CliError(exitByStatus[response.status] ?? exitCodes.failed, code, message, { nextStep });
}
