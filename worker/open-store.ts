/** The journal's store as `firebreak.yaml` chooses it, the same for every process of an installation. */
import type { Installation } from '../core/installation.js';
import { openPostgresStore } from '../journal/postgres-store.js';
import { secretsIn } from '../journal/postgres/address.js';
import { openSqliteStore } from '../journal/sqlite-store.js';
import type { Signer, Store } from '../journal/store.js';
import { readSecret } from './secrets.js';
import type { Workspace } from './workspace.js';

export interface StoreChoice {
  workspace: Workspace;
  installation: Installation;
  signer: Signer;
  /** What this process holds and nobody may find written down; the database's password becomes one of them. */
  known: Set<string>;
}

/** Of the workspace's file, or of the PostgreSQL database that the installation names. */
export async function openStore({ workspace, installation, signer, known }: StoreChoice): Promise<Store> {
  const secrets = (): string[] => [...known];
  if (installation.journal === undefined) return openSqliteStore({ file: workspace.journal, signer, secrets });
  const url = readSecret(installation.journal.postgres.url, workspace.root);
  for (const secret of secretsIn(url)) known.add(secret);
  return await openPostgresStore({ url, signer, secrets });
}
