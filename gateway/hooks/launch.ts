/**
 * From an authentic request to a launch that is kept: read by the hook's expressions, named by its alert, attested by the
 * gateway for the service of people.yaml that speaks through the hook. Whether it counts is ruled by the run, as for people.
 */
import { canonical } from '../../core/canonical.js';
import { FirebreakError } from '../../core/errors.js';
import { judgeLauncher } from '../../core/gate.js';
import { type Hook, HookReadingError, readHook } from '../../core/hook.js';
import type { Json } from '../../core/json.js';
import { byHook } from '../../core/people.js';
import { redact } from '../../core/redact.js';
import type { Statement } from '../../core/statement.js';
import { attest, findFacts } from '../../journal/proof.js';
import type { Signer } from '../../journal/store.js';
import type { Door } from '../door.js';
import { EqualLaunchRefusal } from '../equal-launch.js';
import type { Log } from '../log.js';
import { Refusal } from '../refusal.js';
import { namesOfAlert } from '../../journal/alert.js';
import type { AuthenticRequest } from '../../worker/authenticate-hook.js';

export interface Launching {
  door: Pick<Door, 'prepareAlert' | 'say' | 'view' | 'runs' | 'waiting' | 'bundle' | 'store'>;
  signer: Signer;
  log: Log;
  now: () => number;
}

export type HookAnswer =
  /** Kept: it will launch, whatever crashes. */
  | { outcome: 'accepted'; run: string; incident: string }
  /** This alert launched before, or something equal is still open. */
  | { outcome: 'launched before' | 'equal run open'; run: string; incident: string }
  /** `when` does not hold. */
  | { outcome: 'not wanted' };

/**
 * An alert is nobody's who waits: it is still good when Temporal comes back within a day. What would be changed is planned from
 * the world as it is then, and people agree to that.
 */
const launchValidMs = 24 * 60 * 60_000;
const hourMs = 60 * 60_000;
const reasonMax = 3_000;

export async function launchByHook(
  launching: Launching,
  { name, hook, request, body }: { name: string; hook: Hook; request: AuthenticRequest; body: Json },
): Promise<HookAnswer> {
  const { door } = launching;
  const { people } = await door.bundle();
  const service = byHook(people, name);
  if (service === undefined)
    throw new Refusal('hook.nobody', `No service of people.yaml speaks through the hook "${name}".`, nobodyNext);
  const reading = read(hook, body);
  if (!reading.wanted) return { outcome: 'not wanted' };
  const { id, inputs } = reading;
  const names = namesOfAlert(name, id);
  const known = await knownRun(launching, names.run);
  if (known !== undefined) return { outcome: 'launched before', ...known };
  await refuseTooMany(launching, name, hook, service.id);
  refuseSecrets(inputs);
  const ask = { runbook: hook.runbook, inputs, ...names };
  try {
    const { about } = await door.prepareAlert(ask, service.id);
    const at = launching.now();
    const { reason } = inputs;
    const { scheme, timestamp, body: digest } = request;
    const statement = attest(
      {
        version: 1,
        verb: 'launch',
        about,
        by: service.id,
        at: new Date(at).toISOString(),
        validUntil: new Date(at + launchValidMs).toISOString(),
        nonce: names.nonce,
        ...(typeof reason === 'string' ? { reason: reason.slice(0, reasonMax) } : {}),
        proof: { kind: 'hook', request: { hook: name, scheme, id, timestamp, body: digest } },
      },
      launching.signer,
    );
    refuseUnruly(statement, hook, people, at);
    await keep(launching, statement);
    return { outcome: 'accepted', run: names.run, incident: names.incident };
  } catch (error) {
    if (!(error instanceof EqualLaunchRefusal)) throw error;
    const equal = await knownRun(launching, error.run);
    if (equal === undefined) throw error;
    await recordEqual(launching, equal, { hook: name, id, body: request.body, nonce: names.nonce });
    return { outcome: 'equal run open', ...equal };
  }
}

const nobodyNext = 'add a principal with `service: { hook: ... }` to people.yaml; `firebreak validate` shows where.';

function read(hook: Hook, body: Json): ReturnType<typeof readHook> {
  try {
    return readHook(hook, body);
  } catch (error) {
    if (!(error instanceof HookReadingError)) throw error;
    throw new FirebreakError('hook.no-value', `The body gives no value for "${error.field}". ${error.message}`, {
      nextStep: 'compare it with the hook in firebreak.yaml: `firebreak hook test NAME --body FILE`.',
      cause: error,
    });
  }
}

async function knownRun({ door }: Launching, run: string): Promise<{ run: string; incident: string } | undefined> {
  // Kept before begun: what begins between the two looks is then found twice, not missed.
  const kept = (await door.waiting()).find((each) => each.run === run);
  const begun = (await door.view(run))?.view;
  const incident = begun?.incident ?? kept?.incident;
  return incident === undefined ? undefined : { run, incident };
}

/** Counted from the journal, so that a restart forgets none; a storm of alerts is one incident, and people read each card. */
async function refuseTooMany(
  { door, now }: Launching,
  name: string,
  { launchesPerHour }: Hook,
  service: string,
): Promise<void> {
  const sinceMs = now() - hourMs;
  const kept = (await door.waiting()).filter(
    ({ by, receivedAt }) => by === service && Date.parse(receivedAt) > sinceMs,
  );
  const begun = (await door.runs()).filter(
    ({ requester, launchedAt }) => requester === service && Date.parse(launchedAt) > sinceMs,
  );
  const runs = new Set([...kept, ...begun].map(({ run }) => run));
  if (runs.size < launchesPerHour) return;
  throw new FirebreakError(
    'hook.too-many',
    `The hook "${name}" launched ${runs.size} runs within the last hour, and ${launchesPerHour} are allowed.`,
    {
      nextStep: 'look at what it launched with `firebreak status`; send it again later, or have a responder launch it.',
      isTerminal: false,
    },
  );
}

/** What is written down cannot be taken back; redacted, it would not be what was launched. */
function refuseSecrets(inputs: Record<string, Json>): void {
  const words = canonical(inputs);
  if (canonical(redact(JSON.parse(words) as Json)) === words) return;
  throw new FirebreakError('hook.holds-a-secret', 'An input would hold something that looks like a secret.', {
    nextStep: 'map another field to it in firebreak.yaml; secrets are not kept.',
  });
}

/** What will not count is not kept either: its name would be taken, and the alert could not launch once that is mended. */
function refuseUnruly(
  statement: Statement,
  { runbook }: Hook,
  people: Parameters<typeof findFacts>[1],
  nowMs: number,
): void {
  const ruling = judgeLauncher(statement, findFacts(statement, people), runbook, nowMs);
  if (!ruling.counts) throw new Refusal(ruling.code, ruling.reason);
}

/** In the timeline of the run that is open: another alert said the same. Once for each alert. */
async function recordEqual(
  { door, now }: Launching,
  { run, incident }: { run: string; incident: string },
  { hook, id, body, nonce }: { hook: string; id: string; body: string; nonce: string },
): Promise<void> {
  const reason = `Alert ${id} of the hook "${hook}" asks for the same with the same inputs; no other run was started.`;
  await door.store.append([
    {
      chain: incident,
      id: `${run}/alert/${nonce}`,
      run,
      occurredAt: new Date(now()).toISOString(),
      actor: 'gateway',
      action: 'statement.refused',
      data: { verb: 'launch', code: 'launch.equal-run-open', reason, statement: body, hook },
    },
  ]);
}

/** Resolves once a crash cannot lose it; the sender does not wait for the engine. */
function keep({ door, log }: Launching, statement: Statement): Promise<void> {
  const { run } = statement.about;
  return new Promise((resolve, reject) => {
    door.say(statement, resolve).then(
      () => resolve(),
      (error: unknown) => {
        log.warn({ run, error }, 'what a hook launched was not taken up at once');
        reject(error);
      },
    );
  });
}
