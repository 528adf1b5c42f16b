/** What the engine's activities are given by the process that runs them. */
import type { Logger } from 'pino';
import type { Bundle, SecretRef } from '../core/installation.js';
import type { Store } from '../journal/store.js';

export interface EngineDeps {
  store: Store;
  /** This process's own copy of people, gates, inventory and runbooks, as they are now. */
  bundle: () => Promise<Bundle>;
  /** Seals evidence: 32 bytes. */
  evidenceKey: Uint8Array;
  readSecret: (ref: SecretRef) => string;
  /** What was read so far: must stand in nothing that is kept. */
  secrets: () => readonly string[];
  log: Logger;
}

export interface ExecutorDeps extends EngineDeps {
  /** The system of the inventory that this executor serves, and whose credentials it has. */
  system: string;
}
