/**
 * moto, the emulator of AWS, as a child process on a free port of loopback. What it answers wrongly is mended by the shim
 * in front of it (`shim.ts`); what is known to be wrong is listed in `gaps.ts`. It keeps everything in memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { FirebreakError } from '../../core/errors.js';
import { projectRoot } from '../../worker/project.js';
import { pythonEnvironment } from './python-environment.js';

export interface Moto {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** It is up in about a second; a busy machine may take longer. */
const startTimeoutMs = 60_000;
/** After being asked to end and before it is killed. */
const stopTimeoutMs = 3_000;
const stderrKept = 4_000;

/**
 * moto's own server, with two differences: it takes a free port itself, so that nobody can take it in between, and it ends
 * when its standard input does, that is when this process dies in whatever way.
 */
const program = `
import logging, os, sys, threading
def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
logging.getLogger('werkzeug').setLevel(logging.ERROR)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
application = DomainDispatcherApplication(create_backend_app)
server = make_server('127.0.0.1', 0, application, threaded=True, request_handler=MotoRequestHandler)
print(server.port, flush=True)
server.serve_forever()
`;

export interface MotoOptions {
  /** Told what takes long; standard error when absent. */
  progress?: (line: string) => void;
}

/** Makes the Python environment if it is not there yet, about a minute; returns its Python. */
export function prepareMoto(options: MotoOptions = {}): Promise<string> {
  return pythonEnvironment({ requirements: join(projectRoot, 'sandbox/aws/requirements.txt'), ...options });
}

/** Starts moto, prepared first if need be. */
export async function startMoto(options: MotoOptions = {}): Promise<Moto> {
  const python = await prepareMoto(options);
  const child = spawn(python, ['-c', program], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-stderrKept);
  });
  const port = await portOf(child, () => said);
  const { pid } = child;
  if (pid === undefined) throw new Error('A running moto has a process id (this is a bug).');
  return { url: `http://127.0.0.1:${port}`, pid, stop: () => stop(child) };
}

function portOf(child: ChildProcess & { stdout: NodeJS.ReadableStream }, said: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(
        new FirebreakError('sandbox.moto', `The AWS emulator did not start: ${why}. ${said().trim()}`.trim(), {
          nextStep: 'remove the cache folder (FIREBREAK_CACHE, else ~/.cache/firebreak) and start again.',
        }),
      );
    };
    const timer = setTimeout(() => fail(`it said nothing for ${startTimeoutMs / 1000} s`), startTimeoutMs);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`it ended with code ${code}`));
    child.stdout.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve(Number(String(chunk).trim()));
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
