/** What the gateway must not forget when it is killed: how far it read, its cards, what it has seen, what is to be delivered. */
import { canonical } from '../../core/canonical.js';
import type { Json } from '../../core/json.js';
import type { Card, Inbox } from '../store.js';
import type { Database } from './database.js';

export function cursorOf(database: Database, name: string): number {
  return database.all<{ position: number }>('SELECT position FROM cursors WHERE name = ?', name)[0]?.position ?? 0;
}

export function setCursor(database: Database, name: string, position: number): void {
  database.run(
    'INSERT INTO cursors (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position',
    name,
    position,
  );
}

export function cardOf(database: Database, key: string): Card | undefined {
  const row = database.all<{ body: string }>('SELECT body FROM cards WHERE key = ?', key)[0];
  return row === undefined ? undefined : (JSON.parse(row.body) as Card);
}

export function putCard(database: Database, card: Card): void {
  database.run(
    'INSERT INTO cards (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body',
    card.key,
    canonical(card),
  );
}

export function remember(database: Database, id: string, nowMs: number, keepMs: number): boolean {
  database.run('DELETE FROM remembered WHERE at_ms < ?', nowMs - keepMs);
  return database.run('INSERT OR IGNORE INTO remembered (id, at_ms) VALUES (?, ?)', id, nowMs) > 0;
}

export function receive(database: Database, { id, receivedAt, message }: Inbox): void {
  database.run(
    'INSERT OR IGNORE INTO inbox (id, received_at, message) VALUES (?, ?, ?)',
    id,
    receivedAt,
    canonical(message),
  );
}

export function waiting(database: Database): Inbox[] {
  return database
    .all<{ id: string; received_at: string; message: string }>(
      'SELECT id, received_at, message FROM inbox WHERE message IS NOT NULL ORDER BY number',
    )
    .map((row) => ({ id: row.id, receivedAt: row.received_at, message: JSON.parse(row.message) as Json }));
}

/** The id stays, so that the same message is not delivered a second time; what was said is in the journal by now. */
export function delivered(database: Database, id: string): void {
  database.run('UPDATE inbox SET message = NULL WHERE id = ?', id);
}
