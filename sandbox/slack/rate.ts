/**
 * How often Slack lets an app call. `chat.postMessage` is special: one message a second in a channel; the others have a
 * number of calls a minute for each method (tiers, https://docs.slack.dev/apis/web-api/rate-limits). Slack allows short
 * bursts above these and does not say how short; here there are none, so that nothing passes only thanks to them.
 */
const perMinute: Record<string, number> = {
  'chat.update': 50,
  'chat.postEphemeral': 100,
  'conversations.history': 50,
  'conversations.replies': 50,
  'conversations.info': 50,
  'conversations.open': 50,
  'users.info': 100,
  'views.open': 100,
};
const minuteMs = 60_000;
const channelSpacingMs = 1000;

/** Answers how many seconds to wait, or undefined when the call may go ahead, which is then counted. */
export function openRateLimits(now: () => number): (method: string, channel: string | undefined) => number | undefined {
  const calls = new Map<string, number[]>();
  const posts = new Map<string, number>();
  return (method, channel) => {
    const at = now();
    if (method === 'chat.postMessage') {
      const waitMs = (posts.get(channel ?? '') ?? Number.NEGATIVE_INFINITY) + channelSpacingMs - at;
      if (waitMs > 0) return Math.ceil(waitMs / 1000);
      posts.set(channel ?? '', at);
      return undefined;
    }
    const most = perMinute[method];
    if (most === undefined) return undefined;
    const recent = (calls.get(method) ?? []).filter((each) => each > at - minuteMs);
    const oldest = recent[0];
    if (oldest !== undefined && recent.length >= most) return Math.max(1, Math.ceil((oldest + minuteMs - at) / 1000));
    calls.set(method, [...recent, at]);
    return undefined;
  };
}
