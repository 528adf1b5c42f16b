/**
 * What somebody typed after `/firebreak`, on a phone, under stress: words, `key=value`, quotes that the keyboard made curly.
 * Nothing is guessed: what cannot be read is refused with the place, and with a command that can be pasted instead.
 */
import { closest, distance } from 'fastest-levenshtein';
import { FirebreakError } from '../../core/errors.js';
import { unescape } from './mrkdwn.js';

export const slashCommand = '/firebreak';

export interface Field {
  key: string;
  value: string;
}

export type Command =
  | { verb: 'help' }
  | { verb: 'status'; run?: string }
  | { verb: 'run' | 'plan'; runbook: string; fields: Field[] }
  | { verb: 'approve' | 'deny'; run: string; gate?: string; plan?: string; reason?: string }
  | { verb: 'confirm'; run: string; step?: string; reason?: string }
  | { verb: 'choose'; run: string; choice: string; step?: string; reason?: string }
  | { verb: 'release'; of: string; reason: string };

const verbs = ['run', 'plan', 'status', 'approve', 'deny', 'confirm', 'choose', 'release', 'help'] as const;

/** How many letters may differ for a word to be taken as another one that was misspelt. */
const typosMax = 3;

export function parseCommand(typed: string): Command {
  const text = unescape(typed).replaceAll('\u00a0', ' ').trim();
  const [verb = 'help', rest] = firstWord(text);
  switch (verb) {
    case 'help':
      return { verb };
    case 'status': {
      const [run, more] = firstWord(rest);
      if (more !== '')
        throw wrong(
          'command.too-much',
          `After the run, status takes nothing; ${quoted(more)} is too much.`,
          `status ${run ?? ''}`,
        );
      return run === undefined ? { verb } : { verb, run };
    }
    case 'run':
    case 'plan':
      return launch(verb, rest);
    case 'approve':
    case 'deny':
      return answer(verb, rest);
    case 'confirm':
      return confirm(rest);
    case 'choose':
      return choose(rest);
    case 'release': {
      const [of, afterOf] = firstWord(rest);
      const reason = afterOf.replace(/^reason=/, '');
      if (of === undefined) throw wrong('command.no-run', 'Release needs a run or an incident.', 'release RUN reason');
      if (reason === '')
        throw wrong(
          'command.no-reason',
          'A release needs a reason, for the people who decide and for the record.',
          `release ${of} why it can be lifted`,
        );
      return { verb, of, reason: unquoted(reason) };
    }
    default:
      throw unknownVerb(verb, rest);
  }
}

function launch(verb: 'run' | 'plan', rest: string): Command {
  const [runbook, fields] = firstWord(rest);
  if (runbook === undefined || runbook.includes('=')) {
    throw wrong(
      'command.no-runbook',
      `Right after "${verb}" the name of a runbook is missing.`,
      `${verb} RUNBOOK ${rest}`.trim(),
    );
  }
  return { verb, runbook, fields: readFields(straight(fields), `${verb} ${runbook}`) };
}

function answer(verb: 'approve' | 'deny', rest: string): Command {
  const [run, afterRun] = firstWord(rest);
  if (run === undefined)
    throw wrong('command.no-run', `Which run do you ${verb}?`, `${verb} RUN${verb === 'deny' ? ' reason' : ''}`);
  const said: { gate?: string; plan?: string } = {};
  let left = afterRun;
  for (let field = leading(left); field !== null; field = leading(left)) {
    if (field[1] === 'gate') said.gate = field[2] ?? '';
    else said.plan = field[2] ?? '';
    left = left.slice(field[0].length);
  }
  const reason = unquoted(left.replace(/^reason=/, ''));
  if (verb === 'deny' && reason === '') {
    throw wrong(
      'command.no-reason',
      'A denial needs a reason, for whoever asked and for the record.',
      `deny ${run} why not`,
    );
  }
  return { verb, run, ...said, ...(reason === '' ? {} : { reason }) };
}

function confirm(rest: string): Command {
  const [run, afterRun] = firstWord(rest);
  if (run === undefined) throw wrong('command.no-run', 'Of which run is something done?', 'confirm RUN what was done');
  return { verb: 'confirm', run, ...stepAndReason(afterRun) };
}

function choose(rest: string): Command {
  const [run, afterRun] = firstWord(rest);
  const [choice, afterChoice] = firstWord(afterRun);
  if (run === undefined) throw wrong('command.no-run', 'In which run do you choose?', 'choose RUN CHOICE');
  if (choice === undefined)
    throw wrong('command.no-choice', 'Right after the run the choice is missing.', `choose ${run} CHOICE`);
  return { verb: 'choose', run, choice, ...stepAndReason(afterChoice) };
}

/** `step=ID`, then the words of a reason. */
function stepAndReason(text: string): { step?: string; reason?: string } {
  const [whole = '', step] = /^step=(\S+)\s*/.exec(text) ?? [];
  const reason = unquoted(text.slice(whole.length).replace(/^reason=/, ''));
  return { ...(step === undefined ? {} : { step }), ...(reason === '' ? {} : { reason }) };
}

/** `gate=NAME` or `plan=DIGEST`, before the words of a reason. */
function leading(text: string): RegExpExecArray | null {
  return /^(gate|plan)=(\S+)\s*/.exec(text);
}

/** `key=value key="a value"`; inside quotes `\"` is a quote. */
function readFields(text: string, before: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const field = /^\s*([A-Za-z][\w-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)\s*/s.exec(rest);
    if (field === null) throw unreadable(text, at, before);
    fields.push({ key: field[1] ?? '', value: field[3] ?? (field[2] ?? '').replace(/\\(.)/gs, '$1') });
    at += field[0].length;
  }
  return fields;
}

function unreadable(text: string, at: number, before: string): FirebreakError {
  const place = text.slice(at).trim();
  const start = text.slice(0, at).trim();
  const soFar = `${before}${start === '' ? '' : ` ${start}`}`;
  const open = /^([A-Za-z][\w-]*)="/.exec(place);
  if (open !== null && !/[^\\]"/.test(place.slice(open[0].length))) {
    return wrong('command.open-quote', `The quote that starts at ${quoted(place)} never ends.`, `${soFar} ${place}"`);
  }
  const loose = /^([A-Za-z][\w-]*)=(.*)$/s.exec(place);
  if (loose !== null) {
    const [, key = '', value = ''] = loose;
    return wrong(
      'command.bad-value',
      `The value at ${quoted(place)} cannot be read.`,
      `${soFar} ${fieldText({ key, value })}`,
    );
  }
  const last = /^(.*\s)?([A-Za-z][\w-]*)=([^"]*)$/s.exec(start);
  if (last !== null && !place.includes('=')) {
    // Words after an unquoted value most often belong to it.
    const [, head = '', key = '', value = ''] = last;
    return wrong(
      'command.loose-words',
      `${quoted(place)} is no key=value; a value with spaces needs quotes.`,
      `${before} ${head}${fieldText({ key, value: `${value} ${place}` })}`,
    );
  }
  return wrong(
    'command.loose-words',
    `${quoted(place)} is no key=value.`,
    `${soFar} reason="${place.replaceAll('"', '')}"`,
  );
}

/** A field as it can be typed. */
export function fieldText({ key, value }: Field): string {
  return /^[^\s"\\]+$/.test(value) ? `${key}=${value}` : `${key}="${value.replace(/(["\\])/g, '\\$1')}"`;
}

/** The name that was probably meant, if one is near enough. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(name, known);
  return distance(name, best) <= typosMax || best.startsWith(name) ? best : undefined;
}

/** An error about a command: its next step is the command to paste. */
export function wrong(code: string, message: string, corrected: string): FirebreakError {
  return new FirebreakError(code, message, { nextStep: `\`${slashCommand} ${corrected.trim()}\`` });
}

function unknownVerb(verb: string, rest: string): FirebreakError {
  const near = nearest(verb.toLowerCase(), verbs);
  return wrong(
    'command.unknown-verb',
    `"${verb}" is no command; there are ${verbs.join(', ')}.`,
    near === undefined ? 'help' : `${near} ${rest}`,
  );
}

function firstWord(text: string): [string | undefined, string] {
  const match = /^(\S+)\s*/.exec(text);
  return match === null ? [undefined, ''] : [match[1], text.slice(match[0].length).trim()];
}

/** Phones turn straight quotes into curly ones. */
function straight(text: string): string {
  return text.replace(/[“”„‟«»]/g, '"');
}

/** A reason may be put into quotes; they are not part of it. */
function unquoted(text: string): string {
  const inner = /^["“„«](.*)["”“»]$/s.exec(text.trim());
  return (inner?.[1] ?? text).trim();
}

function quoted(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`;
}
