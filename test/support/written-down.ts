// Everything that an installation has written down or shown: where a secret could have got to.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Payload, PayloadCodec } from '@temporalio/common';
import Libsql from 'libsql';
import { open } from '../../journal/evidence.js';
import type { Store } from '../../journal/store.js';
import type { SandboxState } from '../../sandbox/slack/state.js';
import { openKeys } from '../../worker/keys.js';
import type { Workspace } from '../../worker/workspace.js';
import type { Place } from './secret-search.js';

/** Every history there is, with its payloads decoded: arguments, results, failures, signals and updates alike. */
export async function histories(client: Client): Promise<Place[]> {
  const { payloadCodecs } = client.options.loadedDataConverter;
  const places: Place[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    places.push({ where: `history of ${workflowId}`, bytes: await said(history, payloadCodecs) });
  }
  return places;
}

/** All texts and bytes in an object of the protocol, payloads as they were before the codec. */
async function said(value: unknown, codecs: PayloadCodec[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const walk = async (each: unknown): Promise<void> => {
    if (typeof each === 'string') parts.push(Buffer.from(each));
    else if (each instanceof Uint8Array) parts.push(each);
    else if (isPayload(each)) parts.push(...(await decoded(each, codecs)));
    else if (Array.isArray(each)) for (const item of each) await walk(item);
    else if (typeof each === 'object' && each !== null) for (const item of Object.entries(each)) await walk(item);
    parts.push(Buffer.from('\n'));
  };
  await walk(value);
  return Buffer.concat(parts);
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && 'metadata' in value && 'data' in value;
}

async function decoded(payload: Payload, codecs: PayloadCodec[]): Promise<Uint8Array[]> {
  let payloads = [payload];
  for (const codec of codecs.toReversed()) payloads = await codec.decode(payloads);
  return payloads.flatMap(({ data }) => (data instanceof Uint8Array ? [data] : []));
}

/** Every table of a database, row by row: in the file itself a long value lies in pieces. */
export function tables(file: string): Place[] {
  const database = new Libsql(file, { readonly: true });
  try {
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    return names.map(({ name }) => {
      const rows = database.prepare(`SELECT * FROM "${name}"`).all() as Record<string, unknown>[];
      const bytes = Buffer.concat(rows.flatMap((row) => Object.values(row).flatMap(bytesOf)));
      return { where: `table ${name}`, bytes };
    });
  } finally {
    database.close();
  }
}

function bytesOf(value: unknown): Uint8Array[] {
  const end = Buffer.from('\n');
  if (typeof value === 'string') return [Buffer.from(value), end];
  if (value instanceof Uint8Array) return [value, end];
  return value instanceof ArrayBuffer ? [new Uint8Array(value), end] : [];
}

/** Evidence lies sealed; here it is opened. */
export async function evidence(store: Store, workspace: Workspace, runs: string[]): Promise<Place[]> {
  const key = openKeys(workspace).evidence;
  const places: Place[] = [];
  for (const run of runs) {
    for (const { name, sha256 } of await store.evidence({ run })) {
      const sealed = await store.sealedEvidence(sha256);
      if (sealed !== undefined) places.push({ where: `evidence ${name} of ${run}`, bytes: open(key, sealed) });
    }
  }
  return places;
}

/** Every file of a workspace, raw, but those in which its credentials are kept. */
export function files({ root, keys, gateway }: Workspace): Place[] {
  const kept = [keys, gateway, join(root, 'keys'), join(root, 'secrets')];
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !kept.some((each) => file === each || file.startsWith(`${each}/`)))
    .map((file) => ({ where: relative(root, file), bytes: readFileSync(file) }));
}

/** Every version of every message, and what only one person was shown. */
export function slackMessages({ messages, privates, views }: SandboxState): Place[] {
  return [
    ...messages.flatMap(({ ts, versions }) => versions.map((each, i) => place(`card ${ts}, version ${i}`, each))),
    ...privates.map((each) => place(`what ${each.user} was shown`, each)),
    place('views', views),
  ];
}

function place(where: string, shown: unknown): Place {
  return { where, bytes: Buffer.from(JSON.stringify(shown)) };
}
