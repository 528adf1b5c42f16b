/**
 * What people saw in the sandbox's Slack, as one HTML file: the channel's cards and what was shown to one person alone, in the
 * order of time. A card that changed is shown as it was first and as it is now.
 */
import type { Block } from './limits.js';
import type { Message, Private, SandboxState, Version } from './state.js';

interface Shown {
  atMs: number;
  who: string;
  note: string;
  text: string;
  blocks: Block[];
}

export function slackPage(state: Pick<SandboxState, 'messages' | 'privates' | 'users'>): string {
  const names = new Map([...state.users.values()].map(({ id, name }) => [id, name]));
  const shown = [...state.messages.flatMap(cardsOf), ...state.privates.map((each) => privateOf(each, names))];
  const cards = shown.toSorted((a, b) => a.atMs - b.atMs).map(cardHtml);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>#incident, as people saw it</title>
<style>${style}</style>
<h1># incident</h1>
<p class="lead">Every card and answer of the demo, in the order of time. The buttons do nothing here.</p>
${cards.join('\n')}
</html>
`;
}

function cardsOf({ versions }: Message): Shown[] {
  const first = versions[0];
  const last = versions.at(-1);
  if (first === undefined || last === undefined) return [];
  return versions.length === 1
    ? [cardOf(first, '')]
    : [cardOf(first, 'as first posted'), cardOf(last, `the same card later, after ${versions.length - 1} updates`)];
}

function cardOf(version: Version, note: string): Shown {
  return { ...version, who: 'Firebreak', note };
}

function privateOf({ user, atMs, text, blocks }: Private, names: Map<string, string>): Shown {
  return { atMs, text, blocks, who: 'Firebreak', note: `only visible to ${names.get(user) ?? user}` };
}

function cardHtml({ atMs, who, note, text, blocks }: Shown): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const body = blocks.length === 0 ? `<p>${mrkdwn(text)}</p>` : blocks.map(blockHtml).join('\n');
  return `<article${note.startsWith('only') ? ' class="private"' : ''}><div class="by"><b>${html(who)}</b> <span class="app">APP</span> <time>${time} UTC</time> <i>${html(note)}</i></div>\n${body}</article>`;
}

type Loose = { [key: string]: unknown };

function blockHtml(block: Block): string {
  const { type, text, fields, elements, label } = block as unknown as { type: string } & Record<
    'text' | 'label',
    Loose | undefined
  > &
    Record<'fields' | 'elements', Loose[] | undefined>;
  switch (type) {
    case 'header':
      return `<h2>${html(said(text))}</h2>`;
    case 'section':
      return `<p>${[text, ...(fields ?? [])]
        .filter((each) => each !== undefined)
        .map((each) => mrkdwn(said(each)))
        .join('<br>')}</p>`;
    case 'context':
      return `<p class="context">${(elements ?? []).map((each) => mrkdwn(said(each))).join('<br>')}</p>`;
    case 'divider':
      return '<hr>';
    case 'input':
      return `<label>${html(said(label))}<input disabled></label>`;
    case 'actions':
      return `<div class="actions">${(elements ?? []).map((each) => `<button class="${each['style'] === 'primary' ? 'primary' : each['style'] === 'danger' ? 'danger' : ''}">${html(said(each['text'] as Loose))}</button>`).join('')}</div>`;
    default:
      return `<pre>${html(JSON.stringify(block))}</pre>`;
  }
}

function said(text: Loose | undefined): string {
  return typeof text?.['text'] === 'string' ? text['text'] : '';
}

/** Slack's own marking, as far as cards use it; texts arrive escaped as Slack wants them, and stay so. */
function mrkdwn(text: string): string {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((part, at) => (at % 2 === 1 ? `<code>${safe(part.replace(/^`+|`+$/g, ''))}</code>` : formatted(part)))
    .join('');
}

function formatted(text: string): string {
  return safe(text.replace(/<!date\^\d+\^[^|>]*\|([^>]*)>/g, '$1'))
    .replace(/(^|[\s(·•])\*([^*\n]+)\*/g, '$1<b>$2</b>')
    .replace(/(^|[\s(])_([^_\n]+)_(?=$|[\s).,])/g, '$1<i>$2</i>')
    .replaceAll('\n', '<br>');
}

/** Already escaped by whoever made the card: only what could still be markup is taken away. */
function safe(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function html(text: string): string {
  return safe(text.replaceAll('&', '&amp;'));
}

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } .lead, .context, time, i { color: #777; font-style: normal; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; margin: 1rem 0; overflow-wrap: anywhere; }
article.private { border-style: dashed; } .by { font-size: .85rem; } .app { background: var(--soft); border-radius: 3px; font-size: .65rem; padding: 0 .25rem; }
h2 { font-size: 1.05rem; margin: .4rem 0; } p { margin: .5rem 0; } .context { font-size: .8rem; }
code { background: var(--soft); border-radius: 3px; padding: 0 .2rem; font: .85em "DejaVu Sans Mono", monospace; }
label { display: block; font-weight: 600; font-size: .85rem; } input { display: block; width: 100%; box-sizing: border-box; height: 2rem; border: 1px solid var(--line); border-radius: 5px; background: none; }
.actions { margin: .7rem 0 .2rem; } button { font: 600 .9rem system-ui, "DejaVu Sans", sans-serif; padding: .35rem .9rem; border-radius: 5px; border: 1px solid var(--line); margin-right: .5rem; background: none; }
button.primary { background: #007a5a; color: #fff; } button.danger { background: #e01e5a; color: #fff; }
`;
