/** One event of the journal as one line for the eyes: when, who, what, on what. */
import { targetKey } from '../core/change.js';
import type { Event } from '../core/event.js';
import type { GateAsked, PlanMade, StepFinished } from '../core/event-data.js';
import type { JsonObject } from '../core/json.js';
import { oneLine } from './visible.js';

/** `18:32:46  alice  launched aws-host-compromise`; times in UTC. */
export function eventLine(event: Event): string {
  const parts = [event.occurredAt.slice(11, 19), event.actor, whatHappened(event)];
  if (event.target !== undefined) parts.push(targetKey(event.target));
  return parts.join('  ');
}

function whatHappened({ action, step, outcome, statement, data = {} }: Event): string {
  const at = step === undefined ? '' : ` ${step}`;
  switch (action) {
    case 'run.launched':
      return `launched ${text(data, 'runbook')}`;
    case 'run.refused':
    case 'statement.refused':
      return `${`refused ${text(data, 'verb')}`.trim()}: ${text(data, 'reason')}`;
    case 'run.needs-a-person':
      return `needs a person${at}: ${text(data, 'why')}`;
    case 'plan.made':
      return `planned${at}: ${planned(data as unknown as PlanMade)}`;
    case 'step.finished':
      return `finished${at}: ${finished(data as unknown as StepFinished)}`;
    case 'step.asked':
      return `asks people${at}: ${text(data, 'what')}`;
    case 'gate.asked':
      return asked(data as unknown as GateAsked);
    case 'statement.attempted':
      return `says ${text(data, 'verb')}`;
    case 'statement.counted':
      return `${text(data, 'verb')} counted${reasonOf(statement?.reason)}`;
    case 'change.settled':
      return `${outcome ?? 'settled'}${at}`;
    case 'note':
      return `notes${reasonOf(statement?.reason)}`;
    default:
      return `${action.replace('.', ' ')}${at}${outcome === undefined ? '' : `: ${outcome}`}${says(data)}`;
  }
}

function text(data: JsonObject, name: string): string {
  const value = data[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function says(data: JsonObject): string {
  const gate = text(data, 'gate');
  const said = text(data, 'says');
  return `${gate === '' ? '' : ` ${gate}`}${said === '' ? '' : ` (${said})`}`;
}

function reasonOf(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${oneLine(reason)}`;
}

function planned({ plan: { toChange, already, failed, atMost } }: PlanMade): string {
  if (atMost !== undefined) return `at most ${atMost} targets, which are still to be found`;
  const unplanned = failed === 0 ? '' : `, ${failed} could not be planned`;
  return `${toChange} to change, ${already} already as wanted${unplanned}`;
}

function finished({ state, counts, by, choice }: StepFinished): string {
  if (by !== undefined) return `${choice ?? state}, by ${by}`;
  const told = Object.entries(counts).filter(([, count]) => count !== 0);
  return told.length === 0 ? state : `${state} (${told.map(([name, count]) => `${count} ${name}`).join(', ')})`;
}

function asked({ about: { gate, round } }: GateAsked): string {
  return `gate ${gate}, round ${round}, asks`;
}
