/**
 * A PostgreSQL server of a test's own: a real one, on a free loopback port, with its files in a temporary folder that goes with it.
 * The server refuses to run as root; then it runs as an account that owns nothing else.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from '../../worker/ports.js';
import { tether } from '../../worker/tether.js';

export interface TestPostgres {
  /** Makes an empty database, owned by a role that may do nothing else, and gives that role's address of it. */
  database(encoding?: string): Promise<string>;
  /** Runs a statement as the superuser; in the database of the address where one is given. */
  run(sql: string, on?: string): Promise<Record<string, unknown>[]>;
  /** A connection of its own, for what a test does beside the store. */
  client(url: string): Promise<Client>;
  /** Stops the server as an administrator does, with all connections, and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** The file of the certificate that the server shows, for `localhost`; only with `tls`. */
  certificate: string | undefined;
  password: string;
  port: number;
}

type Found = { programs: string; missing?: undefined } | { programs?: undefined; missing: string };

/** Where `initdb` and `postgres` are, the newest first; else why the tests of it are skipped. */
function findPostgres(): Found {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const programs = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (programs === undefined)
    return { missing: `no initdb and postgres in ${debian}/*/bin or on the PATH (Debian: apt-get install postgresql)` };
  if (process.getuid?.() === 0 && unprivileged() === undefined)
    return { missing: 'the server refuses to run as root, and there is neither an account postgres nor nobody' };
  return { programs };
}

/** Says on the terminal why tests of PostgreSQL are skipped; true when they are not. */
export function hasPostgres(): boolean {
  const { missing } = findPostgres();
  if (missing !== undefined) process.stderr.write(`Tests on PostgreSQL are SKIPPED: ${missing}.\n`);
  return missing === undefined;
}

/** Answers within a second or so; a busy machine takes longer. */
const readyMs = 30_000;
const lookEveryMs = 50;

export async function startPostgres({ tls = false } = {}): Promise<TestPostgres> {
  const { programs, missing } = findPostgres();
  if (programs === undefined) throw new Error(missing);
  const account = process.getuid?.() === 0 ? unprivileged() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-postgres-'));
  const password = randomBytes(18).toString('base64url');
  const data = join(folder, 'data');
  const port = await freePort();
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 });
  const certificate = tls ? makeCertificate(folder) : undefined;
  if (account !== undefined)
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
      chownSync(path, account.uid, account.gid);
  const access = ['-U', 'admin', '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`];
  execFileSync(join(programs, 'initdb'), ['-D', data, ...access, '--encoding=UTF8', '--no-locale', '--no-sync'], {
    cwd: folder,
    stdio: 'pipe',
    ...account,
  });
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off', // What a test loses with the machine it does not miss.
    ...(certificate === undefined
      ? {}
      : { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: join(folder, 'server.key') }),
  };
  const log: string[] = [];
  let server: { process: ChildProcess; untie: () => void } | undefined;

  const start = async (): Promise<void> => {
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(programs, 'postgres'), ['-D', data, ...options], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...account,
    });
    child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    server = { process: child, untie: tether(child) };
    const end = Date.now() + readyMs;
    while (!(await answers(urlOf('postgres')))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`PostgreSQL did not start:\n${log.join('')}`);
      await sleep(lookEveryMs);
    }
  };
  const halt = async (): Promise<void> => {
    if (server === undefined) return;
    const { process: child, untie } = server;
    server = undefined;
    // SIGINT: every session is ended and the server stops in order.
    if (child.exitCode === null && child.kill('SIGINT')) await once(child, 'exit');
    untie();
  };
  const urlOf = (database: string, user = 'admin'): string =>
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const run: TestPostgres['run'] = async (sql, on = urlOf('postgres')) => {
    const client = await connected(urlOf(new URL(on).pathname.slice(1)));
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  await start();
  await run(`CREATE ROLE firebreak LOGIN PASSWORD '${password}'`);
  return {
    database: async (encoding = 'UTF8') => {
      const name = `d${randomBytes(6).toString('hex')}`;
      await run(`CREATE DATABASE ${name} OWNER firebreak ENCODING '${encoding}' TEMPLATE template0`);
      return urlOf(name, 'firebreak');
    },
    run,
    client: connected,
    restart: async () => {
      await halt();
      await start();
    },
    stop: async () => {
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
    certificate,
    password,
    port,
  };
}

async function answers(url: string): Promise<boolean> {
  return connected(url).then(
    async (client) => {
      await client.end();
      return true;
    },
    () => false,
  );
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // A test that ends the server's side of it is told by its next query.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** The account that the Debian package makes, else the one that every system has. */
function unprivileged(): { uid: number; gid: number } | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres:', 'nobody:'].map((name) => lines.find((each) => each.startsWith(name))).find(Boolean);
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** For `localhost`, signed by itself. */
function makeCertificate(folder: string): string {
  const [key, file] = [join(folder, 'server.key'), join(folder, 'server.crt')];
  const how = ['-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext'];
  execFileSync('openssl', ['req', '-x509', ...how, 'subjectAltName=DNS:localhost', '-keyout', key, '-out', file], {
    stdio: 'pipe',
  });
  return file;
}
