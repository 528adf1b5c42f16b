import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { limitWorkflowStacks } from '../../worker/workflow-stacks.js';

const depthInside = () => runInNewContext('Error.stackTraceLimit') as number;

test('contexts that are made later have shallow stack traces; this process keeps its own depth', () => {
  const own = Error.stackTraceLimit;
  expect(depthInside()).toBeGreaterThan(2);
  limitWorkflowStacks();
  expect(depthInside()).toBe(2);
  expect(Error.stackTraceLimit).toBe(own);
});
