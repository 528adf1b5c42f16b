/** Approve and Deny on a card. What the button carries is looked up again: the message must be our card, and still ask what it shows. */
import * as z from 'zod';
import { FirebreakError } from '../../core/errors.js';
import { approveAction, type ButtonValue, reasonInput } from './ask-card.js';
import { askCardName, shortDigest } from './cards.js';
import { decision } from './commands.js';
import type { Answer } from './in-time.js';
import { code } from './mrkdwn.js';
import { type Heard, speak, type Speaking } from './speak.js';

/** A click as the verified payload tells it. */
export interface Click {
  actionId: string;
  value: string;
  channel: string;
  message: string;
  /** What was typed, by block and action. */
  values: Record<string, Record<string, { value?: string | null }>>;
}

const buttonValue = z.strictObject({ run: z.string(), ask: z.string(), nonce: z.string() });

export async function decideByClick(speaking: Speaking, heard: Heard, click: Click): Promise<Answer> {
  const { door } = speaking;
  const verb = click.actionId === approveAction ? 'approve' : 'deny';
  const value = readValue(click.value);
  const card = await door.store.card(askCardName(value.run, value.ask).key);
  if (card === undefined || card.channel !== click.channel || card.ts !== click.message) {
    throw new FirebreakError(
      'card.not-ours',
      'This message is not the card that Firebreak keeps for this question, so the click was not counted.',
      {
        nextStep: `decide on the newest card, or with \`/firebreak ${verb} ${value.run}${verb === 'deny' ? ' reason' : ''}\`.`,
      },
    );
  }
  const ask = (await door.view(value.run))?.view.asks.find(({ id }) => id === value.ask);
  if (ask === undefined) {
    throw new FirebreakError(
      'card.unknown-ask',
      `The journal of ${value.run} holds no such question (this is a bug).`,
      {
        nextStep: `look at it with \`/firebreak status ${value.run}\`.`,
      },
    );
  }
  const reason = typedReason(click);
  if (verb === 'deny' && reason === undefined) {
    throw new FirebreakError(
      'command.no-reason',
      'A denial needs a reason, for whoever asked and for the record; nothing was said.',
      {
        nextStep: 'write it into the field above the buttons and press Deny again.',
      },
    );
  }
  const { said } = await speak(
    speaking,
    heard,
    { verb, run: value.run, gate: value.ask, ...(reason === undefined ? {} : { reason }) },
    { nonce: value.nonce, shown: ask.about, terminal: `firebreak ${verb} ${value.run}` },
  );
  return {
    text: decision(
      verb,
      value.run,
      said.outcome,
      `gate ${code(ask.about.gate, 60)}, plan \`${shortDigest(ask.about.plan)}\``,
    ),
  };
}

export function readValue(text: string): ButtonValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // Not ours: refused below, like every other shape.
  }
  const read = buttonValue.safeParse(value);
  if (read.success) return read.data;
  throw new FirebreakError('card.unreadable', 'The button that was pressed is none of this version of Firebreak.', {
    nextStep: 'decide on the newest card, or with `/firebreak approve RUN`.',
  });
}

function typedReason({ values }: Click): string | undefined {
  const typed = Object.values(values)
    .map((block) => block[reasonInput]?.value?.trim())
    .find((text) => text !== undefined && text !== '');
  return typed;
}
