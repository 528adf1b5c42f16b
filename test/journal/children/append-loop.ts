/**
 * A process of its own that appends to a journal: `append-loop JOURNAL KEY WRITER COUNT`, where JOURNAL is a file or
 * the address of a PostgreSQL database and KEY the file of the writer's key; without end when COUNT is 0. It says `r`
 * when it is ready and opens the journal once it is told to on standard input, so that several begin at the same time.
 */
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgresStore } from '../../../journal/postgres-store.js';
import { signerOf } from '../../../journal/signer.js';
import { openSqliteStore } from '../../../journal/sqlite-store.js';

const [journal = '', key = '', writer = '', count = '0'] = process.argv.slice(2);
const signer = signerOf({ id: writer, privateKey: createPrivateKey(readFileSync(key)) });
process.stdout.write('r');
await once(process.stdin, 'data');
process.stdin.destroy();
const store = journal.startsWith('postgres://')
  ? await openPostgresStore({ url: journal, signer })
  : openSqliteStore({ file: journal, signer });
const wanted = Number(count) === 0 ? Number.POSITIVE_INFINITY : Number(count);
for (let number = 1; number <= wanted; number += 1) {
  const draft = (id: string) => ({
    chain: 'inc-1',
    id: `${writer}/${process.pid}/${id}`,
    run: 'run-1',
    occurredAt: new Date().toISOString(),
    actor: writer,
    action: 'note' as const,
    data: { filler: 'x'.repeat(number % 500) },
  });
  await store.append([draft(`${number}/a`), draft(`${number}/b`)]);
  process.stdout.write('.');
  // Others get a turn too: SQLite wakes who waits for its lock only now and then.
  await sleep(1);
}
await store.end();
