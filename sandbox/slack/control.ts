/** How another process drives the sandbox's Slack: JSON over HTTP under `/_sandbox/`, on a port of its own so that it answers while Slack is "down". */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { close, type Faults, listen, readBody, type SandboxSlack } from './server.js';
import type { Seen, User } from './user.js';

type Order = Record<string, unknown>;

/**
 * `POST slash {user, text, waitMs?}` · `POST click {user, channel?, ts, action, typed?, waitMs?}`: answer `{status, failure?, ackMs, messages}`;
 * with `waitMs` they wait that long for a first message. `POST faults {down?, delayMs?, dropAnswers?}` · `POST request-url {url}` ·
 * `GET messages` · `GET privates?user=` · `GET calls`.
 */
export async function openControl(slack: SandboxSlack, port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    answer(slack, request).then(
      (body) => send(response, 200, body),
      (error: unknown) => send(response, 400, { error: error instanceof Error ? error.message : String(error) }),
    );
  });
  const taken = await listen(server, port);
  return { url: `http://127.0.0.1:${taken}/_sandbox/`, close: () => close(server) };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function answer(slack: SandboxSlack, request: IncomingMessage): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url ?? '/', slack.url);
  const order = request.method === 'POST' ? (JSON.parse((await readBody(request)) || '{}') as Order) : {};
  switch (`${request.method} ${pathname}`) {
    case 'POST /_sandbox/slash':
      return told(await user(slack, order).slash(text(order, 'text')), order);
    case 'POST /_sandbox/click': {
      const at = { channel: (order['channel'] as string | undefined) ?? slack.channel, ts: text(order, 'ts') };
      return told(
        await user(slack, order).click(at, text(order, 'action'), (order['typed'] ?? {}) as Record<string, string>),
        order,
      );
    }
    case 'POST /_sandbox/faults':
      Object.assign(slack.faults, order satisfies Partial<Record<keyof Faults, unknown>>);
      return slack.faults;
    case 'POST /_sandbox/request-url':
      slack.requestUrl = text(order, 'url');
      return {};
    case 'GET /_sandbox/messages':
      return slack.messages(searchParams.get('channel') ?? undefined);
    case 'GET /_sandbox/privates':
      return slack.state.privates.filter(
        (each) => searchParams.get('user') === null || each.user === searchParams.get('user'),
      );
    case 'GET /_sandbox/calls':
      return slack.calls;
    default:
      throw new Error(`The sandbox has no ${request.method} ${pathname}.`);
  }
}

function user(slack: SandboxSlack, order: Order): User {
  return slack.user(text(order, 'user'));
}

async function told(seen: Seen, order: Order): Promise<unknown> {
  const waitMs = Number(order['waitMs'] ?? 0);
  const first = seen.messages();
  const later = first.length === 0 && waitMs > 0 ? [await seen.next(waitMs)] : [];
  const { status, failure, ackMs } = seen;
  return { status, failure, ackMs, messages: [...first, ...later] };
}

function text(order: Order, name: string): string {
  const value = order[name];
  if (typeof value !== 'string') throw new Error(`"${name}" is missing.`);
  return value;
}
