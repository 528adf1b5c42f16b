// The journal is where firebreak.yaml says, and what its address holds is kept out of what is written down.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileInstallation } from '../../compiler/installation.js';
import type { Installation } from '../../core/installation.js';
import { openLog } from '../../worker/log.js';
import { openStore } from '../../worker/open-store.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';
import { serviceKey } from '../journal/support/cast.js';
import { event } from '../journal/support/drafts.js';
import { hasPostgres, startPostgres } from '../support/postgres.js';

const { signer } = serviceKey('journal-1', 'journal');
let workspace: Workspace;
beforeEach(() => {
  workspace = workspaceAt(mkdtempSync(join(tmpdir(), 'firebreak-store-')));
  mkdirSync(workspace.state);
});
afterEach(() => rmSync(workspace.root, { recursive: true, force: true }));

function installationWith(journal: string): Installation {
  const text = `apiVersion: firebreak/v1\nkind: Installation\nenvironment: test\nsystems: {}\n${journal}`;
  const { installation, problems } = compileInstallation({ file: 'firebreak.yaml', text });
  expect(problems).toEqual([]);
  return installation as Installation;
}

const inPostgres = 'journal: { postgres: { url: { file: journal-url } } }\n';

function writeUrl(url: string): void {
  writeFileSync(join(workspace.root, 'journal-url'), `${url}\n`, { mode: 0o600 });
}

test('without a word about it the journal is a file of the workspace', async () => {
  const store = await openStore({ workspace, installation: installationWith(''), signer, known: new Set() });
  await store.append([event('a')]);
  expect(existsSync(workspace.journal)).toBe(true);
  await store.end();
});

describe.skipIf(!hasPostgres())('in PostgreSQL', () => {
  test('two processes that read the same setting share the journal, and the workspace has no file of it', async () => {
    const postgres = await startPostgres();
    writeUrl(await postgres.database());
    const installation = installationWith(inPostgres);
    const one = await openStore({ workspace, installation, signer, known: new Set() });
    const other = await openStore({ workspace, installation, signer, known: new Set() });
    await one.append([event('a')]);
    expect((await other.events({ chain: 'inc-1' })).map(({ id }) => id)).toEqual(['a']);
    expect(existsSync(workspace.journal)).toBe(false);
    await Promise.all([one.end(), other.end()]);
    await postgres.stop();
  });

  test('the password and the address reach neither the journal nor the log, however they are spelt', async () => {
    const postgres = await startPostgres();
    const url = new URL(await postgres.database());
    const password = 'p@ss/w:rd %41 of the journal';
    await postgres.run(`CREATE ROLE keeper LOGIN PASSWORD '${password}'`);
    await postgres.run('GRANT CREATE ON SCHEMA public TO keeper', url.href);
    Object.assign(url, { username: 'keeper', password: encodeURIComponent(password) });
    writeUrl(url.href);
    const known = new Set<string>();
    const store = await openStore({ workspace, installation: installationWith(inPostgres), signer, known });
    const says = `${password} ${encodeURIComponent(password)} ${url.password} ${url.href}`;
    await store.append([event('a', { data: { says } })]);
    const lines: string[] = [];
    openLog({ process: 'test', known, level: 'info', to: { write: (line) => void lines.push(line) } }).info(
      { says },
      'x',
    );
    for (const written of [JSON.stringify(await store.events({ chain: 'inc-1' })), lines.join('')]) {
      expect(written).toContain('[redacted]');
      for (const secret of [password, encodeURIComponent(password), url.password])
        expect(written).not.toContain(secret);
    }
    await store.end();
    await postgres.stop();
  });
});

test('an address that leads over a network in the clear is refused before anything is sent', async () => {
  writeUrl('postgres://firebreak:hunter2-hunter2@db.example.org/journal');
  await expect(
    openStore({ workspace, installation: installationWith(inPostgres), signer, known: new Set() }),
  ).rejects.toMatchObject({ code: 'journal.bad-address' });
});
