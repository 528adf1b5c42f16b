/** The loop around the picture: draws it anew with each event, each second, and each size of the terminal. */
import { styleText } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { Event } from '../../core/event.js';
import type { Hold } from '../../core/hold.js';
import type { RunView } from '../../core/run-view.js';
import { draw, type Paint } from './draw.js';
import { advance, type Progress } from './progress.js';

export interface Screen {
  event(event: Event, view: RunView | undefined): void;
  /** The gateway cannot be reached; the next event says that it is back. */
  away(): void;
  /** Draws once more and leaves the picture where it is. A second call does nothing. */
  end(view?: RunView, holds?: Hold[]): void;
}

const everyMs = 1_000;
const sizeDefault = { columns: 80, rows: 24 };

/** Whether a picture can be redrawn there, and is wanted. */
export function canDraw({ isTTY }: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return isTTY === true && env['TERM'] !== 'dumb' && env['CI'] === undefined;
}

export function openScreen(to: NodeJS.WriteStream): Screen {
  const update = createLogUpdate(to);
  const paint = to.hasColors() ? inColour : asItIs;
  let view: RunView | undefined;
  let progress: Progress = new Map();
  let held: Hold[] = [];
  let awaySinceMs: number | undefined;
  let ended = false;

  function show(): void {
    if (view === undefined) return;
    const { columns, rows } = { ...sizeDefault, ...sizeOf(to) };
    update(draw({ view, progress, holds: held, nowMs: Date.now(), columns, rows, awaySinceMs, paint }).join('\n'));
  }

  const timer = setInterval(show, everyMs);
  to.on('resize', show);
  return {
    event: (event, next) => {
      view = next;
      progress = advance(progress, event);
      awaySinceMs = undefined;
      show();
    },
    away: () => {
      awaySinceMs ??= Date.now();
      show();
    },
    end: (last, holds = []) => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      to.off('resize', show);
      view = last ?? view;
      held = holds;
      show();
      update.done();
    },
  };
}

/** A terminal that does not say has zero of both. */
function sizeOf({ columns, rows }: NodeJS.WriteStream): { columns?: number; rows?: number } {
  return columns > 0 && rows > 0 ? { columns, rows } : {};
}

const inColour: Paint = (what, text) =>
  text === ''
    ? text
    : styleText(({ good: 'green', bad: 'red', asks: 'yellow', dim: 'dim', strong: 'bold' } as const)[what], text);
const asItIs: Paint = (_what, text) => text;
