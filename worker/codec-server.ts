/**
 * A codec server for Temporal's UI and command line: they send payloads as Temporal keeps them and get back what these say.
 * Whoever may ask reads every input, reason and failure of every run, so it answers this machine alone, or whoever has the
 * token; of web pages it answers only those of the one UI. Decrypts only, unless told.
 */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { PayloadCodec } from '@temporalio/common';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { FirebreakError } from '../core/errors.js';
import { carriesToken } from './bearer.js';
import { isLoopback, listen, type Listening, type Place } from './listen.js';
import { readPayloads, writePayloads } from './payload-json.js';

export interface CodecServerOptions {
  codec: PayloadCodec;
  /** Encrypts as well, for inputs that somebody types into the UI. */
  encodes: boolean;
  /** Of the UI, such as http://localhost:8233. Without it no web page is answered. */
  origin?: string | undefined;
  /** Must be carried by every request; needed where others than this machine can ask. */
  token?: string | undefined;
  /** Faults of our own, for whoever runs it. */
  onFault: (error: unknown) => void;
}

/** Guessed at over a network, a shorter one would not last. */
const tokenCharactersMin = 32;
/** Temporal sends at most 4 MB in one answer, which base64 makes a third larger; the UI asks for less at a time. */
const bodyBytesMax = 8_000_000;
/** How long a browser need not ask again whether it may, in seconds. */
const preflightSeconds = 600;

export async function serveCodec(options: CodecServerOptions, place: Place): Promise<Listening> {
  const { token } = options;
  if (token === undefined && !isLoopback(place.host)) throw notLoopback(place);
  if (token !== undefined && token.length < tokenCharactersMin) throw weakToken();
  const server = createServer(getRequestListener(routes(options).fetch));
  return await listen(server, place, (why, cause) => cannotListen(place, why, cause));
}

function routes({ codec, encodes, origin, token, onFault }: CodecServerOptions): Hono {
  const app = new Hono();
  app.onError((error, context) => answerError(context, error, onFault));
  app.notFound((context) => answerError(context, unknownRoute(context), onFault));
  app.use(refuseOtherPages(origin));
  if (origin !== undefined) app.use(cors({ origin, allowMethods: ['POST'], maxAge: preflightSeconds }));
  if (token !== undefined) app.use(refuseOtherTokens(token));
  app.use(
    bodyLimit({
      maxSize: bodyBytesMax,
      onError: (context) => {
        // The rest of the body is not read, so nothing more can be asked on this connection.
        context.header('connection', 'close');
        return answerError(context, tooLarge(), onFault);
      },
    }),
  );
  app.post('/decode', async (context) =>
    context.json(writePayloads(await codec.decode(readPayloads(await readJson(context))))),
  );
  app.post('/encode', async (context) => {
    if (!encodes) throw decodesOnly();
    return context.json(writePayloads(await codec.encode(readPayloads(await readJson(context)))));
  });
  return app;
}

/**
 * Browsers name the page that asks. CORS alone only keeps other pages from reading an answer, and not even that from one whose
 * name was made to lead to this machine.
 */
function refuseOtherPages(origin: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    const asks = context.req.header('origin');
    if (asks !== undefined && asks !== origin) throw otherPage(asks);
    await next();
  };
}

function refuseOtherTokens(token: string): MiddlewareHandler {
  return async (context, next) => {
    if (!carriesToken(context.req.header('authorization'), token)) throw otherToken();
    await next();
  };
}

async function readJson(context: Context): Promise<unknown> {
  try {
    return await context.req.json();
  } catch (cause) {
    throw new FirebreakError('request.not-json', `The body of ${context.req.path} is no JSON.`, {
      nextStep: 'send one JSON document.',
      cause,
    });
  }
}

const statuses: Record<string, 403 | 404 | 413> = {
  'codec.decodes-only': 403,
  'codec.origin-refused': 403,
  'token.refused': 403,
  'route.unknown': 404,
  'request.too-large': 413,
};

function answerError(context: Context, error: unknown, onFault: (error: unknown) => void): Response {
  if (error instanceof FirebreakError) {
    const { code, message, nextStep } = error;
    return context.json({ error: { code, message, nextStep } }, statuses[code] ?? 400);
  }
  onFault(error);
  const message = 'The codec server failed at this request (this is a bug).';
  const nextStep = 'look at what it printed where it runs, and report that.';
  return context.json({ error: { code: 'codec.fault', message, nextStep } }, 500);
}

function notLoopback({ host }: Place): FirebreakError {
  return new FirebreakError('codec.not-loopback', `Whoever reaches ${host} could read every payload.`, {
    nextStep: 'listen on 127.0.0.1, or give a token that requests must carry (`--token-file`).',
  });
}

function weakToken(): FirebreakError {
  return new FirebreakError('codec.weak-token', `The token has less than ${tokenCharactersMin} characters.`, {
    nextStep: 'make one with `openssl rand -hex 32`.',
  });
}

function cannotListen({ host, port }: Place, why: string, cause: unknown): FirebreakError {
  return new FirebreakError('codec.cannot-listen', `The codec server cannot listen on ${host}:${port}: ${why}.`, {
    nextStep: 'end what listens there, or choose another place with `--listen`.',
    isTerminal: false,
    cause,
  });
}

function otherPage(origin: string): FirebreakError {
  return new FirebreakError('codec.origin-refused', `Pages of ${origin} may not ask this codec server.`, {
    nextStep: "start it with `--origin` and the UI's scheme, host and port.",
  });
}

function otherToken(): FirebreakError {
  return new FirebreakError('token.refused', 'The request does not carry the token of this codec server.', {
    nextStep: 'send `Authorization: Bearer TOKEN`; the temporal command has `--codec-auth "Bearer TOKEN"` for it.',
  });
}

function decodesOnly(): FirebreakError {
  return new FirebreakError('codec.decodes-only', 'This codec server only decodes.', {
    nextStep: 'start it with `--encode` where people are to type inputs into the UI.',
  });
}

function unknownRoute({ req: { method, path } }: Context): FirebreakError {
  return new FirebreakError('route.unknown', `The codec server has no ${method} ${path}.`, {
    nextStep: 'POST to /decode; to the UI and the temporal command give the address without a path.',
  });
}

function tooLarge(): FirebreakError {
  return new FirebreakError('request.too-large', `A request has at most ${bodyBytesMax} bytes.`, {
    nextStep: 'ask for fewer payloads at once.',
  });
}
