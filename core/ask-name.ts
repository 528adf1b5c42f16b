/** What a person types to say which ask is meant: its gate, or its own id where several ask at gates of that name. */
import type { AskView } from './run-view.js';

export function askName({ id, about }: AskView, asking: AskView[]): string {
  return asking.filter((each) => each.about.gate === about.gate).length > 1 ? id : about.gate;
}
