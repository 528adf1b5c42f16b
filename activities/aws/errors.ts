/** The one place where what AWS and its SDK say becomes an error of ours: a code, whether trying again can help, what to do. */
import { FirebreakError } from '../../core/errors.js';
import { redactText } from '../../core/redact.js';

const throttled = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'EC2ThrottledException',
  'SlowDown',
]);

const denied = new Set([
  'UnauthorizedOperation',
  'AccessDenied',
  'AccessDeniedException',
  'AuthFailure',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'OptInRequired',
  'Blocked',
  'CredentialsProviderError',
]);

/** What Node and the SDK call a connection that could not be made or was lost. */
const unreachable = new Set([
  'TimeoutError',
  'RequestTimeout',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** AWS's own error code of an error, however deep it was wrapped; undefined when AWS said none. */
export function awsCode(error: unknown): string | undefined {
  if (error instanceof FirebreakError) return awsCode(error.cause);
  return error instanceof Error ? saidCode(error) : undefined;
}

/**
 * Translates what a call threw. `action` is the permission it needs, `about` what it was about. What answers may echo the
 * request, and its headers with it; from here the words go into plans, histories and cards, so `secrets` are taken out now.
 */
export function translated(
  error: unknown,
  { action, about, secrets = [] }: { action: string; about?: string; secrets?: readonly string[] },
): FirebreakError {
  if (error instanceof FirebreakError) return error;
  const of = about === undefined ? '' : ` of ${about}`;
  const name = error instanceof Error ? error.name : '';
  const says = redactText(error instanceof Error ? error.message : String(error), secrets);
  const make = (code: string, message: string, nextStep: string, isTerminal: boolean) =>
    new FirebreakError(code, message, {
      nextStep,
      isTerminal,
      cause: error,
      ...(about === undefined ? {} : { target: about }),
    });

  if (name === 'AbortError') {
    return make(
      'aws.interrupted',
      `${action}${of} was interrupted; it may have taken effect.`,
      'retry: what was done is found and kept.',
      false,
    );
  }
  if (throttled.has(name)) {
    return make(
      'aws.throttled',
      `AWS is throttling ${action}${of}.`,
      'wait; it is tried again by itself, more slowly.',
      false,
    );
  }
  if (denied.has(name)) {
    return make(
      'aws.denied',
      `AWS denied ${action}${of}: ${says}`,
      `see that the credentials in firebreak.yaml are valid, and allow ${action} to them; \`firebreak permissions\` prints the least policy.`,
      true,
    );
  }
  if (unreachable.has(name) || unreachable.has(systemCode(error)) || says.includes('socket hang up')) {
    return make(
      'aws.unreachable',
      `AWS did not answer ${action}${of}: ${says}`,
      'check the network and the endpoint; it is tried again by itself.',
      false,
    );
  }
  if (isUnreadable(error))
    return answerUnreadable(
      action,
      isOfSecrets(action) ? 'it is not what the service sends' : (says.split('\n')[0] ?? ''),
      { cause: error, isTerminal: statusOf(error) < 500 },
    );
  if (name.endsWith('.NotFound') || name.endsWith('NotFoundException') || awsCode(error) === 'NoSuchEntity') {
    return make(
      'aws.not-found',
      `AWS knows nothing like that${of}: ${says}`,
      'check the id, the region and the account.',
      true,
    );
  }
  if (statusOf(error) >= 500) {
    return make(
      'aws.unreachable',
      `AWS failed at ${action}${of}: ${name}: ${says}`,
      'wait; it is tried again by itself.',
      false,
    );
  }
  return make(
    'aws.refused',
    `AWS refused ${action}${of}: ${name}: ${says}`,
    'look at what AWS says, mend it, then retry.',
    true,
  );
}

/** An answer that lacks what it must have, or is none: an error page, half a document. Never taken for "there is nothing". */
export function answerUnreadable(
  action: string,
  why: string,
  options: { cause?: unknown; isTerminal?: boolean } = {},
): FirebreakError {
  return new FirebreakError('aws.answer-unreadable', `The answer to ${action} cannot be read: ${why}.`, {
    nextStep: 'see what answers at the endpoint (a proxy, an emulator without this action), then retry.',
    ...options,
  });
}

/** What a parser says of half an answer quotes it, and this one may hold the value of a secret. */
function isOfSecrets(action: string): boolean {
  return action.startsWith('secretsmanager:');
}

/** A body that is not what the protocol says: the SDK throws without a code of AWS, or makes one up from the status. */
function isUnreadable(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'SyntaxError') return true;
  return hasMetadata(error) && saidCode(error) === undefined;
}

/** The code in the body of AWS's answer. */
function saidCode(error: Error): string | undefined {
  // JSON services name it beside the message, and the SDK names the error after it.
  if (Object.hasOwn(error, '__type')) return error.name;
  const said = 'Error' in error && typeof error.Error === 'object' && error.Error !== null ? error.Error : {};
  return 'Code' in said && typeof said.Code === 'string' ? said.Code : undefined;
}

function hasMetadata(error: object): error is { $metadata: { httpStatusCode?: number } } {
  return '$metadata' in error && typeof error.$metadata === 'object' && error.$metadata !== null;
}

function statusOf(error: unknown): number {
  return typeof error === 'object' && error !== null && hasMetadata(error) ? (error.$metadata.httpStatusCode ?? 0) : 0;
}

function systemCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
