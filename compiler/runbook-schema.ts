/**
 * The YAML form of a runbook, field by field. Every object is strict: a field that is not here is an error, for a misspelt
 * `gate` that was passed over would be a gate that nobody asks at.
 */
import * as z from 'zod';
import { phases } from '../core/runbook.js';
import { apiVersion, duration, inputName, line, slug } from './forms.js';

/** What a run can carry: its history, and the payload that starts it, stay far from Temporal's limits. */
export const stepsMax = 1_000;
/** Bounds of what a person can review; a runbook beyond them is several runbooks. */
const inputsMax = 50;
const gatesMax = 20;
/** More are not weighed against each other at three in the morning. */
const choicesMax = 10;

/** A list may not be longer than this, whatever its `max`: ten thousand targets are what a run is measured for. */
export const listMaxMost = 10_000;

const textMax = 10_000;
const description = line.optional().describe('What the input is for, shown where it is asked.');
const optional = z
  .boolean()
  .optional()
  .describe('May be left out. Expressions must then ask `has(inputs.name)` first. Default false.');
const least = (what: string) => z.int().min(0).max(textMax).optional().describe(`The least ${what}.`);

const itemTypes = ['string', 'number', 'boolean', 'aws-instance', 'run', 'incident'] as const;

function named<T extends string>(type: T) {
  return z.strictObject({
    type: z.literal(type),
    description,
    optional,
    default: z.string().optional().describe('Used when none is given.'),
  });
}

const inputForm = z
  .discriminatedUnion('type', [
    named('string').extend({
      min: least('number of characters'),
      max: z.int().min(1).max(textMax).optional().describe('The greatest number of characters. Default 10000.'),
    }),
    named('choice').extend({
      choices: z.array(z.string().min(1).max(100)).min(1).max(100).describe('The values that can be chosen.'),
    }),
    named('aws-instance'),
    named('run'),
    named('incident'),
    z.strictObject({
      type: z.literal('number'),
      description,
      optional,
      default: z.number().optional().describe('Used when none is given.'),
      min: z.number().optional().describe('The least value.'),
      max: z.number().optional().describe('The greatest value.'),
    }),
    z.strictObject({
      type: z.literal('boolean'),
      description,
      optional,
      default: z.boolean().optional().describe('Used when none is given.'),
    }),
    z.strictObject({
      type: z.literal('list'),
      of: z.enum(itemTypes).optional().describe('The type of each entry. Default string.'),
      description,
      optional,
      default: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .optional()
        .describe('Used when none is given.'),
      min: least('number of entries, duplicates not counted'),
      max: z
        .int()
        .min(1)
        .max(listMaxMost)
        .optional()
        .describe('The greatest number of entries. A list that is looped over must have it.'),
    }),
  ])
  .meta({ title: 'input', description: 'A typed value that is asked for at launch.' });

const gateForm = z
  .strictObject({
    need: z.int().min(1).max(20).describe('How many other people than the requester must approve.'),
    from: z.array(slug).min(1).max(20).describe('Groups of people.yaml whose members can decide.'),
    within: duration
      .optional()
      .describe('For how long it asks. A containing gate goes on asking afterwards and pages again. Default 15m.'),
    remind: duration.optional().describe('Reminds after this time, again and again. Shorter than `within`.'),
    escalate: z
      .strictObject({
        after: duration.describe('After how long without a decision. Shorter than `within`.'),
        to: z.array(slug).min(1).max(20).describe('Groups that are paged then.'),
      })
      .meta({ title: 'escalation' })
      .optional()
      .describe('Pages more people when nobody decides.'),
    personal_keys: z
      .int()
      .min(0)
      .max(20)
      .optional()
      .describe(
        'How many of `need` must sign with a key of their own (SSH). Default 0; irreversible work asks for one whatever stands here.',
      ),
    approval_valid: duration.optional().describe('For how long an approval may be carried out. Default 1h.'),
  })
  .meta({ title: 'gate', description: 'Who must agree before the steps that name it change anything.' });

const who = z.array(slug).min(1).max(20).describe('Groups of people.yaml whose members can answer.');
const remind = duration
  .optional()
  .describe('Reminds them and pages the owner after this time, again and again; time never answers. Default 15m.');
const asked = line.describe('What they read; may hold expressions, `${{ ... }}`.');

const manualForm = z
  .strictObject({
    what: asked,
    who,
    evidence: line.optional().describe('What they must write down when they say that it is done.'),
    remind,
  })
  .meta({ title: 'manual', description: 'Work that people do by hand, and say when it is done.' });

const decideForm = z
  .strictObject({
    what: asked,
    who,
    choices: z
      .record(slug, line)
      .refine((choices) => Object.keys(choices).length >= 2, { error: 'must have at least two entries' })
      .refine((choices) => Object.keys(choices).length <= choicesMax, {
        error: `must have at most ${choicesMax} entries`,
      })
      .describe(
        'What can be chosen, and what it means. Later steps read `steps.ID.choice` in their `if`; where nobody decided, they are left out.',
      ),
    remind,
  })
  .meta({ title: 'decide', description: 'A question that people decide, so that the run goes one way or another.' });

const partOf = z
  .string()
  .regex(/^([1-9]\d?|100)%$/, { error: 'must be a number of targets or a part of them, as in 1 or 10%' });

const stepForm = z
  .strictObject({
    id: slug.describe('Names the step in `needs`, in expressions and on the record.'),
    phase: z
      .enum(phases)
      .optional()
      .describe(
        'The phase of the response. What is put in force in `contain` stays in force until it is released. The steps of a `runbook` have their own.',
      ),
    uses: z
      .string()
      .regex(/^[a-z0-9-]+\.[a-z0-9-]+@[1-9]\d*$/, {
        error: 'must name a unit and its major version, as in aws.isolate-instance@1',
      })
      .optional()
      .describe(
        'The unit that does the work, with its major version. A step has `uses`, `runbook`, `manual` or `decide`.',
      ),
    runbook: slug.optional().describe('Another runbook, by its name, whose steps stand in the place of this one.'),
    gates: z
      .record(slug, slug)
      .optional()
      .describe('With `runbook`: at which gate of this runbook a gate of that one asks. Others ask by themselves.'),
    manual: manualForm.optional(),
    decide: decideForm.optional(),
    with: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Inputs of the unit or the runbook; values may be expressions, `${{ ... }}`.'),
    if: z
      .string()
      .optional()
      .describe(
        'An expression; where it is false the step is skipped, on the record. Decided once, before `for_each`.',
      ),
    needs: z
      .array(slug)
      .max(stepsMax)
      .optional()
      .describe('Steps that must have ended before. Default: the step above. `[]` waits for nothing.'),
    until: z
      .string()
      .optional()
      .describe(
        'With a check: looks again until this expression over what was `found` is true, as in `${{ found.exists(x, x.ready) }}`.',
      ),
    every: duration.optional().describe('With `until`: how often it looks. Default 15s.'),
    within: duration.optional().describe('With `until`: after this time without success the step has failed.'),
    for_each: z
      .union([z.string(), z.array(z.unknown()).max(listMaxMost)])
      .optional()
      .describe('An expression that gives a list; the unit works on each entry, which `with` names as `item`.'),
    bound: z
      .int()
      .min(1)
      .max(listMaxMost)
      .optional()
      .describe(
        'Where `for_each` reads what a check finds: so many targets at most. People agree to that many before they are found; more are asked for by themselves.',
      ),
    gate: slug.optional().describe('The gate at which this step asks. Every step that changes anything has one.'),
    best_effort: duration
      .optional()
      .describe('Collectors only: ends after this time with what it has, without failing the run.'),
    review: duration
      .optional()
      .describe('Phase `contain` only: pages the owner after this long in force. It never lifts anything.'),
    timeout: duration.optional().describe('For one batch. Default 10m for changes, 5m for collectors.'),
    retry: z
      .strictObject({
        attempts: z
          .int()
          .min(1)
          .max(100)
          .optional()
          .describe('Attempts of a batch in all, the first included. Default 5.'),
        first_wait: duration.optional().describe('The wait before the second attempt; doubles each time. Default 1s.'),
      })
      .meta({ title: 'retry' })
      .optional()
      .describe('How often a batch is attempted when the system does not answer.'),
    ramp: z
      .array(
        z
          .union([z.int().min(1).max(listMaxMost), partOf])
          .describe('Up to so many targets, or up to such a part of them.'),
      )
      .min(1)
      .max(10)
      .optional()
      .describe('Begins with a few targets, as in [1, 10%]; all others follow while no more than `tolerate` fail.'),
    tolerate: z
      .int()
      .min(0)
      .max(listMaxMost)
      .optional()
      .describe('So many targets may fail before `on_failure` applies and a ramp stops. Default 0.'),
    on_failure: z
      .enum(['stop', 'continue', 'undo', 'ask'])
      .optional()
      .describe(
        'What follows when a target fails. Default `continue` in phase `contain`, otherwise `stop`. A containment is never undone by a failure.',
      ),
  })
  .meta({
    title: 'step',
    description: 'One unit at work on one or many targets, or one thing for people to do or decide.',
    // For editors; `checkWork` says it in words.
    oneOf: (['uses', 'runbook', 'manual', 'decide'] as const).map((field) => ({ required: [field] })),
  });

export const runbookForm = z
  .strictObject({
    apiVersion,
    kind: z.literal('Runbook').describe('Write `Runbook`.'),
    metadata: z
      .strictObject({
        name: slug.describe('The name it is launched by; unique in the installation.'),
        version: z.int().min(1).describe('Counts up with every change of meaning.'),
        summary: line.describe('One line for the responder who has to choose.'),
        environments: z
          .array(slug)
          .min(1)
          .max(20)
          .optional()
          .describe('Where alone it may be launched, as in [staging]; without it, everywhere.'),
      })
      .meta({ title: 'metadata' })
      .describe('What the runbook is called and what it is for.'),
    inputs: z
      .record(inputName, inputForm)
      .refine((inputs) => Object.keys(inputs).length <= inputsMax, { error: `must have at most ${inputsMax} entries` })
      .default({})
      .describe('What is asked for at launch, by name.'),
    gates: z
      .record(slug, gateForm)
      .refine((gates) => Object.keys(gates).length <= gatesMax, { error: `must have at most ${gatesMax} entries` })
      .default({})
      .describe('Who must agree, by name. Steps name the gate at which they ask.'),
    steps: z
      .array(stepForm)
      .min(1)
      .max(stepsMax)
      .describe('What is done. A step waits for the one above it unless it says `needs`.'),
  })
  .meta({ title: 'runbook', description: 'A Firebreak runbook.' });

export type RunbookForm = z.output<typeof runbookForm>;
export type InputForm = RunbookForm['inputs'][string];
export type StepForm = RunbookForm['steps'][number];
export type GateForm = RunbookForm['gates'][string];
