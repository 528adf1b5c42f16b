/** `hooks` of `firebreak.yaml`: what may be sent, how it is signed, and which fields of it become which inputs. */
import * as z from 'zod';
import { same } from '../core/canonical.js';
import type { Hook } from '../core/hook.js';
import type { Json } from '../core/json.js';
import { hookScope } from './expression.js';
import { nameOf, type Type } from './expression-type.js';
import { inputName, slug } from './forms.js';
import type { Path } from './place.js';
import type { Report } from './report.js';
import { secretRef } from './secret-ref.js';
import { lowerValue } from './with.js';

/** Many more than there are incidents in an hour, few enough for people to look at each. */
const launchesPerHourDefault = 30;

const expression = z.string().min(1).max(1_000);

const hookForm = z
  .strictObject({
    runbook: slug.describe('The name of the runbook that it launches; a service of people.yaml must be allowed to.'),
    auth: z
      .strictObject({
        scheme: z
          .enum(['standard-webhooks', 'bearer'])
          .describe(
            '`standard-webhooks` signs each request; `bearer` is a constant token, for senders that cannot sign. It is weaker.',
          ),
        secrets: z
          .array(secretRef)
          .min(1)
          .max(3)
          .describe('References to its secrets; each is good, so that a new one can take the place of an old one.'),
      })
      .meta({ title: 'hook authentication' })
      .describe('How the sender shows who it is.'),
    when: expression
      .optional()
      .describe(
        'A CEL expression over `body` that must be true, as in ${{ body.severity >= 7 }}; without it all launch.',
      ),
    id: expression.describe(
      'What names the alert, as in ${{ body.detail.id }}: the same id launches once, however often it is sent.',
    ),
    inputs: z
      .record(inputName, z.unknown())
      .default({})
      .describe("The runbook's inputs: values, with expressions over `body`."),
    launches_per_hour: z
      .int()
      .min(1)
      .max(1_000)
      .default(launchesPerHourDefault)
      .describe('How many runs it may launch in an hour; more are refused. Default 30.'),
  })
  .meta({ title: 'hook' });

export const hooksForm = z.record(slug, hookForm);

type HooksForm = z.output<typeof hooksForm>;

export function compileHooks(forms: HooksForm, report: Report): Record<string, Hook> {
  refuseSharedSecrets(forms, report);
  return Object.fromEntries(
    Object.entries(forms).map(([name, form]) => [name, compileHook(form, ['hooks', name], report)]),
  );
}

function compileHook(form: HooksForm[string], path: Path, report: Report): Hook {
  const lower = (value: Json, at: Path, wanted: Type['kind'][]) => {
    const { expr, type } = lowerValue(value, at, hookScope(), report);
    if (!wanted.includes(type.kind))
      report.value(at, 'hook.wrong-type', `this must not be ${nameOf(type)}`, 'See `firebreak hook test --help`.');
    return expr;
  };
  const anything: Type['kind'][] = ['any', 'null', 'bool', 'int', 'double', 'string', 'list', 'object'];
  const hook: Hook = {
    runbook: form.runbook,
    auth: form.auth,
    id: lower(form.id, [...path, 'id'], ['string', 'int', 'double', 'any']),
    inputs: Object.fromEntries(
      Object.entries(form.inputs).map(([name, value]) => [
        name,
        lower(value as Json, [...path, 'inputs', name], anything),
      ]),
    ),
    launchesPerHour: form.launches_per_hour,
  };
  if (hook.id.op === 'literal')
    report.value(
      [...path, 'id'],
      'hook.constant-id',
      'this id is the same for every request, so that only the first would launch',
      'Name the field that tells alerts apart, as in ${{ body.id }}.',
    );
  return form.when === undefined ? hook : { ...hook, when: lower(form.when, [...path, 'when'], ['bool', 'any']) };
}

/** Nothing that is signed names its hook: with one secret for two, what was sent to one could be sent to the other. */
function refuseSharedSecrets(forms: HooksForm, report: Report): void {
  const all = Object.entries(forms).flatMap(([name, { auth }]) =>
    auth.secrets.map((secret, index) => ({ name, secret, path: ['hooks', name, 'auth', 'secrets', index] })),
  );
  for (const [index, { secret, path }] of all.entries()) {
    const first = all.slice(0, index).find((each) => same(each.secret, secret));
    if (first !== undefined)
      report.value(
        path,
        'hook.shared-secret',
        `hook "${first.name}" has this secret already`,
        'Give each hook a secret of its own; two hooks with one could be taken for each other.',
      );
  }
}
