/** What a step says that it is: one kind of work, with the fields that mean something there. */
import type { Path } from './place.js';
import type { Report } from './report.js';
import type { StepForm } from './runbook-schema.js';

const kinds = ['uses', 'runbook', 'manual', 'decide'] as const;

/** Fields that do nothing at a step of that kind, and what the kind is called. */
const idle: Record<(typeof kinds)[number], { called: string; fields: (keyof StepForm)[] }> = {
  uses: { called: 'that a unit does', fields: ['gates'] },
  runbook: {
    called: 'that is a runbook, whose steps say that',
    fields: [
      'phase',
      'for_each',
      'bound',
      'until',
      'every',
      'within',
      'gate',
      'best_effort',
      'review',
      'ramp',
      'tolerate',
      'timeout',
      'retry',
      'on_failure',
    ],
  },
  manual: { called: 'that people do', fields: forPeople() },
  decide: { called: 'that people decide', fields: forPeople() },
};

function forPeople(): (keyof StepForm)[] {
  return [
    'with',
    'gates',
    'for_each',
    'bound',
    'until',
    'every',
    'within',
    'gate',
    'best_effort',
    'review',
    'ramp',
    'tolerate',
    'timeout',
    'retry',
    'on_failure',
  ];
}

/** Exactly one kind of work; and nothing that would do nothing, for somebody counts on it. */
export function checkWork(form: StepForm, path: Path, report: Report): void {
  const [kind, second] = kinds.filter((field) => form[field] !== undefined);
  if (kind === undefined) {
    const next = 'Name a unit (`uses`) or a runbook (`runbook`), or what people do (`manual`) or decide (`decide`).';
    return report.value(path, 'step.no-work', `step "${form.id}" does not say what is done`, next);
  }
  if (second !== undefined) {
    const message = `step "${form.id}" has both "${kind}" and "${second}"`;
    return report.key([...path, second], 'step.two-works', message, 'Make two steps of it.');
  }
  if (kind !== 'runbook' && form.phase === undefined)
    report.value(path, 'shape.missing', 'this step lacks "phase"', 'Say in which phase of the response it is.');
  const { called, fields } = idle[kind];
  for (const field of fields.filter((each) => form[each] !== undefined)) {
    const message = `"${field}" means nothing at a step ${called}`;
    report.key([...path, field], 'step.idle-field', message, `Remove "${field}".`);
  }
}
