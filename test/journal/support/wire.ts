/** The way to a server as a test wants it: passes everything on, until it is told to lose answers or to say nothing any more. */
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Wire {
  /** The same address by way of the wire. */
  url: string;
  /** Passes the next message that holds the text on, and hangs up in the place of its answer. */
  loseAnswerTo(text: string): void;
  /** From the next message that holds the text on, nothing passes in either direction and nobody hangs up. */
  muteFrom(text: string): void;
  /** True once what was asked for has happened. */
  happened(): boolean;
  hangUp(): void;
  end(): Promise<void>;
}

export async function openWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let wanted: { text: string; what: 'lose' | 'mute' } | undefined;
  let happened = false;
  const server = createServer((near) => {
    const far = createConnection(Number(target.port), target.hostname);
    let losing = false;
    let mute = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      // A broken pipe is what the wire is for.
      from.on('error', () => undefined);
    }
    near.on('data', (chunk) => {
      if (wanted !== undefined && chunk.includes(wanted.text)) {
        losing = wanted.what === 'lose';
        mute = wanted.what === 'mute';
        wanted = undefined;
        happened ||= mute;
      }
      if (!mute) far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (losing) {
        happened = true;
        near.destroy();
      } else if (!mute) near.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    loseAnswerTo: (text) => {
      wanted = { text, what: 'lose' };
    },
    muteFrom: (text) => {
      wanted = { text, what: 'mute' };
    },
    happened: () => happened,
    hangUp,
    end: async () => {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
