/** What the gateway must not forget when it is killed: how far it read, its cards, what it has seen, what is to be delivered. */
import { canonical } from '../../core/canonical.js';
import type { Json } from '../../core/json.js';
import type { Card, Inbox } from '../store.js';
import type { Queries } from './database.js';

export async function cursorOf(queries: Queries, name: string): Promise<number> {
  const rows = await queries.all<{ position: number }>('SELECT position FROM cursors WHERE name = $1', name);
  return rows[0]?.position ?? 0;
}

export async function setCursor(queries: Queries, name: string, position: number): Promise<void> {
  await queries.run(
    'INSERT INTO cursors (name, position) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET position = excluded.position',
    name,
    position,
  );
}

export async function cardOf(queries: Queries, key: string): Promise<Card | undefined> {
  const row = (await queries.all<{ body: string }>('SELECT body FROM cards WHERE key = $1', key))[0];
  return row === undefined ? undefined : (JSON.parse(row.body) as Card);
}

export async function putCard(queries: Queries, card: Card): Promise<void> {
  await queries.run(
    'INSERT INTO cards (key, body) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET body = excluded.body',
    card.key,
    canonical(card),
  );
}

/** Two statements that belong together, so within a transaction. */
export async function remember(transaction: Queries, id: string, nowMs: number, keepMs: number): Promise<boolean> {
  await transaction.run('DELETE FROM remembered WHERE at_ms < $1', nowMs - keepMs);
  const added = await transaction.run(
    'INSERT INTO remembered (id, at_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    id,
    nowMs,
  );
  return added > 0;
}

export async function receive(queries: Queries, { id, receivedAt, message }: Inbox): Promise<void> {
  await queries.run(
    'INSERT INTO inbox (id, received_at, message) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    id,
    receivedAt,
    canonical(message),
  );
}

export async function waiting(queries: Queries): Promise<Inbox[]> {
  const rows = await queries.all<{ id: string; received_at: string; message: string }>(
    'SELECT id, received_at, message FROM inbox WHERE message IS NOT NULL ORDER BY number',
  );
  return rows.map((row) => ({ id: row.id, receivedAt: row.received_at, message: JSON.parse(row.message) as Json }));
}

/** The id stays, so that the same message is not delivered a second time; what was said is in the journal by now. */
export async function delivered(queries: Queries, id: string): Promise<void> {
  await queries.run('UPDATE inbox SET message = NULL WHERE id = $1', id);
}
