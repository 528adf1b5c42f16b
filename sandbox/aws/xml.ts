/** Just enough XML for the answers of an emulator: elements and text, no attributes but on the root, kept byte for byte. */

export interface Element {
  name: string;
  /** As written in the start tag. */
  attributes: string;
  children: Element[];
  /** Escaped as it came; only elements without children have one. */
  text: string;
}

/** Undefined when the text is no XML document, as an error page of a web server is not. */
export function parseXml(text: string): Element | undefined {
  if (!text.startsWith('<?xml')) return undefined;
  const root: Element = { name: '', attributes: '', children: [], text: '' };
  const open = [root];
  for (const [, closing, name = '', attributes = '', empty, between] of text.matchAll(
    /<(\/?)([\w.:-]+)([^<>]*?)(\/?)>|([^<]+)/g,
  )) {
    const inside = open.at(-1) ?? root;
    if (between !== undefined) {
      if (inside !== root) inside.text += between;
      continue;
    }
    if (closing === '/') {
      open.pop();
      continue;
    }
    const element: Element = { name, attributes, children: [], text: '' };
    inside.children.push(element);
    if (empty !== '/') open.push(element);
  }
  return root.children[0];
}

export function printXml(element: Element): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n${print(element)}`;
}

function print({ name, attributes, children, text }: Element): string {
  const inside = children.length === 0 ? text : children.map(print).join('');
  return inside === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${inside}</${name}>`;
}

export function child(of: Element | undefined, name: string): Element | undefined {
  return of?.children.find((each) => each.name === name);
}

/** The text of a child, undefined when there is no such child. */
export function textOf(of: Element | undefined, name: string): string | undefined {
  return child(of, name)?.text;
}

/** The items of a list, `<name><item/>...</name>`; none when there is no list. */
export function items(of: Element | undefined, name: string): Element[] {
  return child(of, name)?.children ?? [];
}
