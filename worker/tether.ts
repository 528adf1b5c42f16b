/** Ties the life of a child process to ours: when we are gone, however we went, so is the child. */
import { spawn, type ChildProcess } from 'node:child_process';

/** For a child that stops in order when asked; then it is killed. */
const graceSeconds = 5;

/**
 * A shell waits for the end of our side of a pipe, which the kernel closes even after a SIGKILL, and ends the child.
 * The child need not know of it, so it works for any program. Call the answer when the child has ended by itself.
 */
export function tether(child: ChildProcess): () => void {
  const script = `read -r _; kill -TERM ${child.pid} && sleep ${graceSeconds} && kill -KILL ${child.pid}`;
  // A group of its own, so that Ctrl-C in the terminal does not take the guard away before us.
  const guard = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  return () => guard.kill('SIGKILL');
}
