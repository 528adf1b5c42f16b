import { expect, test } from 'vitest';
import { FirebreakError } from '../../core/errors.js';
import { type LogOptions, openLog } from '../../worker/log.js';

function logged(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = openLog({ process: 'worker', level: 'info', ...options, to: { write: (line) => lines.push(line) } });
  return { log, text: () => lines.join(''), line: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

test('a line is a constant sentence with fields, in JSON', () => {
  const { log, line } = logged();
  log.warn({ step: 'isolate' }, 'step failed');
  expect(line()).toMatchObject({ process: 'worker', step: 'isolate', msg: 'step failed' });
});

test('an error keeps its code, its next step and its cause', () => {
  const { log, line } = logged();
  log.error(
    { error: new FirebreakError('aws.denied', 'Not allowed.', { nextStep: 'ask.', cause: new Error('403') }) },
    'step failed',
  );
  expect(line()).toMatchObject({
    error: { code: 'aws.denied', message: 'Not allowed.', nextStep: 'ask.', cause: { message: '403' } },
  });
});

test('a secret that the process has read is in no line, wherever it stands', () => {
  const known = new Set(['before-the-start']);
  const { log, text } = logged({ known });
  known.add('multi\nline "secret"');
  log.child({ bound: 'before-the-start' }).info({ deep: { list: ['x before-the-start y'] } }, 'sent before-the-start');
  log.error({ error: new Error('sent multi\nline "secret"') }, 'failed');
  expect(text()).not.toContain('before-the-start');
  expect(text()).not.toContain('line \\"secret');
  expect(text().match(/\[redacted\]/g)).not.toHaveLength(0);
});

test('fields that are named as secrets are not written, whatever they hold', () => {
  const { log, line } = logged();
  log.info({ request: { authorization: 'Bearer abc', path: '/v1' } }, 'asked');
  expect(line()).toMatchObject({ request: { authorization: '[redacted]', path: '/v1' } });
});

test('fields that refer to themselves end', () => {
  const { log, line } = logged();
  const self: Record<string, unknown> = { name: 'loop' };
  self['self'] = self;
  log.info(self, 'odd');
  expect(line()).toMatchObject({ name: 'loop', self: { name: 'loop' } });
});
