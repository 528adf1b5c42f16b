/**
 * Finds a secret in whatever it may have been written down as. Only a test's tool: what keeps secrets out (`core/redact.ts`)
 * shares no code with it, or both would be blind to the same spelling.
 */

export interface Secret {
  name: string;
  bytes: Uint8Array;
}

/** Something in which a secret could lie: a file, a row, a message. */
export interface Place {
  where: string;
  bytes: Uint8Array;
}

export interface Found {
  secret: string;
  spelling: string;
  where: string;
}

/** A shorter spelling would be found by chance. */
const needleBytesMin = 10;

/** Every spelling of every secret that stands in one of the places. */
export function findSecrets(secrets: Secret[], places: Iterable<Place>): Found[] {
  const needles = secrets.flatMap(({ name, bytes }) =>
    [...spellingsOf(bytes)].map(([spelling, needle]) => ({ secret: name, spelling, needle })),
  );
  const found: Found[] = [];
  for (const { where, bytes } of places) {
    const texts = [Buffer.from(bytes), unwrapped(bytes)];
    for (const { secret, spelling, needle } of needles)
      if (texts.some((text) => text.includes(needle))) found.push({ secret, spelling, where });
  }
  return found;
}

/** As a secret may be spelt, by the name of the spelling. */
export function spellingsOf(bytes: Uint8Array): Map<string, Buffer> {
  const raw = Buffer.from(bytes);
  const text = raw.toString('utf8');
  const isText = Buffer.from(text).equals(raw);
  const percent = [...raw].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const spellings: [string, string | Buffer][] = [
    ['raw', raw],
    ['hex', raw.toString('hex')],
    ['HEX', raw.toString('hex').toUpperCase()],
    ['percent', percent],
    ['PERCENT', percent.toUpperCase()],
    ...[0, 1, 2].flatMap((offset): [string, string][] => {
      const base64 = base64At(raw, offset);
      return [
        [`base64+${offset}`, base64],
        [`base64url+${offset}`, base64.replaceAll('+', '-').replaceAll('/', '_')],
      ];
    }),
  ];
  if (isText) {
    const json = inJson(text);
    const url = encodeURIComponent(text);
    spellings.push(
      ['JSON', json],
      ['JSON in JSON', inJson(json)],
      ['JSON with slashes', json.replaceAll('/', '\\/')],
      ['JSON with slashes in JSON', inJson(json.replaceAll('/', '\\/'))],
      ['URL', url],
      ['url', url.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())],
      ['form', new URLSearchParams({ '': text }).toString().slice(1)],
      ['XML', text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')],
    );
  }
  const needles = spellings.map(([name, needle]) => [name, Buffer.from(needle)] as const);
  if (needles.some(([, needle]) => needle.length < needleBytesMin))
    throw new Error(`A secret of ${raw.length} bytes is too short to search for.`);
  return new Map(needles);
}

/** The digits that depend on the secret alone, when so many bytes (modulo three) stand before it in what is encoded. */
function base64At(bytes: Buffer, offset: number): string {
  const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return digits.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Without line ends, written out or escaped, by which PEM and MIME break long digits. */
function unwrapped(bytes: Uint8Array): Buffer {
  return Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/(?:[\r\n\t ]|\\[rn])+/g, ''),
    'latin1',
  );
}
