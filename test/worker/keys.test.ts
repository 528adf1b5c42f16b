import { chmodSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { sign, verify, createPublicKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { beforeEach, expect, test } from 'vitest';
import { openKeys, pinKeys } from '../../worker/keys.js';
import { type Workspace, workspaceAt } from '../../worker/workspace.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = workspaceAt(mkdtempSync(join(tmpdir(), 'firebreak-keys-')));
});

const people = `# Who may do what.
principals:
  alice: { slack: [{ team: T1, user: U1 }] } # on call this week
groups:
  security-oncall: [alice]
`;

test('keys are made once, readable by their owner alone, and are the same at every later start', () => {
  const first = openKeys(workspace);
  const again = openKeys(workspace);
  expect(readdirSync(workspace.keys).toSorted()).toEqual(['evidence.key', 'gateway.pem', 'journal.pem']);
  for (const name of readdirSync(workspace.keys)) expect(statSync(join(workspace.keys, name)).mode & 0o777).toBe(0o600);
  expect(again.gateway.publicKey).toBe(first.gateway.publicKey);
  expect(again.evidence.equals(first.evidence)).toBe(true);
  expect(first.evidence).toHaveLength(32);
  expect(first.gateway.id).toMatch(/^gateway-[0-9a-f]{8}$/);
  expect(first.journal.id).toMatch(/^journal-[0-9a-f]{8}$/);
});

test('what a key signs is verified with the public half that is pinned', () => {
  const { gateway } = openKeys(workspace);
  const publicKey = createPublicKey({ key: Buffer.from(gateway.publicKey, 'base64'), format: 'der', type: 'spki' });
  const text = Buffer.from('said by alice');
  expect(verify(null, text, publicKey, sign(null, text, gateway.privateKey))).toBe(true);
});

test.each(['gateway.pem', 'journal.pem', 'evidence.key'])('%s that others can read is refused by name', (name) => {
  openKeys(workspace);
  const file = join(workspace.keys, name);
  chmodSync(file, 0o640);
  expect(() => openKeys(workspace)).toThrow(
    expect.objectContaining({
      code: 'secret.too-open',
      target: file,
      nextStep: expect.stringContaining(`chmod 600 ${file}`),
    }),
  );
});

test('a folder of keys that others can write to is refused, for they could put their own there', () => {
  openKeys(workspace);
  chmodSync(workspace.keys, 0o770);
  expect(() => openKeys(workspace)).toThrow(
    expect.objectContaining({ code: 'secret.too-open', target: workspace.keys }),
  );
});

test('a damaged evidence key is refused and not replaced, because what it sealed would be lost', () => {
  openKeys(workspace);
  const file = join(workspace.keys, 'evidence.key');
  writeFileSync(file, 'short', { mode: 0o600 });
  expect(() => openKeys(workspace)).toThrow(expect.objectContaining({ code: 'keys.damaged', target: file }));
  expect(readFileSync(file, 'utf8')).toBe('short');
});

test('pinning writes the public halves beside what people wrote, and nothing the second time', () => {
  writeFileSync(workspace.people, people);
  const keys = openKeys(workspace);
  pinKeys(workspace, keys);
  const once = readFileSync(workspace.people, 'utf8');
  expect(once).toContain('# Who may do what.');
  expect(once).toContain('# on call this week');
  expect(parse(once)).toMatchObject({
    groups: { 'security-oncall': ['alice'] },
    keys: [
      { id: keys.gateway.id, use: 'gateway', public: keys.gateway.publicKey },
      { id: keys.journal.id, use: 'journal', public: keys.journal.publicKey },
    ],
  });
  const { mtimeMs } = statSync(workspace.people);
  pinKeys(workspace, keys);
  expect(readFileSync(workspace.people, 'utf8')).toBe(once);
  expect(statSync(workspace.people).mtimeMs).toBe(mtimeMs);
});

test('pinning keeps keys of earlier installations, by which old timelines are verified', () => {
  writeFileSync(
    workspace.people,
    `${people}keys:\n  - { id: journal-00000000, use: journal, public: AAAA } # before the move\n`,
  );
  pinKeys(workspace, openKeys(workspace));
  const text = readFileSync(workspace.people, 'utf8');
  expect(text).toContain('# before the move');
  expect(parse(text).keys).toHaveLength(3);
});

test('pinning without people.yaml says what to write', () => {
  expect(() => pinKeys(workspace, openKeys(workspace))).toThrow(
    expect.objectContaining({
      code: 'workspace.incomplete',
      target: workspace.people,
      nextStep: expect.stringContaining('people.yaml'),
    }),
  );
});

test('no part of a private key is pinned', () => {
  writeFileSync(workspace.people, people);
  pinKeys(workspace, openKeys(workspace));
  expect(readFileSync(workspace.people, 'utf8')).not.toContain('PRIVATE');
});
