import createError from '@fastify/error'
import type { Reason } from './reasons.js'

/**
 * Every failure of the gateway. The message is public: Cognito shows it to the end user, so it names no tenant, no role and
 * no dependency. What the engineer on call needs is in `reason`, `cause` and the log line.
 */
const unavailable = 'Sign-in with a passkey is not available right now.'
const notSetUp = 'Sign-in with a passkey is not set up correctly.'

export const EnvInvalid = createError('GW_ERR_ENV_INVALID', '%s', 500)
export const Internal = createError('GW_ERR_INTERNAL', unavailable, 500)

export const InvocationUnknown = createError('GW_ERR_INVOCATION_UNKNOWN', 'This invocation is not supported.', 400)
export const InvocationUnqualified = createError('GW_ERR_INVOCATION_UNQUALIFIED', notSetUp, 403)
export const InvocationWrongAlias = createError('GW_ERR_INVOCATION_WRONG_ALIAS', notSetUp, 403)

export const RequestInvalid = createError('GW_ERR_REQUEST_INVALID', 'The request is not valid: %s.', 400)
export const RequestMismatch = createError('GW_ERR_REQUEST_MISMATCH', 'Path and body of the request disagree.', 400)
export const RequestTooLarge = createError('GW_ERR_REQUEST_TOO_LARGE', 'The request is too large.', 413)
export const RequestLate = createError('GW_ERR_REQUEST_LATE', 'The request did not arrive in time.', 408)
export const RequestHeadersTooLarge = createError(
  'GW_ERR_REQUEST_HEADERS_TOO_LARGE',
  'The headers of the request are too large.',
  431,
)
export const RequestMediaType = createError('GW_ERR_REQUEST_MEDIA_TYPE', 'The body must be application/json.', 415)
export const RouteUnknown = createError('GW_ERR_ROUTE_UNKNOWN', 'There is no such route.', 404)
export const MethodNotAllowed = createError('GW_ERR_METHOD_NOT_ALLOWED', 'The route does not take this method.', 405)
export const Overloaded = createError('GW_ERR_OVERLOADED', unavailable, 503)
export const CallerUnsigned = createError('GW_ERR_CALLER_UNSIGNED', 'The request is not signed, or not by us.', 401)
export const CallerReplayed = createError('GW_ERR_CALLER_REPLAYED', 'The request was received before.', 401)
export const CallerSecretsUnavailable = createError('GW_ERR_CALLER_SECRETS_UNAVAILABLE', unavailable, 503)

export const TenantUnknown = createError('GW_ERR_TENANT_UNKNOWN', notSetUp, 404)
export const TenantDraft = createError('GW_ERR_TENANT_DRAFT', notSetUp, 404)
export const TenantSuspended = createError('GW_ERR_TENANT_SUSPENDED', unavailable, 403)
export const TenantWrongAlias = createError('GW_ERR_TENANT_WRONG_ALIAS', notSetUp, 403)
export const TenantConfigInvalid = createError('GW_ERR_TENANT_CONFIG_INVALID', unavailable, 502)

/** Carries the text that the customer's own function threw: Cognito shows it to the user, as it would without a gateway. */
export const ChainThrew = createError('GW_ERR_CHAIN_THREW', '%s', 422)
export const ChainFailed = createError('GW_ERR_CHAIN_FAILED', 'This is not possible right now.', 502)
export const TriggerSenderRefused = createError('GW_ERR_TRIGGER_SENDER_REFUSED', 'This message cannot be sent.', 501)
export const ActionNotConfigured = createError('GW_ERR_ACTION_NOT_CONFIGURED', 'This action is not set up.', 404)
export const ActionRefused = createError('GW_ERR_ACTION_REFUSED', 'The sign-in was refused.', 401)
export const ActionUserNotFound = createError('GW_ERR_ACTION_USER_NOT_FOUND', 'There is no such user.', 404)

export const PseudonymKeyUnavailable = createError('GW_ERR_PSEUDONYM_KEY_UNAVAILABLE', unavailable, 503)

export const ConnectTokensNotConfigured = createError(
  'GW_ERR_CONNECT_TOKENS_NOT_CONFIGURED',
  'Connect tokens are not set up.',
  404,
)
export const ConnectTokenUnauthorized = createError(
  'GW_ERR_CONNECT_TOKEN_UNAUTHORIZED',
  'The ID token is missing or not valid.',
  401,
)
export const ConnectTokenTypeRefused = createError(
  'GW_ERR_CONNECT_TOKEN_TYPE_REFUSED',
  'Connect tokens of this type are not given here.',
  403,
)
export const ConnectTokenLimited = createError(
  'GW_ERR_CONNECT_TOKEN_LIMITED',
  'A connect token was given a moment ago.',
  429,
)
export const ConnectTokenKeysUnavailable = createError('GW_ERR_CONNECT_TOKEN_KEYS_UNAVAILABLE', unavailable, 503)

/** What a dependency did instead of answering; each kind has a code and an HTTP status of its own. */
const upstreamErrors = {
  timeout: createError('GW_ERR_UPSTREAM_TIMEOUT', unavailable, 504),
  unavailable: createError('GW_ERR_UPSTREAM_UNAVAILABLE', unavailable, 503),
  throttled: createError('GW_ERR_UPSTREAM_THROTTLED', unavailable, 503),
  expired: createError('GW_ERR_UPSTREAM_EXPIRED', unavailable, 502),
  denied: createError('GW_ERR_UPSTREAM_DENIED', unavailable, 502),
  rejected: createError('GW_ERR_UPSTREAM_REJECTED', unavailable, 502),
  malformed: createError('GW_ERR_UPSTREAM_MALFORMED', unavailable, 502),
}

export type UpstreamFaultKind = keyof typeof upstreamErrors
/** The dependencies, as log lines name them; `sns` is only of the function that watches. */
export type Upstream =
  | 'table'
  | 'ssm'
  | 'sts'
  | 'cognito'
  | 'lambda'
  | 'cloudformation'
  | 'cloudwatch'
  | 'sns'
  | 'corbado'

/** The calls that the service makes, by their dependencies' own names. */
export type Operation =
  | 'GetItem'
  | 'GetParameter'
  | 'AssumeRole'
  | 'AdminGetUser'
  | 'ListUsers'
  | 'AdminSetUserMFAPreference'
  | 'DescribeUserPoolClient'
  | 'AdminInitiateAuth'
  | 'AdminRespondToAuthChallenge'
  | 'verifySignedData'
  | 'Invoke'
  | 'jwks.json'
  | 'connectTokens'

/** What is known of a failed call; safe to log. */
export interface UpstreamFacts {
  /** The call that failed, if it is one of the service's. */
  readonly operation?: Operation | undefined
  /** HTTP status, if an answer came. */
  readonly status?: number | undefined
  /** The dependency's own name of the error, e.g. `UserNotFoundException`. */
  readonly errorType?: string | undefined
  /** The dependency's own id of the request. */
  readonly requestId?: string | undefined
  /** It was not asked: the calls before this one waited for it in vain. */
  readonly breakerOpen?: boolean | undefined
}

/** An error's name, if it looks like one: whatever else a broken dependency says must not reach a log line. */
export function errorName(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z_]{1,64}$/.test(value) ? value : undefined
}

/** The forms of Corbado's, AWS's and DynamoDB's request ids. */
const requestIds = /^(req-\d{1,20}|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|[\dA-Z]{52})$/

/** A dependency's id of a request, if it has the shape of one. */
export function requestIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && requestIds.test(value) ? value : undefined
}

/** A failure as the gateway raises it: an Error with `code` and `statusCode`. */
export type GatewayError = Error & { readonly code: ErrorCode; readonly statusCode: number }

/** A dependency's fault. `reason` goes to the log; by `facts.errorType` the tenant room recognises expected answers. */
export type UpstreamError = GatewayError & {
  readonly upstream: Upstream
  readonly kind: UpstreamFaultKind
  readonly facts: UpstreamFacts
  /** Stable cause for the log, `<upstream>_<kind>` unless the tenant room knows better. */
  reason: Reason | CommandFault
}

/** The error for a trigger that the customer's own function did not answer; `reason` says why. */
export function chainFailed(reason: Reason): GatewayError {
  return Object.assign(new ChainFailed(), { reason })
}

/** Faults that only the command line can meet: the service makes no such call, or has its own reason for it. */
export type CommandFault = Exclude<`${Upstream}_${UpstreamFaultKind}`, Reason>

/** Can only the command line meet this? */
export function isCommandFault(reason: Reason | CommandFault): reason is CommandFault {
  return /^(ssm|lambda|cloudformation|cloudwatch|sns|corbado)_|^cognito_denied$/.test(reason)
}

/** Makes the error for a dependency that did not do what it was asked. */
export function upstreamError(
  upstream: Upstream,
  kind: UpstreamFaultKind,
  facts: UpstreamFacts = {},
  cause?: unknown,
): UpstreamError {
  const error = new upstreamErrors[kind]({ cause })
  return Object.assign(error, { upstream, kind, facts, reason: `${upstream}_${kind}` as const })
}

/** The error for an answer that is not the service's JSON or XML, such as the page of a proxy in between. */
export function unreadAnswer(upstream: Upstream, kind: UpstreamFaultKind, facts: UpstreamFacts): UpstreamError {
  const language = ['sts', 'cloudformation', 'sns'].includes(upstream) ? 'XML' : 'JSON'
  const said = `answered ${facts.status} with something that is no ${language} (a proxy?)`
  return upstreamError(upstream, kind, facts, new Error(said))
}

/** The error for an answer about something other than was asked for. No part of it may be used. */
export function otherAnswer(upstream: Upstream, about: string, asked: string): UpstreamError {
  return upstreamError(upstream, 'malformed', {}, new Error(`its answer is about ${about}, not about ${asked}`))
}

/** Was this raised by {@link upstreamError}? */
export function isUpstreamError(error: unknown): error is UpstreamError {
  return error instanceof Error && 'upstream' in error && 'kind' in error
}

/** AWS's names for a refused signature; most often its date was wrong. */
const signatureErrors =
  /^(InvalidSignatureException|SignatureDoesNotMatch|RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|AuthFailure)$/

/** Does an error's name say that the signature was refused? Then nothing was done, and the request may be signed again. */
export function isSignatureError(name: string | undefined): boolean {
  return name !== undefined && signatureErrors.test(name)
}

/** Was a request refused for its signature? That says nothing about what was asked for, so it is not remembered. */
export function isSignatureRefused(error: unknown): boolean {
  return isUpstreamError(error) && isSignatureError(error.facts.errorType)
}

/** Is this one of ours, with a public message? */
export function isGatewayError(error: unknown): error is GatewayError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('GW_ERR_')
}

/** The error for a refused action. @param reason goes to the log line; the caller gets the same text for every refusal */
export function actionRefused(reason: Reason = 'action_refused'): GatewayError {
  return Object.assign(new ActionRefused(), { statusCode: 401, refusedFor: reason })
}

/** The stable cause of a failure, as log lines name it: `table_timeout`, `tenant_wrong_alias`, `internal`. */
export function reasonOf(error: unknown): Reason {
  if (isUpstreamError(error)) return isCommandFault(error.reason) ? 'internal' : error.reason
  if (error instanceof ChainFailed && 'reason' in error) return error.reason as Reason
  if (error instanceof ActionRefused && 'refusedFor' in error) return error.refusedFor as Reason
  return isGatewayError(error) && isLogged(error.code) ? reasonOfCode(error.code) : 'internal'
}

/** A code that a log line can have. With a wrong setting nothing starts, so nothing is logged. */
export type LoggedCode = Exclude<ErrorCode, 'GW_ERR_ENV_INVALID'>
type ReasonOfCode<Code> = Code extends `GW_ERR_${infer Name}` ? Lowercase<Name> : never

/** Can a log line have this code? */
export function isLogged(code: ErrorCode): code is LoggedCode {
  return code !== 'GW_ERR_ENV_INVALID'
}

/** The reason of a code: `tenant_draft` for `GW_ERR_TENANT_DRAFT`. */
export function reasonOfCode(code: LoggedCode): Reason {
  // The compiler cannot follow the text, but it does check that each of these is a reason; a test checks every code.
  return code.replace('GW_ERR_', '').toLowerCase() as ReasonOfCode<LoggedCode>
}

const CLASSES = [
  EnvInvalid,
  Internal,
  InvocationUnknown,
  InvocationUnqualified,
  InvocationWrongAlias,
  RequestInvalid,
  RequestMismatch,
  RequestTooLarge,
  RequestLate,
  RequestHeadersTooLarge,
  RequestMediaType,
  RouteUnknown,
  MethodNotAllowed,
  Overloaded,
  CallerUnsigned,
  CallerReplayed,
  CallerSecretsUnavailable,
  TenantUnknown,
  TenantDraft,
  TenantSuspended,
  TenantWrongAlias,
  TenantConfigInvalid,
  ChainThrew,
  ChainFailed,
  TriggerSenderRefused,
  ActionNotConfigured,
  ActionRefused,
  ActionUserNotFound,
  PseudonymKeyUnavailable,
  ConnectTokensNotConfigured,
  ConnectTokenUnauthorized,
  ConnectTokenTypeRefused,
  ConnectTokenLimited,
  ConnectTokenKeysUnavailable,
  ...Object.values(upstreamErrors),
] as const

/**
 * An error that a Lambda function may throw: Cognito shows its text to the user. It has no cause, no other property, and no
 * frames of ours in the stack.
 * @param ofCustomer the text is that of the customer's own function, so it may be about a person, and must not stand in our
 * logs. Lambda's runtime logs what a handler throws as JSON (fact A57), and hands its message to Cognito without
 */
export function publicError(text: string, { ofCustomer = false } = {}): Error {
  const error = new Error(text)
  error.stack = ofCustomer ? '' : `Error: ${error.message}`
  if (ofCustomer) Object.defineProperty(error, 'toJSON', { value: () => UNLOGGED })
  return error
}
const UNLOGGED = { errorType: 'Error', errorMessage: "What the customer's own function said is not logged." }

/** Every code there is. */
export type ErrorCode = InstanceType<(typeof CLASSES)[number]>['code']

/** All codes with status and message, for the table in ON-CALL.md and the test that keeps the two equal. */
export const ERRORS = CLASSES.map((Class) => {
  const { code, statusCode, message } = new Class()
  return { code, statusCode: statusCode ?? 500, message: message.replace('%s', '…') }
})
