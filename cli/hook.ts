/** `hook test` and `hook sign`: what a body would launch, and a request to send by hand; both offline. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { units } from '../activities/index.js';
import { loadBundle } from '../compiler/bundle.js';
import { catalogOf } from '../compiler/catalog.js';
import { readInputs } from '../compiler/inputs.js';
import { quoted } from '../compiler/shell.js';
import { type Hook, HookReadingError, readHook } from '../core/hook.js';
import { type Bundle, runbookNamed, type SecretRef } from '../core/installation.js';
import type { Json } from '../core/json.js';
import { byHook } from '../core/people.js';
import { namesOfAlert } from '../journal/alert.js';
import { checkSecret, signatureOf } from '../worker/authenticate-hook.js';
import { readSecret } from '../worker/secrets.js';
import { CliError, exitCodes, type ExitCode } from './exit-codes.js';
import type { Call, CommonOptions } from './perform.js';
import { unknownName } from './unknown.js';
import { neededWorkspace } from './workspace.js';

export interface HookOptions extends CommonOptions {
  body: string;
}

export async function hookTest({ out, options }: Call<HookOptions>, name: string): Promise<ExitCode> {
  const { bundle, hook } = await findHook(name);
  const body = readBody(options.body, await readBytes(options.body));
  const reading = reads(hook, body, name);
  if (!reading.wanted) {
    out.answer({ hook: name, launches: false, why: 'when' }, ['`when` does not hold: it would launch nothing.']);
    return exitCodes.done;
  }
  const runbook = runbookNamed(bundle, hook.runbook)?.runbook;
  if (runbook === undefined) throw new Error(`The bundle has no ${hook.runbook} (this is a bug).`);
  const inputs = readInputs(runbook, reading.inputs, bundle.installation.targets);
  const { run, incident } = namesOfAlert(name, reading.id);
  const by = byHook(bundle.people, name)?.id;
  const document = {
    hook: name,
    launches: by !== undefined,
    by,
    runbook: runbook.name,
    id: reading.id,
    run,
    incident,
    inputs,
  };
  out.answer(document, [
    `${by ?? 'Nobody in people.yaml'} would launch ${runbook.name} version ${runbook.version}:`,
    ...Object.entries(inputs).map(
      ([input, value]) => `  ${input}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ),
    `  as ${run} in incident ${incident}, whenever the alert "${reading.id}" is sent`,
  ]);
  return by === undefined ? exitCodes.failed : exitCodes.done;
}

export async function hookSign({ out, options }: Call<HookOptions>, name: string): Promise<ExitCode> {
  const { bundle, hook, root } = await findHook(name);
  const bytes = await readBytes(options.body);
  const { host, port } = bundle.installation.gateway;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/v1/hooks/${name}`;
  const headers = headersFor(hook, bytes, root);
  const curl = [
    `curl -sS ${url}`,
    `-H 'content-type: application/json'`,
    ...headers.map((header) => `-H ${header}`),
    `--data-binary @${quoted(options.body)}`,
  ].join(' \\\n  ');
  out.answer({ hook: name, url, curl }, [curl]);
  return exitCodes.done;
}

/** Already quoted for a shell. A token is named where it lies and never printed; a signature is good for five minutes. */
function headersFor({ auth }: Hook, body: Uint8Array, root: string): string[] {
  const [ref] = auth.secrets;
  if (ref === undefined) throw new Error('A hook has a secret (this is a bug).');
  const secret = readSecret(ref, root);
  checkSecret(auth.scheme, secret);
  if (auth.scheme === 'bearer') return [`"authorization: Bearer ${shellRef(ref)}"`];
  const id = `msg_${randomBytes(12).toString('hex')}`;
  const stamp = String(Math.floor(Date.now() / 1000));
  return [
    `'webhook-id: ${id}'`,
    `'webhook-timestamp: ${stamp}'`,
    `'webhook-signature: v1,${signatureOf(secret, id, stamp, body)}'`,
  ];
}

function shellRef(ref: SecretRef): string {
  return 'env' in ref ? `$${ref.env}` : `$(cat ${quoted(ref.file)})`;
}

async function findHook(name: string): Promise<{ bundle: Bundle; hook: Hook; root: string }> {
  const workspace = neededWorkspace();
  const bundle = await loadBundle(workspace, catalogOf(units));
  const hooks = bundle.installation.hooks ?? {};
  const hook = Object.hasOwn(hooks, name) ? hooks[name] : undefined;
  if (hook !== undefined) return { bundle, hook, root: workspace.root };
  throw unknownName('hook.unknown', `firebreak.yaml has no hook "${name}"`, name, Object.keys(hooks));
}

function reads(hook: Hook, body: Json, name: string): ReturnType<typeof readHook> {
  try {
    return readHook(hook, body);
  } catch (error) {
    if (!(error instanceof HookReadingError)) throw error;
    throw new CliError(
      exitCodes.badInput,
      'hook.no-value',
      `The body gives no value for "${error.field}" of hook "${name}". ${error.message}`,
      { nextStep: 'correct the expression in firebreak.yaml, or ask for the field with has(...) first.', cause: error },
    );
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.badInput, 'file.unreadable', `${file} cannot be read: ${cause.message}.`, {
      nextStep: 'name a file with the JSON that the sender would send.',
      cause,
    });
  });
}

function readBody(file: string, bytes: Uint8Array): Json {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch (cause) {
    throw new CliError(exitCodes.badInput, 'hook.not-json', `${file} is no JSON.`, {
      nextStep: 'name a file with the JSON that the sender would send.',
      cause,
    });
  }
}
