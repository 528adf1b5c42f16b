// When a figure fails the bench: a build must not be held up by a busy machine, nor pass with a recovery that is broken.
import { expect, test } from 'vitest';
import { type Figure, isFailure, isMet, printed } from './figure.js';

const figure = (value: number, noisy: boolean): Figure => ({
  name: 'recovery',
  ran: 'a test',
  value,
  unit: 's',
  target: 5,
  noisy,
});

test('on the full scale whatever misses its target fails', () => {
  for (const noisy of [true, false]) {
    expect(isFailure(figure(5, noisy), false)).toBe(false);
    expect(isFailure(figure(5.01, noisy), false)).toBe(true);
  }
});

test('on the short scale a missed time is told, and fails when it is worse than ten times its target', () => {
  expect([isMet(figure(50, true)), isFailure(figure(50, true), true)]).toEqual([false, false]);
  expect(isFailure(figure(50.1, true), true)).toBe(true);
});

test('a missed count fails on each scale, and so does what was never measured', () => {
  expect(isFailure(figure(5.01, false), true)).toBe(true);
  expect(isFailure(figure(Number.NaN, true), true)).toBe(true);
});

const compared = (value: number): Figure => ({
  ...figure(value, true),
  target: 1.3,
  against: { what: 'a plain loop', value: 10 },
});

test('what is compared is held to so many times the other, and printed with both', () => {
  expect([isMet(compared(13)), isMet(compared(13.1))]).toEqual([true, false]);
  expect([isFailure(compared(129), true), isFailure(compared(131), true)]).toEqual([false, true]);
  expect(printed(compared(12.345))).toMatchObject({
    value: 12.3,
    against: 'a plain loop, 10 s',
    ratio: 1.23,
    target: '1.3 times',
    met: true,
  });
});

test('what is compared with nothing is printed as a part of its target', () => {
  expect(printed(figure(10, false))).toMatchObject({ against: 'its target, 5 s', ratio: 2, target: '5 s', met: false });
});
