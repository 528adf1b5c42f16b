/** Launch and plan: a runbook by name, its inputs read, a new run in a new or a named incident. */
import { randomBytes } from 'node:crypto';
import { shortId } from '../core/ids.js';
import { runbookNamed, type Bundle } from '../core/installation.js';
import { type Inventory, textsIn, withName } from '../core/inventory.js';
import type { Digest, Json, JsonObject } from '../core/json.js';
import { isByPerson, isFor, nameOfWork, type Runbook } from '../core/runbook.js';
import { readInputs } from '../compiler/inputs.js';
import { digestOf } from '../journal/digest.js';
import type { Store } from '../journal/store.js';
import type { LaunchAbout } from '../core/statement.js';
import { adoptLines, keepAdopted, refuseUnadoptable } from './adopting.js';
import { amendedInputs } from './amending.js';
import type { Prepare, Prepared } from './api.js';
import { equalLaunches, EqualLaunchRefusal, type EqualLaunch } from './equal-launch.js';
import { gateLine, short } from './lines.js';
import { Refusal } from './refusal.js';
import { unknownName } from './unknown.js';
import type { Preparing } from './prepare.js';

export type LaunchAsk = Extract<Prepare, { verb: 'launch' | 'plan' }>;

export async function prepareLaunch(preparing: Preparing, ask: LaunchAsk): Promise<Prepared> {
  const { bundle, store, views } = preparing;
  const { digest, runbook } = findRunbook(bundle, ask.runbook);
  if (ask.adopt !== undefined) refuseUnadoptable(runbook, ask.adopt);
  const given =
    ask.amends === undefined ? withReason(runbook, ask) : await amendedInputs(preparing, runbook, digest, ask);
  const { targets = {} } = bundle.installation;
  const inputs = readInputs(runbook, given, targets);
  const incident = ask.incident ?? shortId('inc', randomBytes(10));
  if (ask.incident !== undefined) await refuseUnknownIncident(store, ask.incident);
  const equal = await equalLaunches({ store, views }, digest, digestOf(inputs));
  const [first] = equal;
  if (first !== undefined && ask.verb === 'launch' && ask.again !== true) throw new EqualLaunchRefusal(first);
  const more = {
    ...(ask.adopt === undefined ? {} : { adopts: await keepAdopted(store, ask.adopt) }),
    ...(ask.amends === undefined ? {} : { amends: ask.amends }),
  };
  const prepared = await prepareRun(preparing, { runbook, digest, inputs, incident, more });
  return {
    ...prepared,
    shows: [
      `${ask.verb} ${runbook.name} version ${runbook.version} in ${bundle.installation.environment}: ${runbook.summary}`,
      ...inputLines(inputs, targets),
      ...(ask.amends === undefined
        ? []
        : [`adds to ${ask.amends}; what people did or decided there is not asked again in the same words`]),
      ...adoptLines(ask.adopt),
      `${prepared.run} in ${ask.incident === undefined ? 'a new incident' : 'incident'} ${incident}`,
      ...stepLines(runbook),
      ...equal.map(equalLine),
    ],
  };
}

interface NewRun {
  runbook: Runbook;
  digest: Digest;
  inputs: Json;
  incident: string;
  /** A new one, unless it was named before. */
  run?: string;
  more?: Pick<LaunchAbout, 'adopts' | 'amends'>;
}

/** What a service launches, under the names that follow from its alert. */
export interface Alert {
  runbook: string;
  inputs: Record<string, Json>;
  run: string;
  incident: string;
  nonce: string;
}

/** The same for an alert, whose run is named before: sent again, it is the same run. */
export async function prepareAlert(
  preparing: Omit<Preparing, 'nonce'>,
  { nonce, run, incident, ...ask }: Alert,
): Promise<Omit<Prepared, 'about'> & { about: LaunchAbout }> {
  const { store, views } = preparing;
  const { digest, runbook } = findRunbook(preparing.bundle, ask.runbook);
  const inputs = readInputs(runbook, ask.inputs, preparing.bundle.installation.targets);
  const [equal] = await equalLaunches({ store, views }, digest, digestOf(inputs));
  if (equal !== undefined) throw new EqualLaunchRefusal(equal);
  const prepared = await prepareRun({ ...preparing, nonce }, { runbook, digest, inputs, incident, run });
  return { ...prepared, shows: [] };
}

/** What a new run needs lies in the store before anybody signs, so that the statement alone can start it after a crash. */
export async function prepareRun(
  { store, bundle, nonce }: Preparing,
  { runbook, digest, inputs, incident, run = shortId('run', randomBytes(10)), more = {} }: NewRun,
): Promise<Omit<Prepared, 'shows' | 'about'> & { about: LaunchAbout }> {
  const inputsDigest = digestOf(inputs);
  await store.putDocument('runbook', digest, runbook as unknown as Json);
  await store.putDocument('inputs', inputsDigest, inputs);
  const { environment } = bundle.installation;
  const about = {
    kind: 'launch' as const,
    run,
    incident,
    runbook: digest,
    bundle: bundle.digest,
    inputs: inputsDigest,
    environment,
    ...more,
  };
  return { about, nonce, run, incident };
}

function findRunbook(bundle: Bundle, name: string): { digest: Digest; runbook: Runbook } {
  const found = runbookNamed(bundle, name);
  const { environment } = bundle.installation;
  if (found !== undefined && !isFor(found.runbook, environment)) {
    const only = found.runbook.environments?.join(' or ') ?? '';
    throw new Refusal(
      'runbook.other-environment',
      `${name} may be launched in ${only} alone; this installation is "${environment}".`,
      `use the workspace of ${only} (\`--workspace\`), or change \`environments\` of the runbook.`,
    );
  }
  if (found !== undefined) return found;
  const names = Object.values(bundle.runbooks).map((runbook) => runbook.name);
  throw unknownName('runbook.unknown', `No runbook is called "${name}"`, name, names);
}

/** A runbook that asks for a reason as an input gets the one that was given for the launch. */
function withReason(runbook: Runbook, { inputs, reason }: LaunchAsk): Record<string, Json> {
  const asks = runbook.inputs['reason'] !== undefined && inputs['reason'] === undefined;
  return asks && reason !== undefined ? { ...inputs, reason } : inputs;
}

async function refuseUnknownIncident(store: Store, incident: string): Promise<void> {
  if ((await store.head(incident)) !== undefined) return;
  const chains = (await store.chains()).filter((chain) => chain.startsWith('inc-'));
  throw unknownName(
    'incident.unknown',
    `The journal has no incident ${incident}`,
    incident,
    chains,
    'Leave it out to open a new one.',
  );
}

function equalLine({ run, says }: EqualLaunch): string {
  return `An equal run is open: ${run} (${says}). Look at it before you start another.`;
}

function inputLines(inputs: Json, targets: Inventory): string[] {
  return Object.entries(inputs as JsonObject).flatMap(([input, value]) => [
    `  ${input}: ${short(value)}`,
    // Ids are what is signed; names are for whoever reads them first.
    ...Object.entries(targets)
      .filter(([, { id }]) => textsIn(value).includes(id))
      .map(([name, { id, owner }]) => `    ${withName(id, { name, owner })}`),
  ]);
}

function stepLines({ steps, gates }: Runbook): string[] {
  return steps.map(({ id, phase, work, gate }) => {
    const does =
      work.kind === 'exchange' ? `exchange what was ${work.of === 'holds' ? 'held' : 'done'}` : nameOfWork(work);
    const by = isByPerson(work) ? ` (${work.who.join(', ')})` : '';
    const spec = gate === undefined ? undefined : gates[gate];
    return `  ${phase} · ${id}: ${does}${by}${spec === undefined ? '' : `, after ${gateLine(spec)} agree`}`;
  });
}
