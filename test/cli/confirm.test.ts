// A person at a terminal who is asked before anything is signed.
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirm } from '../../cli/confirm.js';

const tty = () => Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });

/** A terminal in which `types` is typed at the question. */
function terminal(types: string) {
  const [input, output] = [tty(), tty()];
  output.once('data', () => input.write(types));
  return { input, output };
}

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
  ['n', 'n\r'],
  ['Enter alone', '\r'],
])('%s is no agreement, and the person learns that nothing was signed', async (_name, types) => {
  await expect(confirm('Sign this as alice?', terminal(types))).rejects.toMatchObject({
    code: 'speaker.declined',
    exitCode: 1,
    message: 'Nothing was signed and nothing was said.',
  });
});

test('a terminal that goes away is no agreement either', async () => {
  const gone = terminal('');
  gone.output.once('data', () => gone.input.end());
  await expect(confirm('Sign this as alice?', gone)).rejects.toMatchObject({ code: 'speaker.declined' });
});

test('yes is an agreement, and a script is not asked', async () => {
  await expect(confirm('Sign this as alice?', terminal('yes\r'))).resolves.toBeUndefined();
  const script = { input: new PassThrough(), output: new PassThrough() };
  await expect(confirm('Sign this as alice?', script)).resolves.toBeUndefined();
  expect(script.output.read()).toBeNull();
});
