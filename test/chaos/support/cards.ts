/** Whether Slack shows each card of a run once, and as the run stands now. */
import { type Processes, waitFor } from '../../support/processes.js';

/** What does not hold about the cards of a run, once Slack has had time to take the last ones. */
export async function brokenCards(at: Processes, run: string): Promise<string[]> {
  const view = await waitFor('the gateway to answer', () => at.view(run));
  const keys = [`status:${run}`, ...view.asks.map(({ id }) => `ask:${run}/${id}`)];
  const title = view.verb === 'launch' ? view.runbook : `${view.verb} (${view.runbook})`;
  const texts = [`${title}: ${view.state}`, ...view.asks.map(() => `Approved: ${title}`)];
  const current = (): boolean =>
    keys.every(
      (key, at_) =>
        at
          .cards(key)[0]
          ?.versions.at(-1)
          ?.text.includes(texts[at_] ?? '') === true,
    );
  await waitFor('the cards to be current', async () => (current() ? true : undefined), 60_000).catch(() => undefined);
  return keys.flatMap((key, at_) => {
    const cards = at.cards(key);
    const text = cards[0]?.versions.at(-1)?.text;
    if (cards.length !== 1) return [`${run}: ${cards.length} messages are the card ${key}`];
    return text?.includes(texts[at_] ?? '') === true ? [] : [`${run}: the card ${key} says "${text}"`];
  });
}
