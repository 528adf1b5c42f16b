// The report as an auditor reads it, and as somebody would like to misuse it.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../core/change.js';
import { sha256 } from '../../journal/digest.js';
import { exportMarkdown, gatherRecord } from '../../journal/export.js';
import { code, plain, table } from '../../journal/report/markdown.js';
import { assemble, type Cast } from './support/cast.js';
import { holdDraft, holdEvent } from './support/drafts.js';
import { after, chain, gateAbout, tellIncident } from './support/incident.js';

let cast: Cast;
let report = '';

beforeAll(async () => {
  cast = assemble();
  const { store, end } = await tellIncident(cast);
  const target = { system: 'aws', region: 'eu-west-1', type: 'network-interface', id: 'eni-0ab1' };
  const outcome: Outcome = {
    version: 1,
    key: 'aws:eu-west-1:network-interface:eni-0ab1#groups',
    unit: 'aws.isolate-instance@1',
    item: { instance: 'i-0ab1' },
    target,
    aspect: 'groups',
    status: 'applied',
    shown: 'probed',
    before: { groups: ['sg-web'] },
    after: { groups: ['sg-quarantine'] },
    attempt: 1,
    startedAt: after(42),
    endedAt: after(44),
  };
  await store.putOutcomes('run-1', 'isolate', [outcome]);
  await store.putEvidence(
    {
      id: 'ev-1',
      chain,
      run: 'run-1',
      step: 'isolate',
      item: { instance: 'i-0ab1' },
      name: 'console|output.txt',
      sha256: sha256('console'),
      bytes: 7,
      mediaType: 'text/plain',
      method: 'ec2:GetConsoleOutput 2016-11-15',
      collectedBy: 'executor:aws',
      collectedAt: after(44),
    },
    Buffer.from('sealed'),
    { ...holdEvent('collected', 'evidence.collected'), chain },
  );
  await store.intend(holdDraft('hold-open', 'eni-0ab1#groups', 'run-1', chain), {
    ...holdEvent('held', 'hold.intended'),
    chain,
  });
  report = exportMarkdown(await store.events({ chain }), await gatherRecord(store, chain, { aws: 'emulator' }));
  await end();
});
afterAll(() => cast.end());

/** The rows of the table under a heading, cell by cell. */
function rowsUnder(heading: string): string[][] {
  const section = report.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2);
  return rows.map((row) => row.slice(2, -2).split(' | '));
}

describe('the report', () => {
  test('says who approved exactly what, when, and how that is proven', () => {
    const rows = rowsUnder('Approvals');
    expect(rows).toHaveLength(4);
    expect(rows[0]?.slice(0, 5)).toEqual([
      'bob',
      'approve',
      '2026-03-01 02:00:40',
      'containment (round 1) of `run-1`',
      `\`${gateAbout('run-1').plan}\``,
    ]);
    expect(rows[0]?.[5]).toMatch(/^own SSH key `SHA256:[A-Za-z0-9+/]{43}`$/);
    expect(rows[1]?.[5]).toBe('Slack account `U-dave` of `T1`, attested by `gateway-1`');
  });

  test('says what was changed from what to what, and what that was shown on', () => {
    expect(rowsUnder('Changes')).toEqual([
      [
        '`run-1` isolate',
        '`aws:eu-west-1:network-interface:eni-0ab1`',
        '`{"groups":["sg-web"]}` → `{"groups":["sg-quarantine"]}`',
        'applied',
        'probed on emulator',
        '2026-03-01 02:00:44',
      ],
    ]);
  });

  test('says what remains in force, and that an intended hold is not known to be', () => {
    const [row] = rowsUnder('What remains in force');
    expect(row?.[0]).toBe('`hold-open`');
    expect(row?.[3]).toMatch(/^unknown since /);
  });

  test('lists evidence by SHA-256, refusals with their reason, and each event in UTC', () => {
    expect(rowsUnder('Evidence')[0]?.slice(0, 3)).toEqual([
      String.raw`console\|output.txt`,
      `\`${sha256('console')}\``,
      '7',
    ]);
    expect(rowsUnder('Refusals')).toHaveLength(2);
    expect(rowsUnder('Refusals')[0]?.slice(1, 4)).toEqual(['alice', 'approve', '`gate.requester-excluded`']);
    expect(rowsUnder('Notes')).toHaveLength(2);
    expect(rowsUnder('Timeline').map(([seq]) => seq)).toEqual(
      rowsUnder('Timeline').map((_row, index) => `${index + 1}`),
    );
    expect(report).toContain('**Separation of duties** nominal');
  });

  test('tells the runs in the order of their launches and ends with how to verify it', () => {
    expect(rowsUnder('Runs').map(([run, verb, , , , , , , state]) => [run, verb, state])).toEqual([
      ['`run-1`', 'launch', 'done'],
      ['`run-2`', 'release', 'done'],
    ]);
    expect(report).toContain('firebreak timeline verify inc-1.jsonl');
  });

  test('of an empty journal is a report that says so', () => {
    const empty = exportMarkdown([], { outcomes: {}, holds: [], evidence: [], exportedAt: after(0) });
    expect(empty).toContain('Nothing remains in force.');
    expect(empty).toContain('Nobody was asked');
  });
});

describe('what people write', () => {
  test.each([
    ['a | b', String.raw`a \| b`],
    ['one\ntwo\r\n# three', String.raw`one two \# three`],
    ['<img src=x onerror=alert(1)>', String.raw`\<img src=x onerror=alert(1)\>`],
    ['[click](https://evil.example)', String.raw`\[click\](https\://evil.example)`],
    ['https://evil.example and www.evil.example', String.raw`https\://evil.example and www\.evil.example`],
    ['&lt;b&gt;', String.raw`\&lt;b\&gt;`],
    ['- [x] done', String.raw`\- \[x\] done`],
    ['**bold** `code` ~~gone~~ _it_', String.raw`\*\*bold\*\* \`code\` \~\~gone\~\~ \_it\_`],
    ['evil\u202etxt.exe', 'evil txt.exe'],
    ['@channel <!here>', String.raw`\@channel \<\!here\>`],
  ])('shows as it is and does nothing: %j', (text, expected) => {
    expect(plain(text)).toBe(expected);
  });

  test('no text breaks out of its cell, its line or its code', () => {
    const nasty = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[|`\\\n<>&[\]()*_#\-0-9a.]{0,30}$/));
    fc.assert(
      fc.property(nasty, nasty, (one, two) => {
        const text = table(['a', 'b'], [[plain(one), code(two)]], 'none');
        const lines = text.split('\n');
        expect(lines).toHaveLength(4);
        // Cells are parted by bars that no backslash takes back.
        expect((lines[2] ?? '').replaceAll(/\\[\\|`]/g, '').split('|')).toHaveLength(4);
        expect((lines[2] ?? '').replaceAll(/\\[!-/:-@[-`{-~]|`[^`]*`/g, '')).not.toMatch(/[<>`&]/);
        expect(text).not.toMatch(/[\r\u2028\u2029\u202e]/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a very long text is cut, and says how long it was', () => {
    expect(plain('x'.repeat(5_000))).toMatch(/^x{600} … \(5000 characters\)$/);
  });
});
