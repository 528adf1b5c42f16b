/** Processes that a bench starts: what is measured must not share one with what measures it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One of `children/`, once it has said its first word, which is given too. It ends when its channel does, or by `stop`. */
export async function startChild(name: string, args: string[]): Promise<{ child: ChildProcess; said: unknown }> {
  const child = fork(fileURLToPath(new URL(`children/${name}.js`, import.meta.url)), args);
  return { child, said: await nextWord(child) };
}

/** The next message, after sending one if there is one to send; an error when the child says that or ends. */
export async function nextWord<T>(child: ChildProcess, ask?: object): Promise<T> {
  const ended = new AbortController();
  const word = once(child, 'message', { signal: ended.signal });
  const end = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`a process of the bench ended with ${String(code)}`);
  });
  try {
    if (ask !== undefined) child.send(ask);
    const [said] = (await Promise.race([word, end])) as [T | { error: string }];
    if (typeof said === 'object' && said !== null && 'error' in said) throw new Error(said.error);
    return said;
  } finally {
    ended.abort();
    await Promise.allSettled([word, end]);
  }
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  await gone;
}
