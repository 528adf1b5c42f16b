/** The compiled form of `firebreak.yaml`: where things are, what must not be touched, how often to look. No secrets, only references. */
import type { Target } from './change.js';
import type { Hook } from './hook.js';
import type { Inventory } from './inventory.js';
import type { Runbook } from './runbook.js';
import type { Digest } from './json.js';
import type { People } from './people.js';

/** Where a secret is read from, at the moment it is needed: a file (0600) or a variable of the process's environment. */
export type SecretRef = { file: string } | { env: string };

export interface AwsSystem {
  kind: 'aws';
  region: string;
  /** Only for emulators; a real account has none. */
  endpoint?: string;
  /** Absent: the SDK's own chain (instance role, profile). */
  credentials?: { accessKeyId: SecretRef; secretAccessKey: SecretRef };
  /** What effects are shown on, printed with each proof. */
  shownOn: 'real' | 'emulator';
}

export interface SlackSettings {
  team: string;
  channel: string;
  botId: string;
  botUserId: string;
  botToken: SecretRef;
  signingSecret: SecretRef;
  /** Only for emulators. */
  apiUrl?: string;
}

/** `url`: postgres://USER:PASSWORD@HOST:PORT/DATABASE. */
export interface JournalSettings {
  postgres: { url: SecretRef };
}

/** `active` encrypts, all of `keys` decrypt, so that one key can take the place of another while runs go on. */
export interface PayloadEncryption {
  active: string;
  /** By id, which stands in the clear in every payload. Each is 32 bytes in base64. */
  keys: Record<string, SecretRef>;
}

export interface TemporalUse {
  /** Absent: Temporal keeps payloads as they are. */
  encryption?: PayloadEncryption;
  /** The name that workers of several releases share, so that each run stays with its release. Absent: workers have no versions. */
  deployment?: string;
}

export interface Protected {
  target: Pick<Target, 'system' | 'type' | 'id'>;
  why: string;
}

export interface Installation {
  environment: string;
  systems: Record<string, AwsSystem>;
  /** Names for things; absent: none. */
  targets?: Inventory;
  /** Those of `targets` that say so, too. */
  protected: Protected[];
  watch: { everyMs: number; settlesPerHour: number };
  /** By name; absent: none. */
  hooks?: Record<string, Hook>;
  slack?: SlackSettings;
  gateway: { host: string; port: number };
  /** Absent: the journal is a file of the workspace. */
  journal?: JournalSettings;
  temporal?: TemporalUse;
}

/** All that decisions rest on, loaded by each process for itself. `digest` is over everything else. */
export interface Bundle {
  digest: Digest;
  people: People;
  installation: Installation;
  /** By digest of the compiled runbook. */
  runbooks: Record<Digest, Runbook>;
}

/** The runbook of that name in the bundle, with its digest. */
export function runbookNamed(bundle: Bundle, name: string): { digest: Digest; runbook: Runbook } | undefined {
  for (const [digest, runbook] of Object.entries(bundle.runbooks)) {
    if (runbook.name === name) return { digest: digest as Digest, runbook };
  }
  return undefined;
}
