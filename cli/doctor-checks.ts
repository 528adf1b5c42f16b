/** What `doctor` looks at. A check never throws for what it looks for: that is its finding. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { units } from '../activities/index.js';
import { checkBundle } from '../compiler/bundle.js';
import { catalogOf } from '../compiler/catalog.js';
import { formatProblem, isError } from '../compiler/problem.js';
import { FirebreakError } from '../core/errors.js';
import type { Bundle, SecretRef } from '../core/installation.js';
import { byHook } from '../core/people.js';
import type { HookScheme } from '../core/statement.js';
import type { Health } from '../gateway/api.js';
import { checkSecret } from '../worker/authenticate-hook.js';
import { knownTemporal, openConnection } from '../worker/connection.js';
import { readPayloadKeys } from '../worker/payload-keys.js';
import { readSecret } from '../worker/secrets.js';
import { workspaceAt, type Workspace } from '../worker/workspace.js';
import { workers } from './doctor-versions.js';
import { openGateway } from './gateway-client.js';

export interface Finding {
  ok: boolean;
  says: string;
  /** Of what is wrong; where it is `ok`, of what somebody should look at all the same. */
  nextStep?: string;
  /** Something needed cannot be reached, rather than being wrong. */
  reach?: boolean;
  /** More than a line says, for `--json`. */
  data?: object;
}

export interface Check {
  name: string;
  check: () => Promise<Finding>;
}

/** `engines` of package.json. */
const nodeLeast = [20, 19] as const;
/** For one request, in milliseconds. */
const requestMs = 5_000;

export function checks(): Check[] {
  const workspace = workspaceAt();
  const bundle = checkBundle(workspace, catalogOf(units));
  const health = openGateway().health();
  // Each check that needs it meets its failure.
  health.catch(() => undefined);
  const withBundle = (check: (of: Bundle) => Promise<Finding>) => async () => {
    const { bundle: good } = await bundle;
    return good === undefined
      ? { ok: false, says: 'not looked at: the configuration is invalid', nextStep: 'correct the configuration first.' }
      : check(good);
  };
  return [
    { name: 'node', check: () => attempt(nodeVersion) },
    { name: 'workspace', check: () => attempt(() => workspaceFiles(workspace)) },
    { name: 'keys', check: () => attempt(() => keyModes(workspace)) },
    { name: 'configuration', check: () => attempt(() => configuration(bundle)) },
    { name: 'inventory', check: withBundle((good) => Promise.resolve(inventory(good))) },
    { name: 'temporal', check: () => attempt(() => temporal(workspace)) },
    { name: 'workers', check: withBundle((good) => attempt(() => workersOf(good, workspace))) },
    { name: 'payloads', check: withBundle((good) => attempt(() => payloads(good, workspace))) },
    { name: 'gateway', check: () => attempt(async () => gateway(await health)) },
    { name: 'aws', check: withBundle((good) => attempt(() => aws(good, workspace))) },
    { name: 'hooks', check: withBundle((good) => attempt(() => hooks(good, workspace))) },
    { name: 'slack', check: withBundle((good) => attempt(() => slack(good, workspace, health))) },
  ];
}

async function attempt(check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof FirebreakError)
      return { ok: false, says: error.message, nextStep: error.nextStep, reach: !error.isTerminal };
    return {
      ok: false,
      says: error instanceof Error ? error.message : String(error),
      nextStep: 'look at what it says.',
    };
  }
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1]);
  return ok
    ? { ok, says: process.version }
    : { ok, says: `${process.version} is too old`, nextStep: `install Node ${nodeLeast.join('.')} or newer.` };
}

function workspaceFiles({ root, installation, people, runbooks }: Workspace): Finding {
  const missing = [installation, people, runbooks].filter(
    (path) => statSync(path, { throwIfNoEntry: false }) === undefined,
  );
  if (missing.length === 0) return { ok: true, says: root };
  return {
    ok: false,
    says: `${missing.join(', ')} missing`,
    nextStep: 'change to the folder that holds firebreak.yaml and people.yaml, or name it with `--workspace`.',
  };
}

/** Any bit for the group or for others. */
const notOnlyTheOwner = 0o077;

function keyModes({ keys }: Workspace): Finding {
  if (statSync(keys, { throwIfNoEntry: false }) === undefined)
    return {
      ok: false,
      says: `${keys} does not exist yet`,
      nextStep: 'make the keys with `firebreak keys`, or start with `firebreak up`.',
    };
  const files = readdirSync(keys).map((name) => join(keys, name));
  const open = [keys, ...files].filter((path) => (statSync(path).mode & notOnlyTheOwner) !== 0);
  if (open.length === 0) return { ok: true, says: `${files.length} keys, readable by their owner alone` };
  return {
    ok: false,
    says: `${open.join(', ')} can be read by others`,
    nextStep: `run \`chmod -R go= ${keys}\`, and replace the keys if others use this machine.`,
  };
}

async function configuration(checked: ReturnType<typeof checkBundle>): Promise<Finding> {
  const { bundle, problems } = await checked;
  if (bundle !== undefined)
    return { ok: true, says: `${Object.keys(bundle.runbooks).length} runbooks for ${bundle.installation.environment}` };
  const errors = problems.filter(isError);
  const [first] = errors;
  return {
    ok: false,
    says: first === undefined ? 'invalid' : `${errors.length} errors, the first: ${formatProblem(first)}`,
    nextStep: 'see all of them with `firebreak validate`.',
  };
}

/** What it runs on can be anywhere; that somebody thought of it is all that can be looked at. */
function inventory({ installation: { systems, targets = {}, protected: all } }: Bundle): Finding {
  const says = `${Object.keys(systems).length} systems, ${Object.keys(targets).length} named targets, ${all.length} protected`;
  return all.length > 0
    ? { ok: true, says }
    : {
        ok: true,
        says,
        nextStep: 'list what Firebreak itself runs on, and the way in to it, under `protected` of firebreak.yaml.',
      };
}

async function temporal(workspace: Workspace): Promise<Finding> {
  const settings = knownTemporal(workspace);
  if (settings === undefined)
    return {
      ok: false,
      reach: true,
      says: 'none is given, and none of its own has run here yet',
      nextStep: 'firebreak up, or set TEMPORAL_ADDRESS to a server that runs.',
    };
  const { address } = settings.connectionOptions;
  const connection = openConnection(settings);
  try {
    await connection.withDeadline(Date.now() + requestMs, () =>
      connection.workflowService.describeNamespace({ namespace: settings.namespace }),
    );
    return { ok: true, says: `${address}, namespace ${settings.namespace}` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      reach: true,
      says: `${address} does not answer: ${why}`,
      nextStep: 'firebreak up, or set TEMPORAL_ADDRESS to a server that runs.',
    };
  } finally {
    await connection.close();
  }
}

async function workersOf({ installation }: Bundle, workspace: Workspace): Promise<Finding> {
  const settings = knownTemporal(workspace);
  if (settings === undefined)
    return { ok: false, reach: true, says: 'not looked at: nothing says where Temporal is', nextStep: 'see temporal.' };
  return workers(installation, settings, () => openGateway().runs());
}

/** The keys are read as every process reads them, and then forgotten. */
function payloads({ installation }: Bundle, { root }: Workspace): Finding {
  const bad: FirebreakError[] = [];
  const { active, all } = readPayloadKeys(
    installation,
    (ref) => readSecret(ref, root),
    (error) => bad.push(error),
  );
  if (active === undefined) return { ok: true, says: 'not encrypted: Temporal keeps them as they are' };
  const older = all.size === 1 ? '' : `; ${all.size - 1} more can decrypt`;
  const says = `encrypted with the key "${active.id}"${older}`;
  const [first] = bad;
  return first === undefined
    ? { ok: true, says }
    : { ok: true, says: `${says}; ${bad.map(({ message }) => message).join(' ')}`, nextStep: first.nextStep };
}

function gateway({ ok, parts }: Health): Finding {
  const says = parts.map((part) => `${part.name} ${part.ok ? 'ok' : `NO (${part.says})`}`).join(', ');
  if (ok) return { ok, says };
  return { ok, reach: true, says, nextStep: 'mend what it cannot reach; its log is .firebreak/logs/gateway.log.' };
}

/** Credentials are read as the executor will, and then forgotten; the endpoint is asked for any answer at all. */
async function aws({ installation }: Bundle, { root }: Workspace): Promise<Finding> {
  const systems = Object.entries(installation.systems).filter(([, system]) => system.kind === 'aws');
  if (systems.length === 0) return { ok: true, says: 'no AWS system is configured' };
  const says: string[] = [];
  for (const [name, { region, endpoint, credentials }] of systems) {
    if (credentials !== undefined) for (const ref of Object.values<SecretRef>(credentials)) readSecret(ref, root);
    const url = endpoint ?? `https://ec2.${region}.amazonaws.com`;
    const unreachable = await whyUnreachable(url);
    if (unreachable !== undefined)
      return {
        ok: false,
        reach: true,
        says: `${name}: ${url} does not answer: ${unreachable}`,
        nextStep:
          'check the network, the endpoint in firebreak.yaml, or start the sandbox with `firebreak sandbox up`.',
      };
    says.push(`${name}: ${url}, credentials ${credentials === undefined ? "from the SDK's own chain" : 'readable'}`);
  }
  return { ok: true, says: says.join('; ') };
}

/** Of several secrets one is enough; each that cannot be used is told of all the same. */
function hooks({ installation, people }: Bundle, { root }: Workspace): Finding {
  const all = Object.entries(installation.hooks ?? {});
  if (all.length === 0) return { ok: true, says: 'none: only people launch' };
  const bad: FirebreakError[] = [];
  const shut: string[] = [];
  for (const [name, { auth }] of all) {
    const good = auth.secrets.filter((ref) => isGoodSecret(auth.scheme, ref, root, bad));
    const service = byHook(people, name);
    if (good.length === 0 || service === undefined || service.revokedAt !== undefined) shut.push(name);
  }
  const says = [
    ...all.map(([name, { runbook, auth }]) => `${name} (${auth.scheme}) launches ${runbook}`),
    ...(shut.length === 0 ? [] : [`shut: ${shut.join(', ')}`]),
    ...bad.map(({ message }) => message),
  ].join('; ');
  const [first] = bad;
  if (shut.length === 0) return { ok: true, says, ...(first === undefined ? {} : { nextStep: first.nextStep }) };
  return { ok: false, says, nextStep: first?.nextStep ?? 'see who speaks through it with `firebreak validate`.' };
}

function isGoodSecret(scheme: HookScheme, ref: SecretRef, root: string, bad: FirebreakError[]): boolean {
  try {
    checkSecret(scheme, readSecret(ref, root));
    return true;
  } catch (error) {
    if (!(error instanceof FirebreakError)) throw error;
    bad.push(error);
    return false;
  }
}

/** The gateway speaks to Slack and says how it went; here only its secrets are looked at. */
async function slack({ installation }: Bundle, { root }: Workspace, health: Promise<Health>): Promise<Finding> {
  const settings = installation.slack;
  if (settings === undefined) return { ok: true, says: 'no Slack is configured; the command line is enough' };
  readSecret(settings.botToken, root);
  readSecret(settings.signingSecret, root);
  const part = (await health).parts.find(({ name }) => name === 'slack');
  if (part === undefined)
    return {
      ok: false,
      says: 'the gateway runs without Slack',
      nextStep: 'restart the gateway, so that it reads firebreak.yaml again.',
    };
  if (part.ok) return { ok: true, says: part.says };
  return {
    ok: false,
    reach: true,
    says: part.says,
    nextStep: 'check the network, and the bot token that firebreak.yaml names; the command line works meanwhile.',
  };
}

async function whyUnreachable(url: string): Promise<string | undefined> {
  return fetch(url, { signal: AbortSignal.timeout(requestMs) }).then(
    () => undefined,
    (error: unknown) => causeOf(error),
  );
}

/** `fetch` says only "fetch failed"; what failed is its cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
