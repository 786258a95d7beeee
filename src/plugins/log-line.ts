import { randomBytes } from 'node:crypto'
import type { Level, Outcome, Reason } from '../reasons.js'

/** Makes an id that tells processes apart: of a thousand at once, two are alike in one case of ten thousand. */
export const createInstanceId = () => randomBytes(4).toString('hex')

/** Every field that a log line may have, with its meaning; the table in ON-CALL.md is compared with this list. */
export const LOG_FIELDS = {
  time: 'when, ISO 8601',
  level: 'trace, debug, info, warn, error, fatal',
  msg: 'what happened: one of a fixed list of texts',
  tenantId: 'tenant',
  customer: "the tenant's customer",
  userPoolId: 'user pool of the event or payload',
  region: 'region of the event',
  alias: 'Lambda alias through which the invocation came',
  trigger: "the trigger's name",
  action: "the action's name",
  triggerSource: "Cognito's own name of what happened",
  outcome:
    'what the answer says: `challenge`, `tokens`, `fail`, `created`, `correct`, `incorrect`, `unchanged`, `found`, `refused`, `factor_set`, `chained`, `signed_in`, `claimed`, `issued`, `forwarded`, `rejected`, `fault`',
  reason: 'stable cause of the outcome',
  user: 'pseudonym of the user: `u_` and an HMAC of pool and user name',
  clientId: 'app client of the event',
  requestId: 'id of the invocation; a thrown error shows it as `ref`',
  flowId: 'same for all lines of one login from its first create on; the first define comes before',
  attempt: 'which try of the passkey it is, if not the first',
  lateMs: 'how long after its end a proof came, in milliseconds',
  chained: "true if the customer's own function was asked; `upstream.lambda` has its milliseconds",
  userNotFound: 'true if the pool has no such user, and hides that from the client',
  clientSdk: "name and version of the client's AWS SDK, on define's lines, as far as Cognito tells them",
  durationMs: 'milliseconds from the request to the answer',
  upstream: 'milliseconds by dependency',
  failed: 'dependency that failed last; the four fields after it speak of it',
  operation:
    'what it was asked for: `GetItem`, `GetParameter`, `AssumeRole`, `AdminGetUser`, `ListUsers`, `AdminSetUserMFAPreference`, `DescribeUserPoolClient`, `AdminInitiateAuth`, `AdminRespondToAuthChallenge`, `verifySignedData`, `Invoke`, `jwks.json`, `connectTokens`',
  upstreamStatus: 'its HTTP status',
  upstreamErrorType: 'its name of the error',
  upstreamRequestId: 'its id of the request',
  breakerOpen: 'true if that dependency was not asked, because the calls of this tenant before waited for it in vain',
  secretVersion: "number that SSM gives the value of the tenant's secret",
  remembered: 'true if it was answered from memory: a verdict that was given before, or a failure of a moment ago',
  coldStart: 'true on the first invocation of an environment',
  startMs: 'milliseconds from the start of the process to its first invocation, or until the container was ready',
  door: 'how the request came in: `lambda`, `container`, or `forwarder` for the function before a container',
  instance: 'process that wrote the line: made up anew at each start',
  configVersion: 'version of the tenant config that served',
  configStale: 'true if the table failed and an older config served',
  gatewayVersion: 'version of the gateway',
  port: 'port of the container door, once it listens',
  err: '`code` of the failure; for an unexpected one also `name` and `at`, the place in our code that raised it',
} as const

/**
 * Texts a line may carry, with their meanings; the table in ON-CALL.md is compared with this list. Anything else, such as a
 * library's own message, could hold what must not be logged.
 */
export const LOG_MESSAGES = {
  trigger: 'closing line of a trigger',
  action: 'closing line of an action',
  request: 'closing line of another HTTP request',
  invocation: 'closing line of an invocation that is none of these',
  listening: 'the container door takes connections',
  ready: 'the container has started',
  stopping: 'the container was told to stop and takes nothing new',
  stopped: 'all that ran has ended, or was cut off after 10 s',
  'caller secrets unusable':
    '`CALLER_SECRETS_PARAMETER` is missing (`upstreamErrorType`) or has no `whsec_…` line. What it held last serves on, unless it is missing; `/health/ready` says `caller-secrets`. Put the secrets back, one a line, without quotes; read again within 6 s',
  'pseudonym key unusable':
    '`PSEUDONYM_KEY_PARAMETER` is missing (`upstreamErrorType`) or holds fewer than 32 bytes: lines carry no `user`. Put the key back; read again within 6 s',
} as const
/** A text of {@link LOG_MESSAGES}. */
export type LogMessage = keyof typeof LOG_MESSAGES

/** What routes and plugins find out about a request on its way; the closing line is written from it. */
export interface LineFacts {
  msg: LogMessage
  trigger?: string
  action?: string
  triggerSource?: string | undefined
  userPoolId?: string | undefined
  region?: string | undefined
  clientId?: string | undefined
  /** Cognito's user name: only its pseudonym is written. */
  username?: string | undefined
  outcome?: Outcome
  reason?: Reason | undefined
  flowId?: string | undefined
  attempt?: number
  lateMs?: number
  userNotFound?: true
  chained?: true
  clientSdk?: string | undefined
  /** Set only if the level does not follow from the outcome. */
  level?: Level
  error?: unknown
  /** No line is written, as for health checks. */
  quiet?: true
}
