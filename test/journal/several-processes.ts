// What a journal must bear that several processes write at the same time, whatever it is made of. Run by each store's test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../journal/store.js';
import { serviceKey } from './support/cast.js';
import { expectWhole } from './support/chain-check.js';
import { compiled, type Program } from './support/child.js';

export interface SharedJournal {
  /** The file or the address by which every process opens it; nothing is there yet. */
  where: string;
  open: () => Promise<Store>;
}

export function severalProcesses(name: string, make: (folder: string) => Promise<SharedJournal>): void {
  describe(`several processes on one ${name}`, () => {
    let program: Program;
    let folder = '';
    let journal: SharedJournal;
    beforeAll(() => {
      program = compiled('test/journal/children/append-loop.ts');
    });
    afterAll(() => program.end());
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'firebreak-shared-'));
      journal = await make(folder);
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    interface Writer {
      process: ChildProcess;
      publicKey: string;
      said: () => string;
    }

    /** Tells all of them to begin, once all of them are ready. */
    async function begin(...writers: Writer[]): Promise<void> {
      for (const { said } of writers) while (!said().startsWith('r')) await sleep(2);
      for (const each of writers) each.process.stdin?.write('go');
    }

    function writer(writerName: string, count: number): Writer {
      const { privateKey, service } = serviceKey(writerName, 'journal');
      const key = join(folder, `${writerName}.pem`);
      writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
      const child = spawn(process.execPath, [program.file, journal.where, key, writerName, String(count)], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const said: string[] = [];
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
      child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
      return { process: child, publicKey: service.publicKey, said: () => said.join('') };
    }

    test('never fork a chain, also when all of them make it at once', async () => {
      const names = ['w1', 'w2', 'w3', 'w4'];
      const writers = names.map((each) => writer(each, 60));
      await begin(...writers);
      const exits = await Promise.all(
        writers.map(async (each) => [await once(each.process, 'exit').then(([code]: unknown[]) => code), each.said()]),
      );
      expect(exits).toEqual(names.map(() => [0, `r${'.'.repeat(60)}`]));
      const store = await journal.open();
      const publicKeys = Object.fromEntries(names.map((each, index) => [each, writers[index]?.publicKey ?? '']));
      expect(await expectWhole(store, 'inc-1', publicKeys)).toBe(4 * 60 * 2);
      const authors = (await store.events({ chain: 'inc-1' })).map(({ actor }) => actor);
      // They did write at the same time: the chain goes from one to another many times.
      expect(authors.filter((author, index) => index > 0 && author !== authors[index - 1]).length).toBeGreaterThan(8);
      await store.end();
    }, 120_000);

    test('killed in the middle of appending leave a whole chain, and what they had reported is in it', async () => {
      const publicKeys: Record<string, string> = {};
      let reported = 0;
      for (let round = 1; round <= 5; round += 1) {
        const one = writer(`k${round}`, 0);
        await begin(one);
        const { process: child, publicKey, said } = one;
        publicKeys[`k${round}`] = publicKey;
        while (said().length < 20 + round * 7) await sleep(2);
        child.kill('SIGKILL');
        const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
        expect(signal).toBe('SIGKILL');
        expect(said()).toMatch(/^r\.+$/);
        reported += (said().length - 1) * 2;
      }
      const store = await journal.open();
      const events = await expectWhole(store, 'inc-1', publicKeys);
      expect(events).toBeGreaterThanOrEqual(reported);
      expect(events % 2).toBe(0); // An append is there whole or not at all.
      await store.end();
    }, 120_000);
  });
}
