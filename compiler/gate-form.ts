/** A gate as the runbook asks for it, with its defaults written out. What risk demands on top is added at run time. */
import { approvalValidMsDefault, type GateSpec } from '../core/gate.js';
import { toMs } from './forms.js';
import type { Report } from './report.js';
import type { GateForm } from './runbook-schema.js';

const withinMsDefault = 15 * 60_000;

export function compileGate(name: string, form: GateForm, report: Report): GateSpec {
  const path = ['gates', name];
  const withinMs = form.within === undefined ? withinMsDefault : toMs(form.within);
  const personalKeys = form.personal_keys ?? 0;
  if (personalKeys > form.need) {
    report.value(
      [...path, 'personal_keys'],
      'gate.personal-keys',
      `gate "${name}" wants more personal keys than people`,
      `Lower it to at most ${form.need}.`,
    );
  }
  if (form.remind !== undefined && toMs(form.remind) >= withinMs) {
    report.value(
      [...path, 'remind'],
      'gate.too-late',
      `gate "${name}" would remind after its time is up`,
      'Make it shorter than "within".',
    );
  }
  if (form.escalate !== undefined && toMs(form.escalate.after) >= withinMs) {
    report.value(
      [...path, 'escalate', 'after'],
      'gate.too-late',
      `gate "${name}" would escalate after its time is up`,
      'Make it shorter than "within".',
    );
  }
  const spec: GateSpec = {
    need: form.need,
    from: unique(form.from),
    withinMs,
    personalKeys,
    approvalValidMs: form.approval_valid === undefined ? approvalValidMsDefault : toMs(form.approval_valid),
  };
  if (form.remind !== undefined) spec.remindMs = toMs(form.remind);
  if (form.escalate !== undefined) spec.escalate = { afterMs: toMs(form.escalate.after), to: unique(form.escalate.to) };
  return spec;
}

function unique(names: string[]): string[] {
  return [...new Set(names)];
}
