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
    'what the answer says: `challenge`, `tokens`, `fail`, `created`, `correct`, `incorrect`, `unchanged`, `found`, `refused`, `factor_set`, `rejected`, `fault`',
  reason: 'stable cause of the outcome',
  user: 'pseudonym of the user: `u_` and an HMAC of pool and user name',
  clientId: 'app client of the event',
  requestId: 'id of the invocation; a thrown error shows it as `ref`',
  flowId: 'same for all lines of one login, as far as define and create know it',
  durationMs: 'milliseconds from the request to the answer',
  upstream: 'milliseconds by dependency',
  upstreamStatus: 'HTTP status of the dependency that failed last',
  upstreamErrorType: "that dependency's name of the error",
  upstreamRequestId: "that dependency's id of the request",
  coldStart: 'true on the first invocation of an environment',
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
  outcome?: string
  reason?: string | undefined
  flowId?: string | undefined
  /** Set if the level does not follow from the outcome. */
  level?: 'info' | 'warn' | 'error'
  error?: unknown
  /** No line is written, as for health checks. */
  quiet?: true
}
