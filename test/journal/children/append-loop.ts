/** A process of its own that appends to a journal: `append-loop FILE WRITER COUNT`; without end when COUNT is 0. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { signerOf } from '../../../journal/signer.js';
import { openSqliteStore } from '../../../journal/sqlite-store.js';

const [file = '', writer = '', count = '0'] = process.argv.slice(2);
const signer = signerOf({ id: writer, privateKey: createPrivateKey(readFileSync(`${file}.${writer}.pem`)) });
const store = openSqliteStore({ file, signer });
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
}
await store.end();
