// What lies in a folder that somebody names by mistake: a real workspace, a home folder, last week's evidence.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/background.js';
import { claimDemo, claimSandbox } from '../../sandbox/claim.js';
import { runDemo } from '../../sandbox/demo.js';
import { openWorld } from '../../sandbox/world.js';

const newFolder = () => mkdtempSync(join(tmpdir(), 'firebreak-claim-'));
const own = 'environment: production\n';

test.each(['firebreak.yaml', 'people.yaml', join('secrets', 'slack-bot-token')])(
  'a folder with a %s that no sandbox wrote is refused and left as it is',
  async (name) => {
    const root = newFolder();
    mkdirSync(join(root, 'secrets'));
    writeFileSync(join(root, name), own);
    const before = readdirSync(root, { recursive: true });
    const refusal = { code: 'sandbox.not-a-sandbox', message: expect.stringContaining(join(root)) as string };
    await expect(openWorld({ root })).rejects.toMatchObject(refusal);
    await expect(startSandbox(root)).rejects.toMatchObject(refusal);
    expect(readFileSync(join(root, name), 'utf8')).toBe(own);
    expect(readdirSync(root, { recursive: true })).toEqual(before);
  },
);

test('a sandbox may be started again where one was, and where nothing is', () => {
  const root = join(newFolder(), 'new');
  claimSandbox(root);
  writeFileSync(join(root, 'firebreak.yaml'), 'environment: sandbox\n');
  expect(() => claimSandbox(root)).not.toThrow();
});

test('a demo refuses a folder with anything in it, and a file, and removes nothing', async () => {
  const out = newFolder();
  mkdirSync(join(out, 'workspace'));
  writeFileSync(join(out, 'workspace', 'thesis.txt'), own);
  await expect(runDemo({ out, tell: () => undefined })).rejects.toMatchObject({ code: 'demo.not-a-demo' });
  expect(readFileSync(join(out, 'workspace', 'thesis.txt'), 'utf8')).toBe(own);
  expect(() => claimDemo(join(out, 'workspace', 'thesis.txt'))).toThrow(
    expect.objectContaining({ code: 'demo.not-a-demo' }),
  );
});

test('a demo replaces an earlier demo, and keeps what a person put beside it', () => {
  const out = join(newFolder(), 'demo');
  claimDemo(out);
  mkdirSync(join(out, 'workspace'));
  writeFileSync(join(out, 'timeline.jsonl'), '{}\n');
  writeFileSync(join(out, 'my-notes.md'), own);
  claimDemo(out);
  expect(existsSync(join(out, 'workspace'))).toBe(false);
  expect(existsSync(join(out, 'timeline.jsonl'))).toBe(false);
  expect(readFileSync(join(out, 'my-notes.md'), 'utf8')).toBe(own);
});
