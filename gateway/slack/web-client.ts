/**
 * The client for Slack's Web API. It never tries again by itself and never waits for long: a card is shown again by the
 * poster, which knows what is newest, and an account that cannot be asked about is refused. Left to its defaults, the
 * client would try ten times in half an hour, without any timeout, and hold all calls back for one that is limited.
 */
import { type Logger, LogLevel, WebClient, type WebClientOptions } from '@slack/web-api';
import type { SlackSettings } from '../../core/installation.js';
import type { Log } from '../log.js';

const timeoutMs = 5_000;

export function clientOptions(settings: SlackSettings, log: Log): WebClientOptions {
  return {
    retryConfig: { retries: 0 },
    timeout: timeoutMs,
    rejectRateLimitedCalls: true,
    logger: slackLogger(log),
    ...(settings.apiUrl === undefined ? {} : { slackApiUrl: settings.apiUrl }),
    // Bolt answers through `response_url` with this; by itself it would wait for ever.
    fetch: (url, init) => fetch(url, { ...init, signal: init?.signal ?? AbortSignal.timeout(timeoutMs) }),
  };
}

export function openClient(settings: SlackSettings, botToken: string, log: Log): WebClient {
  return new WebClient(botToken, clientOptions(settings, log));
}

/** Errors only: every refused or failed call is reported by whoever made it, once, and not by the library each time. */
export function slackLogger(log: Log): Logger {
  return {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (...said: unknown[]) => log.error({ said: said.map(String) }, 'the Slack library reports an error'),
    setLevel: quiet,
    getLevel: () => LogLevel.ERROR,
    setName: quiet,
  };
}

function quiet(): void {
  // Said by whoever made the call.
}
