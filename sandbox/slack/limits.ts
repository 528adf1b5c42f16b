/**
 * What Slack refuses in a message. Limits of single fields are those of Slack's block reference and of the doc comments in
 * `@slack/types`; that all blocks together end at about 13,200 characters is not documented, but reported
 * (slackapi/bolt-js#2509), and answered with `msg_blocks_too_long`. How Slack counts is not known: text of 11,341 characters
 * was refused for what stood around it (slackapi/bolt-js#2867). Here the whole JSON counts, which is stricter than Slack.
 */

/** A block as it came over the wire; only what is checked here has a shape. */
export interface Block {
  type: string;
  block_id?: string;
  text?: Text;
  fields?: Text[];
  elements?: Element[];
  element?: Element;
  label?: Text;
  hint?: Text;
  [field: string]: unknown;
}

export interface Text {
  type: string;
  text: string;
}

export interface Element {
  type: string;
  action_id?: string;
  text?: Text | string;
  value?: string;
  placeholder?: Text;
  confirm?: { title: Text; text: Text; confirm: Text; deny: Text };
  [field: string]: unknown;
}

export interface Refusal {
  error: string;
  messages: string[];
}

const blocksMax = 50;
export const charactersMax = 13_200;
const textMax = 40_000;
const sectionTextMax = 3000;
const fieldsMax = 10;
const fieldTextMax = 2000;
const headerTextMax = 150;
const contextElementsMax = 10;
const actionElementsMax = 25;
const buttonTextMax = 75;
const valueMax = 2000;
const idMax = 255;
const labelMax = 2000;
const placeholderMax = 150;
const confirmTitleMax = 100;
const confirmTextMax = 300;
const confirmButtonMax = 30;

/** Undefined when Slack would take the message. */
export function refusalOf(text: string | undefined, blocks: Block[]): Refusal | undefined {
  if ((text === undefined || text === '') && blocks.length === 0) return { error: 'no_text', messages: [] };
  if ((text ?? '').length > textMax) return { error: 'msg_too_long', messages: [] };
  const messages = [
    ...(blocks.length > blocksMax ? [`no more than ${blocksMax} items allowed [json-pointer:/blocks]`] : []),
    ...blocks.flatMap((block, at) => inBlock(block, `/blocks/${at}`)),
    ...repeatedIds(blocks),
  ];
  if (messages.length > 0)
    return { error: 'invalid_blocks', messages: messages.map((message) => `[ERROR] ${message}`) };
  return JSON.stringify(blocks).length > charactersMax ? { error: 'msg_blocks_too_long', messages: [] } : undefined;
}

function inBlock(block: Block, at: string): string[] {
  const id = within(block.block_id, idMax, `${at}/block_id`, 0);
  switch (block.type) {
    case 'section':
      return [...id, ...inSection(block, at)];
    case 'header':
      return [...id, ...inText(block.text, headerTextMax, `${at}/text`), ...plain(block.text, `${at}/text`)];
    case 'context':
      return [
        ...id,
        ...count(block.elements, contextElementsMax, `${at}/elements`),
        ...(block.elements ?? []).flatMap((each, i) => inContext(each, `${at}/elements/${i}`)),
      ];
    case 'actions':
      return [
        ...id,
        ...count(block.elements, actionElementsMax, `${at}/elements`),
        ...(block.elements ?? []).flatMap((each, i) => inElement(each, `${at}/elements/${i}`)),
      ];
    case 'input':
      return [
        ...id,
        ...inText(block.label, labelMax, `${at}/label`),
        ...plain(block.label, `${at}/label`),
        ...(block.hint === undefined ? [] : inText(block.hint, labelMax, `${at}/hint`)),
        ...(block.element === undefined
          ? [`missing required field: element [json-pointer:${at}]`]
          : inElement(block.element, `${at}/element`)),
      ];
    case 'divider':
    case 'rich_text':
      return id;
    default:
      return [`unsupported type: ${block.type} [json-pointer:${at}/type]`];
  }
}

function inSection(block: Block, at: string): string[] {
  if (block.text === undefined && block.fields === undefined)
    return [`missing required field: text or fields [json-pointer:${at}]`];
  return [
    ...(block.text === undefined ? [] : inText(block.text, sectionTextMax, `${at}/text`)),
    ...(block.fields === undefined ? [] : count(block.fields, fieldsMax, `${at}/fields`)),
    ...(block.fields ?? []).flatMap((field, i) => inText(field, fieldTextMax, `${at}/fields/${i}`)),
  ];
}

function inContext(element: Element, at: string): string[] {
  if (element.type === 'image') return [];
  return within(typeof element.text === 'string' ? element.text : undefined, fieldTextMax, `${at}/text`, 1, true);
}

function inElement(element: Element, at: string): string[] {
  const common = within(element.action_id, idMax, `${at}/action_id`, 0);
  if (element.type === 'plain_text_input') {
    return [
      ...common,
      ...(element.placeholder === undefined ? [] : inText(element.placeholder, placeholderMax, `${at}/placeholder`)),
    ];
  }
  if (element.type !== 'button') return [`unsupported type: ${element.type} [json-pointer:${at}/type]`];
  const label = typeof element.text === 'object' ? element.text : undefined;
  return [
    ...common,
    ...inText(label, buttonTextMax, `${at}/text`),
    ...plain(label, `${at}/text`),
    ...within(element.value, valueMax, `${at}/value`, 0),
    ...(element.confirm === undefined
      ? []
      : [
          ...inText(element.confirm.title, confirmTitleMax, `${at}/confirm/title`),
          ...inText(element.confirm.text, confirmTextMax, `${at}/confirm/text`),
          ...inText(element.confirm.confirm, confirmButtonMax, `${at}/confirm/confirm`),
          ...inText(element.confirm.deny, confirmButtonMax, `${at}/confirm/deny`),
        ]),
  ];
}

function inText(text: Text | undefined, max: number, at: string): string[] {
  if (text === undefined) return [`missing required field: text [json-pointer:${at}]`];
  if (text.type !== 'mrkdwn' && text.type !== 'plain_text')
    return [`unsupported type: ${text.type} [json-pointer:${at}/type]`];
  return within(text.text, max, `${at}/text`, 1, true);
}

function plain(text: Text | undefined, at: string): string[] {
  return text === undefined || text.type === 'plain_text' ? [] : [`must be plain_text [json-pointer:${at}/type]`];
}

function within(text: string | undefined, max: number, at: string, min: number, required = false): string[] {
  if (text === undefined) return required ? [`missing required field: text [json-pointer:${at}]`] : [];
  if (text.length > max) return [`must be less than ${max + 1} characters [json-pointer:${at}]`];
  return text.length < min ? [`must be more than ${min - 1} characters [json-pointer:${at}]`] : [];
}

function count(list: unknown[] | undefined, max: number, at: string): string[] {
  if (list === undefined || list.length === 0) return [`must provide at least 1 item [json-pointer:${at}]`];
  return list.length > max ? [`no more than ${max} items allowed [json-pointer:${at}]`] : [];
}

function repeatedIds(blocks: Block[]): string[] {
  const ids = blocks.map(({ block_id: id }) => id).filter((id) => id !== undefined && id !== '');
  return ids.length === new Set(ids).size ? [] : ['block_id must be unique in a message [json-pointer:/blocks]'];
}
