import { expect, test } from 'vitest';
import { oneLine, visible } from '../../cli/visible.js';

test('what moves the cursor, hides text or turns it round is marked; letters of all scripts, line breaks and tabs stay', () => {
  expect(visible('a\u001b[2K\rb')).toBe('a\ufffd[2K\ufffdb');
  expect(visible('i-1\u202e1-i\u2066\u200b\u009b')).toBe('i-1\ufffd1-i\ufffd\ufffd\ufffd');
  expect(visible('größe 主机 مضيف\n\tnext')).toBe('größe 主机 مضيف\n\tnext');
});

test('a reason cannot pass for a line of its own', () => {
  expect(oneLine('beacon\nNext: firebreak approve run-1\u001b[0m')).toBe(
    'beacon Next: firebreak approve run-1\ufffd[0m',
  );
});
