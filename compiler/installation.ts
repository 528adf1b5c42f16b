/** `firebreak.yaml`: where things are, what must not be touched, how often to look. It names secrets and holds none. */
import * as z from 'zod';
import { parseDuration } from '../core/duration.js';
import type { AwsSystem, Installation, SlackSettings, TemporalUse } from '../core/installation.js';
import { apiVersion, duration, slug, toMs } from './forms.js';
import { didYouMean, inOrder, isError, oneOf, type Problem } from './problem.js';
import { untilTooMany } from './problems-max.js';
import { type Report, reportOn } from './report.js';
import { hooksForm, compileHooks } from './hook-form.js';
import { secretRef } from './secret-ref.js';
import { check } from './shape.js';
import { compileProtected, compileTargets, protectedForm, targetsForm } from './target-form.js';
import { parseSource } from './source.js';

/** Seldom enough not to load the systems, often enough that an attacker does not win by patience. */
const watchEveryDefault = '5m';
const watchEveryMsMax = 60 * 60_000;
const settlesPerHourDefault = 6;
const listenDefault = '127.0.0.1:7280';

const webAddress = z.string().regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, {
  error: 'must be an address such as http://127.0.0.1:5000, without a query or a password',
});

const awsForm = z
  .strictObject({
    kind: z.literal('aws').describe('The kind of system; `aws` is the one there is.'),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, { error: 'must be a region such as eu-west-1' })
      .describe('The region, such as eu-west-1.'),
    endpoint: webAddress.optional().describe('Only for an emulator: where it listens.'),
    credentials: z
      .strictObject({ access_key_id: secretRef, secret_access_key: secretRef })
      .meta({ title: 'credentials' })
      .optional()
      .describe("References to the executor's keys. Without them the SDK finds its own (instance role, profile)."),
    shown_on: z
      .enum(['real', 'emulator'])
      .default('real')
      .describe('What effects are shown on; printed with each proof. An emulator needs an endpoint.'),
  })
  .meta({ title: 'AWS system' });

const slackForm = z
  .strictObject({
    team: z
      .string()
      .regex(/^[TE][A-Z0-9]+$/, { error: 'must be an id of a Slack workspace, such as T0123ABCD' })
      .describe('The id of the workspace.'),
    channel: z
      .string()
      .regex(/^[CG][A-Z0-9]+$/, { error: 'must be an id of a channel, such as C0123ABCD' })
      .describe('The id of the channel for incidents.'),
    bot_id: z
      .string()
      .regex(/^B[A-Z0-9]+$/, { error: 'must be an id of a bot, such as B0123ABCD' })
      .describe("The app's bot id."),
    bot_user_id: z
      .string()
      .regex(/^[UW][A-Z0-9]+$/, { error: 'must be an id of a member, such as U0123ABCD' })
      .describe("The app's member id."),
    bot_token: secretRef,
    signing_secret: secretRef,
    api_url: webAddress.optional().describe('Only for an emulator: the address of the Web API.'),
  })
  .meta({ title: 'Slack settings' });

const keyId = z
  .string()
  .regex(/^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$/, {
    error: 'must be letters and digits, joined by dots, hyphens or underscores',
  })
  .max(63);

const encryptionForm = z
  .strictObject({
    active: keyId.describe('The id of the key that encrypts from now on, one of `keys`.'),
    keys: z
      .record(keyId, secretRef)
      .describe('References to all keys that payloads may be encrypted with, each 32 bytes in base64, by their ids.'),
  })
  .meta({ title: 'encryption' });

export const installationForm = z
  .strictObject({
    apiVersion,
    kind: z.literal('Installation').describe('Write `Installation`.'),
    environment: slug.describe('What this installation answers for, such as production; part of every launch.'),
    systems: z.record(slug, awsForm).describe('The systems that runbooks work on, by the name units have for them.'),
    targets: targetsForm
      .optional()
      .describe('Names for things, with their owners; a name can be given where a runbook asks for the id.'),
    protected: protectedForm
      .default([])
      .describe("What is never changed, whoever approves: Firebreak's own hosts, roles and database."),
    watch: z
      .strictObject({
        every: duration
          .refine((text) => (parseDuration(text) ?? 0) <= watchEveryMsMax, { error: 'must be at most 1h' })
          .default(watchEveryDefault)
          .describe('How often what is in force is looked at. Default 5m.'),
        settles_per_hour: z
          .int()
          .min(0)
          .max(60)
          .default(settlesPerHourDefault)
          .describe(
            'How often an hour what somebody flips back is put back, each side of a target by itself, before a person decides. Default 6.',
          ),
      })
      .meta({ title: 'watch' })
      .prefault({})
      .describe('Containments are looked at as long as they are in force.'),
    hooks: hooksForm
      .optional()
      .describe('By name: what services send to launch a runbook, to POST /v1/hooks/NAME of the gateway.'),
    slack: slackForm.optional().describe('The Slack app. Without it the command line is the only door.'),
    gateway: z
      .strictObject({
        listen: z.string().default(listenDefault).describe('A loopback address and port. Default 127.0.0.1:7280.'),
      })
      .meta({ title: 'gateway' })
      .prefault({})
      .describe('The one door for people.'),
    journal: z
      .strictObject({
        postgres: z
          .strictObject({ url: secretRef })
          .meta({ title: 'PostgreSQL settings' })
          .describe('A reference to the address, postgres://USER:PASSWORD@HOST:PORT/DATABASE.'),
      })
      .meta({ title: 'journal' })
      .optional()
      .describe('A PostgreSQL database that keeps the journal. Without it, a file of the workspace does.'),
    temporal: z
      .strictObject({
        encryption: encryptionForm
          .optional()
          .describe(
            'What Temporal is given to keep, encrypted: `active: ID` and `keys: { ID: { file: path } }`. Without it, Temporal keeps it as it is.',
          ),
        deployment: slug
          .optional()
          .describe(
            'The name of the worker deployment, such as firebreak. With it each run stays with the release that began it; the Temporal server must not be the embedded one.',
          ),
      })
      .meta({ title: 'Temporal settings' })
      .optional()
      .describe('How Temporal is used: whether payloads are encrypted, whether workers have versions.'),
  })
  .meta({ title: 'installation', description: 'The installation that Firebreak answers for.' });

type InstallationForm = z.output<typeof installationForm>;

export type CompiledInstallation =
  | { installation: Installation; problems: Problem[] }
  | { installation?: undefined; problems: Problem[] };

export function compileInstallation(input: { file: string; text: string }): CompiledInstallation {
  return untilTooMany(() => compileFile(input));
}

function compileFile({ file, text }: { file: string; text: string }): CompiledInstallation {
  const { source, problems } = parseSource(file, text);
  if (source === undefined) return { problems: inOrder(problems) };
  const checked = check(installationForm, source);
  const report = reportOn(source);
  const installation = checked.form === undefined ? undefined : installationOf(checked.form, report);
  const all = inOrder([...problems, ...checked.problems, ...report.problems]);
  return installation === undefined || all.some(isError) ? { problems: all } : { installation, problems: all };
}

function installationOf(form: InstallationForm, report: Report): Installation {
  checkSystems(form, report);
  checkEncryption(form, report);
  const inventory = compileTargets(form, report);
  const installation: Installation = {
    environment: form.environment,
    systems: Object.fromEntries(Object.entries(form.systems).map(([name, system]) => [name, awsOf(system)])),
    protected: compileProtected(form, inventory, report),
    watch: { everyMs: toMs(form.watch.every), settlesPerHour: form.watch.settles_per_hour },
    gateway: listenOf(form.gateway.listen, report),
  };
  if (form.targets !== undefined) installation.targets = inventory;
  if (form.hooks !== undefined) installation.hooks = compileHooks(form.hooks, report);
  if (form.slack !== undefined) installation.slack = slackOf(form.slack);
  if (form.journal !== undefined) installation.journal = form.journal;
  if (form.temporal !== undefined) installation.temporal = temporalOf(form.temporal);
  return installation;
}

/** A proof says what it was shown on; an emulator that calls itself real would make every proof a lie. */
function checkSystems(form: InstallationForm, report: Report): void {
  for (const [name, { shown_on: shownOn, endpoint }] of Object.entries(form.systems)) {
    const path = ['systems', name];
    if (shownOn === 'emulator' && endpoint === undefined) {
      report.value(
        [...path, 'shown_on'],
        'system.no-endpoint',
        `system "${name}" is an emulator but has no endpoint`,
        'Add where the emulator listens; without it the real account would be changed.',
      );
    }
    if (shownOn === 'real' && endpoint !== undefined) {
      report.value(
        [...path, 'endpoint'],
        'system.endpoint-of-real',
        `system "${name}" has an endpoint, which only an emulator has`,
        'Write shown_on: emulator, or remove the endpoint.',
      );
    }
  }
}

function checkEncryption({ temporal }: InstallationForm, report: Report): void {
  if (temporal?.encryption === undefined) return;
  const { active, keys } = temporal.encryption;
  if (Object.hasOwn(keys, active)) return;
  report.value(
    ['temporal', 'encryption', 'active'],
    'encryption.unknown-key',
    `unknown key "${active}"${didYouMean(active, Object.keys(keys))}`,
    oneOf(Object.keys(keys)),
  );
}

function awsOf(form: InstallationForm['systems'][string]): AwsSystem {
  const system: AwsSystem = { kind: form.kind, region: form.region, shownOn: form.shown_on };
  if (form.endpoint !== undefined) system.endpoint = form.endpoint;
  if (form.credentials !== undefined) {
    const { access_key_id: accessKeyId, secret_access_key: secretAccessKey } = form.credentials;
    system.credentials = { accessKeyId, secretAccessKey };
  }
  return system;
}

function temporalOf({ encryption, deployment }: NonNullable<InstallationForm['temporal']>): TemporalUse {
  return { ...(encryption === undefined ? {} : { encryption }), ...(deployment === undefined ? {} : { deployment }) };
}

function slackOf(form: NonNullable<InstallationForm['slack']>): SlackSettings {
  const {
    team,
    channel,
    bot_id: botId,
    bot_user_id: botUserId,
    bot_token: botToken,
    signing_secret: signingSecret,
    api_url: apiUrl,
  } = form;
  const settings: SlackSettings = { team, channel, botId, botUserId, botToken, signingSecret };
  return apiUrl === undefined ? settings : { ...settings, apiUrl };
}

/** The gateway's door opens on loopback only: what crosses a network would need a proof of the machine besides. */
function listenOf(listen: string, report: Report): Installation['gateway'] {
  const match = /^(\[::1\]|localhost|127(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || !(port <= 65_535)) {
    report.value(
      ['gateway', 'listen'],
      'gateway.listen',
      '"listen" must be a loopback address and a port',
      'Write for instance 127.0.0.1:7280.',
    );
    return { host: '127.0.0.1', port: 0 };
  }
  return { host: match[1].replace(/[[\]]/g, ''), port };
}
