/**
 * Why something ended as it did: every reason that a log line can have, and what the engineer on call needs to know about
 * it. It is one table, so the file is long. The compiler refuses any other reason; the pages, the alarms and the command
 * `reasons` take their words from here; a test makes the real handlers produce every row. Most of the service imports only
 * the types, so that no bundle of it carries the texts.
 */

/** What the answer of a call says. */
export const OUTCOMES = [
  'challenge',
  'tokens',
  'fail',
  'created',
  'correct',
  'incorrect',
  'unchanged',
  'found',
  'refused',
  'factor_set',
  'chained',
  'signed_in',
  'claimed',
  'issued',
  'forwarded',
  'rejected',
  'fault',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Who has to act, if anybody does; the operator is the person at Corbado who looks after the tenants. */
export type Owner = 'us' | 'operator' | 'customer' | 'Corbado' | 'end user'

export type Level = 'info' | 'warn' | 'error'

const CUSTOM_AUTH = ['define-auth-challenge', 'create-auth-challenge', 'verify-auth-challenge-response'] as const
const IGNORABLE = [
  'pre-sign-up',
  'post-confirmation',
  'pre-authentication',
  'post-authentication',
  'pre-token-generation',
  'custom-message',
  'inbound-federation',
] as const
const PASS_THROUGH = [...IGNORABLE, 'user-migration'] as const
const SENDERS = ['custom-email-sender', 'custom-sms-sender'] as const
const ACTIONS = ['pre-login', 'post-login', 'post-append', 'connect-tokens'] as const
const TRIGGERS = [...CUSTOM_AUTH, ...PASS_THROUGH, ...SENDERS] as const

/** Steps that people call by one name. A reason with all steps of a name is listed under it, and not under later ones. */
const STEP_GROUPS: Readonly<Record<string, readonly Step[]>> = {
  'every trigger': [...TRIGGERS, 'unknown'],
  define: ['define-auth-challenge'],
  create: ['create-auth-challenge'],
  verify: ['verify-auth-challenge-response'],
  'other triggers': PASS_THROUGH,
  'unknown triggers': ['unknown'],
  senders: SENDERS,
  'pre-login': ['pre-login'],
  'post-login': ['post-login'],
  'post-append': ['post-append'],
  'connect tokens': ['connect-tokens'],
  request: ['request'],
  invocation: ['invocation'],
  forwarder: ['forwarder'],
}

/**
 * Where a line comes from: its trigger or action; `request` and `invocation` if it has neither; `forwarder` if the function
 * before a container wrote it, whatever the trigger. `unknown` is a trigger that Cognito may add one day.
 */
export type Step =
  | (typeof TRIGGERS)[number]
  | 'unknown'
  | (typeof ACTIONS)[number]
  | 'request'
  | 'invocation'
  | 'forwarder'

/** What `explain` looks for in the lines around an incident. */
export type Clue =
  | 'config changed'
  | 'config old'
  | 'secret changed'
  | 'secret old'
  | 'many tenants'
  | 'one tenant'
  | 'one client'
  | 'one release'
  | 'more traffic'
  | 'usual traffic'
  | 'status 401'
  | 'status 403'
  | 'status 5xx'
  | 'no status'
  | 'same lateness'
  | 'lateness differs'
  | 'operation AdminGetUser'
  | 'operation ListUsers'
  | 'operation AdminSetUserMFAPreference'
  | 'operation of a sign-in'

/** One of several causes that share a reason, and how to recognise it. */
export type Alike = {
  readonly what: string
  readonly tell: string
  /** What shows it in the lines alone; all of them must hold. Without clues, only what `tell` names can show it. */
  readonly clues?: readonly Clue[]
} & (
  | {
      readonly owner?: undefined
      /** What fixes this cause, if it is not what fixes the row: a command or, where none can, what to do. */
      readonly fix?: string
    }
  | {
      /** Who has to act on this cause, if not the owner of the row: whoever it is cannot do what fixes the row. */
      readonly owner: Owner
      readonly fix: string
    }
)

export interface ReasonRow {
  /** The outcomes with which it comes, by step. */
  readonly at: { readonly [S in Step]?: readonly Outcome[] }
  readonly owner: Owner
  /** Level of a line whose outcome is neither `fault` (always error) nor `rejected` (always warn); info if left out. */
  readonly level?: Level
  /** What it means, and what to do. */
  readonly means: string
  /** The command that fixes it, or that says what would; where none does, what to do or look at. Every fault has one. */
  readonly fix?: string
  readonly alike?: readonly Alike[]
  /** How many lines in five minutes make it ring, and where to look then. */
  readonly alarm?: { readonly from: number; readonly look: string }
}

function at<S extends Step, O extends Outcome>(
  steps: readonly S[],
  ...outcomes: readonly O[]
): { readonly [K in S]: readonly O[] } {
  return Object.fromEntries(steps.map((step) => [step, outcomes])) as { [K in S]: readonly O[] }
}

const DOCTOR = 'corbado-gateway doctor <tenant>'
const HISTORY = 'corbado-gateway tenants history <tenant>'
const SECRET = 'corbado-gateway secret set <tenant>'
const ACTIVATE = 'corbado-gateway tenants activate <tenant>'
const LOGS = 'corbado-gateway logs --tenant <tenant> --level error'
const RESUME = 'corbado-gateway tenants resume <tenant>'

/** Against who only tries. */
const STOP = "have the customer put AWS WAF before its pool, and lower the tenant's `limits` until then"

const INCORRECT = at(['verify-auth-challenge-response'], 'incorrect')
/** A secret that post-login or Verify needs. */
const SECRET_AT = { ...INCORRECT, ...at(['post-login', 'connect-tokens'], 'fault') } as const
/** Corbado's Backend API, asked for a verdict or a connect token. */
const BACKEND = { ...INCORRECT, ...at(['connect-tokens'], 'fault') } as const
const FAIL = at(['define-auth-challenge'], 'fail')
const REFUSED = at(['pre-login'], 'refused')
const KEPT = at(['post-append'], 'unchanged')

/** Without the tenant's config nothing can be decided; a trigger that the gateway leaves alone goes on. */
const NO_CONFIG = {
  ...at([...CUSTOM_AUTH, ...SENDERS, 'post-login', 'post-append', 'connect-tokens'], 'fault'),
  ...at([...PASS_THROUGH, 'unknown'], 'unchanged'),
  ...REFUSED,
} as const
/** The same for a tenant that must not be served. */
const NOT_SERVED = {
  ...at([...CUSTOM_AUTH, ...SENDERS, ...ACTIONS, 'forwarder'], 'rejected'),
  ...at([...PASS_THROUGH, 'unknown'], 'unchanged'),
} as const
const POOL = { ...REFUSED, ...at(['post-login', 'post-append'], 'fault') } as const
const REQUEST = at(['request'], 'rejected')
const FORWARDER = at(['forwarder'], 'fault')
/** Where a customer's own function may answer; for some of them its fault can be ignored. */
const CHAIN = {
  ...at([...CUSTOM_AUTH, 'user-migration'], 'fault'),
  ...at([...IGNORABLE, ...SENDERS], 'fault', 'unchanged'),
} as const
/** The same without senders: nobody waits for the answer of a sender's function. */
const CHAIN_ANSWER = {
  ...at([...CUSTOM_AUTH, 'user-migration'], 'fault'),
  ...at([...IGNORABLE], 'fault', 'unchanged'),
} as const
const CHAIN_THREW = {
  ...at([...CUSTOM_AUTH, 'user-migration', 'forwarder'], 'rejected'),
  ...at([...IGNORABLE], 'rejected', 'unchanged'),
} as const
/** A trigger that the gateway leaves alone goes on without an answer. */
const FORWARDED = at(['forwarder'], 'fault', 'unchanged')

const ONE_OR_ALL = [
  {
    what: 'the dependency fails',
    tell: 'many tenants at once',
    clues: ['many tenants'],
    owner: 'us',
    fix: 'see by `upstream` of the lines since when it is slow, and its status page',
  },
  {
    what: 'one tenant has more to do than its limits allow',
    tell: 'one tenant; its lines are many more than usual',
    clues: ['one tenant', 'more traffic'],
    owner: 'operator',
    fix: "raise `limits.concurrentCalls` in the tenant's file and apply it, if these are its users",
  },
] as const

export const REASONS = {
  // Logins: verify.
  verified: {
    at: at(['verify-auth-challenge-response'], 'correct'),
    owner: 'end user',
    means: 'Corbado says that the proof is genuine, unused, and of this very user.',
  },
  missing_answer: {
    at: INCORRECT,
    owner: 'end user',
    means: 'The client sent no answer. Nothing to do.',
  },
  malformed_answer: {
    at: INCORRECT,
    owner: 'customer',
    means: 'The answer is not a JWT, or over 16 KiB: the client sends something other than `signedPasskeyData`.',
    fix: 'have the client send the `signedPasskeyData` that it was given, as it is',
    alike: [
      {
        what: 'one release of the client is wrong',
        tell: 'one `clientId`; `clientSdk` of the defines of these logins',
        clues: ['one client'],
      },
      {
        what: 'somebody tries what comes',
        tell: 'many users, one try each',
        clues: ['more traffic'],
        owner: 'operator',
        fix: STOP,
      },
    ],
  },
  wrong_project: {
    at: INCORRECT,
    owner: 'customer',
    means: "The proof belongs to another Corbado project: compare the client's project with `corbado.projectId`.",
    fix: HISTORY,
    alike: [
      {
        what: "the tenant's config changed",
        tell: 'it began with a new `configVersion`',
        clues: ['config changed'],
        owner: 'operator',
        fix: HISTORY,
      },
      {
        what: 'the client changed',
        tell: 'it began within one `configVersion`, with one `clientId`',
        clues: ['config old', 'one client'],
      },
    ],
  },
  expired: {
    at: INCORRECT,
    owner: 'end user',
    means: 'The proof expired more than 60 s before: the client waited too long.',
    alike: [
      {
        what: 'a clock is wrong',
        tell: '`lateMs` is much the same on all lines',
        clues: ['same lateness'],
        owner: 'customer',
        fix: 'have the application send the proof as soon as it has it, and set the clock of the server that it goes through',
      },
      {
        what: 'our own clock is wrong',
        tell: '`lateMs` is much the same on all lines, of many tenants at once',
        clues: ['same lateness', 'many tenants'],
        owner: 'us',
        fix: 'set the clock of the machines on which the gateway runs; if that is Lambda, tell AWS',
      },
      { what: 'users are slow', tell: '`lateMs` differs from line to line', clues: ['lateness differs'] },
    ],
  },
  invalid_signature: {
    at: INCORRECT,
    owner: 'customer',
    means: 'Corbado: not signed by this project.',
    fix: "compare the client's project with `corbado.projectId`",
  },
  invalid_challenge: {
    at: INCORRECT,
    owner: 'end user',
    means: 'Corbado: the challenge is unknown or used up. Often the same proof was sent twice.',
    alike: [
      { what: 'a client sends a proof twice', tell: 'the `flowId` has a `verified`, or `attempt` grows' },
      {
        what: 'somebody tries old proofs',
        tell: 'many users, and many more logins than usual',
        clues: ['more traffic'],
        owner: 'operator',
        fix: STOP,
      },
    ],
  },
  user_mismatch: {
    at: INCORRECT,
    owner: 'end user',
    means: 'Corbado: the proof belongs to another user than the one who signs in.',
  },
  generic_error: {
    at: INCORRECT,
    owner: 'Corbado',
    means: 'Corbado: refused for another cause.',
  },
  user_not_found: {
    at: { ...INCORRECT, ...REFUSED },
    owner: 'end user',
    means:
      'The pool has no such user; in a login it hides that from the client, and with `unknownUser: decoy` pre-login has told a made-up name. Nothing to do.',
    alike: [
      {
        what: 'somebody searches for accounts',
        tell: 'many more logins than usual, each of another user',
        clues: ['more traffic'],
        owner: 'operator',
        fix: STOP,
      },
      { what: 'users mistype', tell: 'as many logins as usual', clues: ['usual traffic'] },
    ],
  },
  backend_unauthorized: {
    at: BACKEND,
    owner: 'operator',
    level: 'error',
    means:
      '401 or 403: the credential is wrong, expired, lacks `passkeys:verify`, or our address is not allowed. The secret was read again.',
    fix: SECRET,
    alike: [
      {
        what: 'a wrong secret was stored',
        tell: '`upstreamStatus` 401, and `secretVersion` changed shortly before',
        clues: ['status 401', 'secret changed'],
      },
      {
        what: 'Corbado took the key back',
        tell: '`upstreamStatus` 401, and `secretVersion` is an old one, or one with which a proof was right',
        clues: ['status 401', 'secret old'],
        owner: 'Corbado',
        // With a new key, which only Corbado can give.
        fix: SECRET,
      },
      {
        what: 'our address is not allowed',
        tell: '`upstreamStatus` 403, of many tenants at once',
        clues: ['status 403', 'many tenants'],
        owner: 'us',
        fix: 'compare our egress addresses with those that Corbado allows: infra/LIMITS.md',
      },
    ],
    alarm: { from: 100, look: 'many tenants: Corbado; one tenant: its credential' },
  },
  backend_rate_limited: {
    at: BACKEND,
    owner: 'us',
    level: 'error',
    means: '429 of Corbado. Its limit counts for each source address.',
    fix: 'have Corbado raise its limit for our egress addresses: infra/LIMITS.md',
    alarm: { from: 5, look: "Corbado's limit for our addresses" },
  },
  verify_rate_limited: {
    at: INCORRECT,
    owner: 'operator',
    level: 'warn',
    means: "The tenant's `limits.verifyPerSecond` is used up in this process. Raise it if these are its users.",
  },
  backend_rejected: {
    at: BACKEND,
    owner: 'Corbado',
    level: 'error',
    means: "Another 4xx; `upstreamErrorType` has Corbado's `error.type`.",
    fix: 'ask Corbado which of its rules changed, with `upstreamErrorType` and the time of the first line',
    alarm: { from: 100, look: '`upstreamErrorType`: a change of its rules' },
  },
  backend_unavailable: {
    at: BACKEND,
    owner: 'Corbado',
    level: 'error',
    means: '5xx or no connection. With `breakerOpen`: not asked, since the calls before waited in vain.',
    fix: "see Corbado's status page, and the way there: name resolution, NAT, firewall, proxy",
    alike: [
      {
        what: 'Corbado fails',
        tell: '`upstreamStatus` is 5xx',
        clues: ['status 5xx'],
        fix: 'tell Corbado since when, and see its status page; logins go on by themselves once it answers',
      },
      {
        what: 'our network fails',
        tell: 'no `upstreamStatus`; `upstreamErrorType` is ENOTFOUND, ECONNREFUSED or the like',
        clues: ['no status'],
        owner: 'us',
        fix: 'see whether the Backend API can be reached from where the gateway runs: name resolution, NAT, firewall, proxy',
      },
    ],
    alarm: { from: 50, look: 'the Backend API, the network on the way' },
  },
  backend_timeout: {
    at: BACKEND,
    owner: 'Corbado',
    level: 'error',
    means: 'No answer before the deadline. With `breakerOpen`: not asked, since the calls before waited in vain.',
    fix: "see Corbado's status page; if one region alone has such lines, the way there from it",
    alike: [
      { what: 'Corbado is slow', tell: 'every region' },
      { what: 'our network fails', tell: 'one region alone' },
    ],
    alarm: { from: 50, look: 'the Backend API, the network on the way' },
  },
  backend_malformed: {
    at: BACKEND,
    owner: 'Corbado',
    level: 'error',
    means: '2xx without a known result, or a redirect: is `corbado.backendApiUrl` right?',
    fix: HISTORY,
    alike: [
      {
        what: '`corbado.backendApiUrl` is wrong',
        tell: 'one tenant, from a `configVersion` on',
        clues: ['one tenant', 'config changed'],
        owner: 'operator',
        fix: HISTORY,
      },
      {
        what: 'something stands between us and the Backend API',
        tell: 'many tenants at once',
        clues: ['many tenants'],
        owner: 'us',
        fix: 'see what answers instead of it: a proxy, a firewall, a page of the network',
      },
    ],
    alarm: { from: 50, look: 'something between us and the Backend API, or a change of its answers' },
  },
  backend_busy: {
    at: BACKEND,
    owner: 'Corbado',
    level: 'error',
    means:
      'As many calls of this tenant as `limits.concurrentCalls` allows are under way in this process, and none ends in time: its Backend API is slow. The proof was not sent.',
    fix: 'see by `upstream.corbado` since when it is slow, and tell Corbado; if it is not, raise `limits.concurrentCalls`',
    alike: ONE_OR_ALL,
  },
  secret_missing: {
    at: SECRET_AT,
    owner: 'operator',
    level: 'error',
    means:
      'There is no parameter of the name in `corbado.credentialParameter`; of post-login, in `actions.postLogin.clientSecretParameter` (`secret set --client`). Store it.',
    fix: SECRET,
  },
  secret_malformed: {
    at: SECRET_AT,
    owner: 'operator',
    level: 'error',
    means:
      'The parameter holds nothing of the form that `corbado.credentialScheme` asks for, or, of post-login, no secret of an app client (`secret set --client`); `secretVersion` says which value it is. Store it again.',
    fix: SECRET,
  },
  secret_denied: {
    at: SECRET_AT,
    owner: 'us',
    level: 'error',
    means: 'The gateway may not read the parameter, or not decrypt it with its KMS key.',
    fix: DOCTOR,
    alike: [
      {
        what: "the gateway's role lost a right",
        tell: 'every tenant',
        clues: ['many tenants'],
        fix: "compare the role's policy, and that of the parameters' KMS key, with what infra/ deploys",
      },
      {
        what: 'the parameter was stored with another KMS key',
        tell: 'one tenant',
        clues: ['one tenant', 'secret changed'],
        owner: 'operator',
        fix: SECRET,
      },
    ],
    alarm: {
      from: 25,
      look: "The gateway's role on the parameters and on the KMS key. If it is one tenant: the key its parameter was stored with",
    },
  },
  secret_throttled: {
    at: SECRET_AT,
    owner: 'us',
    level: 'error',
    means: "SSM's or KMS's quota is used up.",
    fix: "raise SSM's quota of GetParameter, or turn on its higher throughput",
    alarm: { from: 25, look: "SSM's quota of GetParameter: raise it, or turn on higher throughput" },
  },
  secret_timeout: {
    at: SECRET_AT,
    owner: 'us',
    level: 'error',
    means: 'SSM did not answer in its share of the time.',
    fix: 'see the health of SSM and KMS in this region; secrets that are known serve on',
    alarm: { from: 25, look: 'SSM and KMS: their health. Known secrets serve on' },
  },
  secret_unavailable: {
    at: SECRET_AT,
    owner: 'us',
    level: 'error',
    means: 'SSM could not be reached, or answered 5xx or what could not be read.',
    fix: 'see the health of SSM and KMS in this region; secrets that are known serve on',
    alarm: { from: 25, look: 'SSM and KMS: their health. Known secrets serve on' },
  },
  secret_wrong_project: {
    at: { ...INCORRECT, ...at(['connect-tokens'], 'fault') },
    owner: 'operator',
    level: 'error',
    means: 'The secret belongs to another project than `corbado.projectId`. Nothing was sent.',
    fix: SECRET,
    alike: [
      {
        what: "another tenant's secret was stored",
        tell: '`secretVersion` changed shortly before',
        clues: ['secret changed'],
      },
      {
        what: '`corbado.projectId` changed',
        tell: '`configVersion` changed shortly before',
        clues: ['config changed'],
      },
    ],
  },

  // Logins: define.
  session_too_long: {
    at: FAIL,
    owner: 'end user',
    means: 'More than 20 entries in one login. A client tries many answers; the login is over.',
  },
  passkeys_off: {
    at: { ...FAIL, ...REFUSED, ...at(['post-login'], 'rejected'), ...KEPT },
    owner: 'operator',
    means: 'The tenant is paused. It may have been on purpose: its history says by whom, and when.',
    fix: RESUME,
    alike: [{ what: 'it was paused by mistake', tell: `\`${HISTORY}\`` }],
  },
  foreign_client: {
    at: FAIL,
    owner: 'customer',
    means:
      'A login through an app client that is not one of `login.clientIds`: its custom authentication is not ours. Another client is meant, or its id is missing in the file.',
    fix: DOCTOR,
  },
  foreign_challenge: {
    at: FAIL,
    owner: 'customer',
    means:
      'The session has a challenge that is not ours: the client began with SRP_A, or another function serves the pool too.',
  },
  inconsistent_session: {
    at: FAIL,
    owner: 'customer',
    means:
      'The session says that a proof was accepted, but not as the last step, or for an unknown user. Look at who sends it.',
  },
  unexpected_challenge: {
    at: FAIL,
    owner: 'customer',
    means:
      "The session does not begin with the password, as `password-then-passkey` asks. Compare the client's flow with `login.flow`.",
  },
  cognito_challenge_failed: {
    at: FAIL,
    owner: 'end user',
    means: "The password, or a step of Cognito's own, failed. Nothing to do.",
  },
  attempts_exhausted: {
    at: FAIL,
    owner: 'end user',
    means: 'As many wrong answers as `login.maxAttempts` allows. The login is over.',
    alike: [
      { what: 'the proofs fail for a cause of their own', tell: 'the reasons of the verifies with the same `flowId`' },
      { what: 'somebody guesses', tell: '`malformed_answer` before it, of many users' },
    ],
  },

  // Actions: what they decide.
  account_disabled: {
    at: REFUSED,
    owner: 'customer',
    means: 'The user is disabled in the pool.',
  },
  force_change_password: {
    at: REFUSED,
    owner: 'end user',
    means: 'The user must first set a password.',
  },
  reset_required: {
    at: REFUSED,
    owner: 'end user',
    means: 'The user must first reset the password.',
  },
  user_status_unhandled: {
    at: REFUSED,
    owner: 'customer',
    means: 'The user is not confirmed, or has another status with which no login is possible.',
  },
  ambiguous_identifier: {
    at: REFUSED,
    owner: 'customer',
    means: 'Several users have this attribute. The customer has to tell them apart; the gateway guesses none.',
  },
  attribute_match_only: {
    at: REFUSED,
    owner: 'customer',
    means:
      'One user has this attribute, but it is no alias. Set `actions.preLogin.acceptAttributeMatch`, if the attribute is proven.',
  },
  no_factor_configured: {
    at: KEPT,
    owner: 'operator',
    means: 'The tenant sets no MFA factor.',
  },
  factor_present: {
    at: KEPT,
    owner: 'end user',
    means: 'The user has a factor already, in `UserMFASettingList` or `MFAOptions`.',
  },
  factor_not_possible: {
    at: KEPT,
    owner: 'end user',
    means: 'The user cannot have this factor, for example without a phone number.',
  },
  claim_unproven: {
    at: at(['pre-token-generation'], 'unchanged', 'chained'),
    owner: 'customer',
    level: 'warn',
    means:
      'The tokens go without the claim of `login.claim`: their app client allows more than custom authentication and refresh (another flow, none named, or a hosted login), or it could not be read (`operation`, `upstreamErrorType`), or the config is out of date.',
    fix: DOCTOR,
    alike: [
      { what: 'the app client allows more', tell: 'no `failed` on the line; its ExplicitAuthFlows, its OAuth flows' },
      { what: 'the role lacks DescribeUserPoolClient', tell: '`upstreamErrorType` is AccessDeniedException' },
    ],
  },
  action_not_configured: {
    at: at(['post-login'], 'rejected'),
    owner: 'operator',
    level: 'warn',
    means: 'The tenant has no `actions.postLogin`: write it into its file and apply it, or have the action turned off.',
    fix: HISTORY,
  },
  action_refused: {
    at: at(['post-login'], 'rejected'),
    owner: 'end user',
    means:
      "Cognito did not let the user of the proof in, or the proof was none. The Verify and Define lines of the same user say why; without them, the pool's triggers are not ours, or the user may not sign in.",
    fix: DOCTOR,
  },
  client_secret_refused: {
    at: at(['post-login'], 'fault'),
    owner: 'operator',
    level: 'error',
    means:
      "Cognito did not take the secret of post-login's app client: the parameter in `actions.postLogin.clientSecretParameter` holds another one, or one is missing or too many. Store the client's own; it is read again within 30 s.",
    fix: `${SECRET} --client`,
  },
  connect_tokens_not_configured: {
    at: at(['connect-tokens'], 'rejected'),
    owner: 'operator',
    level: 'warn',
    means:
      'The tenant has no `connectTokens`: write it into its file and apply it, or the application asks the wrong pool.',
    fix: HISTORY,
  },
  connect_token_unauthorized: {
    at: at(['connect-tokens'], 'rejected'),
    owner: 'end user',
    level: 'warn',
    means:
      "The ID token is missing, has ended, or is not of this pool and one of `connectTokens.clientIds`. For all users of an app: its client's id is missing there, or it sends another token.",
  },
  connect_token_type_refused: {
    at: at(['connect-tokens'], 'rejected'),
    owner: 'customer',
    level: 'warn',
    means: 'The application asks for a type that is not in `connectTokens.types`.',
  },
  connect_token_limited: {
    at: at(['connect-tokens'], 'rejected'),
    owner: 'end user',
    level: 'warn',
    means: 'The same user asked for the same type within 2 s: the page asks again and again.',
  },
  connect_token_keys_unavailable: {
    at: at(['connect-tokens'], 'fault'),
    owner: 'us',
    level: 'error',
    means:
      "The pool's key set could not be read, and the token is signed with no key that is known: `failed`, `operation` and `upstreamStatus` say more.",
    fix: "see whether the pool's key set can be reached from where the gateway runs: name resolution, NAT, firewall, proxy",
  },
  pseudonym_key_unavailable: {
    at: REFUSED,
    owner: 'us',
    level: 'error',
    means:
      'The names of nobody that `unknownUser: decoy` answers are made with the key of the pseudonyms, which could not be had: all users of such tenants go on with the login without passkeys. The line `pseudonym key unusable` says that the parameter is missing or too short; without one, SSM failed, or `PSEUDONYM_KEY_PARAMETER` is not set.',
    fix: 'check that `PSEUDONYM_KEY_PARAMETER` names a parameter that is there, and see the health of SSM',
  },
  action_user_not_found: {
    at: at(['post-append'], 'rejected'),
    owner: 'customer',
    means: 'Cognito knows no user of the name that post-append was given.',
  },

  // The table of tenants.
  table_denied: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: "The gateway's own role lacks a permission on the table or its key.",
    fix: "compare the role's policy, and that of the table's key, with what infra/ deploys",
    alarm: { from: 1, look: "the role's policy, the table's key" },
  },
  table_throttled: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: 'DynamoDB has more to do than the table or the account may.',
    fix: "see the throttled reads in DynamoDB's metrics of the table, and raise its capacity or the account's quota",
    alarm: { from: 1, look: "DynamoDB's metrics of the table" },
  },
  table_timeout: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: 'DynamoDB did not answer in its share of the time. Logins of tenants in memory go on.',
    fix: 'see the health of DynamoDB in this region',
    alarm: { from: 25, look: "DynamoDB's health. Logins of tenants in memory go on" },
  },
  table_unavailable: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: 'DynamoDB could not be reached, or answered 5xx. Logins of tenants in memory go on.',
    fix: 'see the health of DynamoDB in this region',
    alarm: { from: 25, look: "DynamoDB's health. Logins of tenants in memory go on" },
  },
  table_expired: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: "The process's own credentials had expired or were revoked.",
    fix: 'check the clock, and the role of function or task',
  },
  table_rejected: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: 'DynamoDB answered 4xx, as if there were no such table.',
    fix: 'check that `TENANT_TABLE` names a table of this region',
  },
  table_malformed: {
    at: NO_CONFIG,
    owner: 'us',
    level: 'error',
    means: "DynamoDB's answer could not be read, or was about another record.",
    fix: 'see what stands between the gateway and DynamoDB, such as a proxy',
  },

  // The customer's role.
  sts_denied: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means: "The trust policy of the tenant's role does not let us in.",
    fix: DOCTOR,
    alike: [
      {
        what: '`aws.externalId` or `aws.roleArn` of the config is wrong',
        tell: `\`${HISTORY}\`: it changed`,
        clues: ['config changed'],
        owner: 'operator',
        fix: HISTORY,
      },
      {
        what: 'the role was deleted, or its trust policy edited',
        tell: `\`${DOCTOR}\` while the config is an old one`,
        clues: ['config old'],
      },
    ],
  },
  sts_throttled: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: 'The quota of AssumeRole is used up.',
    fix: 'have the quota of AssumeRole raised, or raise `MAX_TENANTS_IN_MEMORY`',
    alarm: { from: 5, look: 'the quota of STS; `MAX_TENANTS_IN_MEMORY`' },
  },
  sts_timeout: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: 'STS did not answer in its share of the time. Credentials that are here serve on.',
    fix: 'see the health of STS in this region',
  },
  sts_unavailable: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: 'STS could not be reached, or answered 5xx. Credentials that are here serve on.',
    fix: 'see the health of STS in this region',
  },
  sts_expired: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: "The process's own credentials had expired or were revoked.",
    fix: 'check the clock, and the role of function or task',
  },
  sts_rejected: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: 'STS answered 4xx: `upstreamErrorType` says why, for example a region that is not turned on.',
    fix: DOCTOR,
  },
  sts_malformed: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: "STS's answer could not be read, or was about another role.",
    fix: 'see what stands between the gateway and STS, such as a proxy',
  },

  // The customer's pool.
  role_permission_missing: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means:
      "The tenant's role lacks a permission on the pool, for the call that `operation` names. It is tried again after 60 s. The customer updates the role's stack.",
    fix: DOCTOR,
    alike: [
      { what: 'no login is possible', tell: '`operation` is AdminGetUser', clues: ['operation AdminGetUser'] },
      {
        what: 'only users known by an attribute fail',
        tell: '`operation` is ListUsers',
        clues: ['operation ListUsers'],
      },
      {
        what: 'only the MFA factor is not set',
        tell: '`operation` is AdminSetUserMFAPreference',
        clues: ['operation AdminSetUserMFAPreference'],
      },
      {
        what: 'only post-login fails',
        tell: '`operation` is AdminInitiateAuth or AdminRespondToAuthChallenge',
        clues: ['operation of a sign-in'],
      },
    ],
  },
  cognito_throttled: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means: "The pool's quota of these calls is used up.",
    fix: 'find out what else asks the pool so often, or have the quota of `operation` raised',
    alike: [
      {
        what: 'other software of the customer uses it up',
        tell: "the tenant's own lines are as many as usual",
        clues: ['usual traffic'],
      },
      { what: 'its logins do', tell: "the tenant's own lines are many more than usual", clues: ['more traffic'] },
    ],
  },
  list_users_rate_limited: {
    at: REFUSED,
    owner: 'operator',
    level: 'error',
    means:
      "The tenant's `limits.listUsersPerSecond` is used up in this process: many users are known by an attribute that is no alias of the pool.",
    fix: "raise `limits.listUsersPerSecond` in the tenant's file and apply it, or make the attribute an alias of the pool",
    alike: [{ what: "the pool's own quota is used up", tell: 'the reason is `cognito_throttled`' }],
  },
  cognito_timeout: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means:
      'The pool did not answer before the deadline. With `breakerOpen`: not asked, since the calls before waited in vain.',
    fix: DOCTOR,
    alike: [
      { what: "Cognito fails in the pool's region", tell: 'every tenant of that region' },
      { what: 'the way there fails', tell: 'every tenant of other regions than ours' },
      {
        what: 'Corbado is slow, or our own triggers are',
        tell: "only post-login: its login waits for the pool's triggers, whose lines of the same minute say why",
      },
    ],
  },
  cognito_unavailable: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means:
      'The pool could not be reached, or answered 5xx. With `breakerOpen`: not asked, since the calls before waited in vain.',
    fix: DOCTOR,
    alike: [
      { what: "Cognito fails in the pool's region", tell: 'every tenant of that region; `upstreamStatus` is 5xx' },
      {
        what: '`aws.region` is wrong',
        tell: 'one tenant, from a `configVersion` on; no `upstreamStatus`',
        clues: ['one tenant', 'config changed', 'no status'],
        owner: 'operator',
        fix: HISTORY,
      },
    ],
  },
  cognito_busy: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means:
      'As many calls of this tenant as `limits.concurrentCalls` allows are under way in this process, and its pool answers too slowly for more.',
    fix: 'see by `upstream.cognito` since when the pool is slow; if it is not, raise `limits.concurrentCalls`',
    alike: ONE_OR_ALL,
  },
  cognito_expired: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means:
      "Credentials of the tenant's role had expired or were revoked, and new ones did not help. Check the clock and the role.",
    fix: DOCTOR,
  },
  cognito_rejected: {
    at: POOL,
    owner: 'customer',
    level: 'error',
    means: 'The pool answered 4xx: `upstreamErrorType` says why, for example that there is no such pool.',
    fix: DOCTOR,
  },
  cognito_malformed: {
    at: POOL,
    owner: 'us',
    level: 'error',
    means: "The pool's answer could not be read.",
    fix: 'see what stands between the gateway and Cognito, such as a proxy',
  },

  // Tenants that are not served.
  tenant_unknown: {
    at: {
      ...at([...CUSTOM_AUTH, ...SENDERS, ...ACTIONS], 'rejected'),
      ...at([...PASS_THROUGH, 'forwarder'], 'unchanged', 'rejected'),
      ...at(['unknown'], 'unchanged'),
    },
    owner: 'operator',
    level: 'warn',
    means:
      "No tenant has this pool, or the event's region is not one of the tenant's. Apply the tenant, and check `aws.region` and `aws.replicaRegions`. A pool stays unknown for 30 s.",
    fix: 'corbado-gateway tenants plan',
    alike: [
      {
        what: 'the tenant was removed, or never applied',
        tell: '`corbado-gateway tenants list` with the `userPoolId`',
      },
      { what: 'its region is another', tell: 'the `region` of the line' },
    ],
  },
  tenant_draft: {
    at: NOT_SERVED,
    owner: 'operator',
    level: 'warn',
    means: 'The tenant is not live yet: its status is `draft`.',
    fix: ACTIVATE,
  },
  tenant_suspended: {
    at: NOT_SERVED,
    owner: 'operator',
    level: 'warn',
    means: "The tenant's status is `suspended`. Its password logins go on. Its history says by whom, and when.",
    fix: RESUME,
  },
  tenant_wrong_alias: {
    at: at([...TRIGGERS, 'unknown', 'forwarder'], 'rejected'),
    owner: 'customer',
    means:
      "The trigger came through another tenant's alias. Set the pool's triggers to the ARN with the tenant's `alias`.",
    fix: DOCTOR,
  },
  tenant_config_invalid: {
    at: { ...NO_CONFIG, ...FORWARDER },
    owner: 'operator',
    level: 'error',
    means:
      'The record in the table does not pass the schema or the rules. Check the file, fix it, and apply it again, or go back.',
    fix: 'corbado-gateway tenants rollback <tenant>',
  },
  // The customer's own functions.
  chain_threw: {
    at: CHAIN_THREW,
    owner: 'customer',
    level: 'warn',
    means:
      "The customer's own function threw; `upstreamErrorType` has its error's name. A function that refuses a sign-up or a login does so on purpose: the user was shown its text.",
    alike: [
      { what: 'the function refuses, as it should', tell: 'one name of error, at its usual rate' },
      { what: 'the function is broken', tell: '`upstreamErrorType` is TypeError or the like, on all of its lines' },
    ],
  },
  chain_timeout: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means:
      "The customer's own function did not answer within its `timeoutMs`, or Lambda ended it. With `breakerOpen`: not asked, since the calls before waited in vain.",
    fix: "see the function's own metrics and log, or raise its `timeoutMs`",
  },
  chain_throttled: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means: "Lambda refused the call as one too many: the concurrency of the customer's function or account is used up.",
    fix: 'raise the concurrency of the function or of its account',
  },
  chain_denied: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means:
      "The tenant's role may not invoke the customer's own function, or cannot be assumed. It is tried again after 60 s. The customer updates the role's stack.",
    fix: DOCTOR,
  },
  chain_missing: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means:
      "There is no such function, version or alias: compare the trigger's `functionArn` with the customer's account.",
    fix: DOCTOR,
  },
  chain_malformed: {
    at: CHAIN_ANSWER,
    owner: 'customer',
    level: 'warn',
    means: "The function's answer is not the event with a `response`.",
    fix: 'look for a way through the function that returns nothing',
  },
  chain_failed: {
    at: { ...CHAIN, ...FORWARDER },
    owner: 'customer',
    level: 'warn',
    means:
      "The function could not be run, or Lambda or STS failed on the way; `upstreamErrorType` says what. Of the forwarder: the container's own line says why.",
    fix: DOCTOR,
  },
  chain_busy: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means:
      'As many calls of this function as `limits.concurrentCalls` allows are under way in this process, and it answers too slowly for more.',
    fix: "see the function's own metrics and log, or raise `limits.concurrentCalls`",
  },
  chain_loop: {
    at: CHAIN,
    owner: 'customer',
    level: 'warn',
    means: 'The chained function is a gateway itself, and the event came from one: it would go round for ever.',
    fix: HISTORY,
  },
  trigger_sender_refused: {
    at: at([...SENDERS, 'forwarder'], 'fault'),
    owner: 'customer',
    means:
      "A custom sender trigger points at the gateway, which would swallow every message. Take it out of the pool's LambdaConfig.",
    fix: DOCTOR,
  },
  unknown_trigger: {
    at: at(['unknown', 'forwarder'], 'unchanged'),
    owner: 'us',
    level: 'warn',
    means: 'A trigger that Cognito did not have when this version was made. The event went back as it came.',
  },

  // Requests and invocations that are not taken.
  request_invalid: {
    at: at([...TRIGGERS, 'unknown', ...ACTIONS, 'request', 'forwarder'], 'rejected'),
    owner: 'customer',
    means:
      'A field is missing or of the wrong kind; the text of the answer names it. For a trigger: an event that Cognito does not send. Compare with its documentation.',
  },
  request_mismatch: {
    // A connect token's body names no pool.
    at: at([...TRIGGERS, 'pre-login', 'post-login', 'post-append'], 'rejected'),
    owner: 'Corbado',
    means: 'The pool, trigger or action in the path is not the one in the body.',
  },
  request_too_large: {
    at: at(['request', 'forwarder'], 'rejected'),
    owner: 'Corbado',
    means: 'The body is larger than the door takes.',
  },
  request_late: {
    at: REQUEST,
    owner: 'Corbado',
    means:
      'Headers or body were not there after 5 s; the connection was closed. Many at once are an attack or a broken network.',
  },
  request_headers_too_large: {
    at: REQUEST,
    owner: 'Corbado',
    means: 'More than 16 KiB of headers. Look at what the caller, or a proxy before us, adds.',
  },
  request_media_type: {
    at: REQUEST,
    owner: 'Corbado',
    means: 'The body is not said to be `application/json`.',
  },
  route_unknown: {
    at: { ...at(['request', 'unknown'], 'rejected'), ...FORWARDED },
    owner: 'Corbado',
    level: 'error',
    means:
      'There is no such route, trigger or action. Of the forwarder: the container is older than it, or `GATEWAY_URL` is not its address.',
    fix: "check spelling and version; of the forwarder, that `GATEWAY_URL` is the container's address",
  },
  method_not_allowed: {
    at: REQUEST,
    owner: 'Corbado',
    means: 'The route does not take this method; the `allow` header of the answer names those that it takes.',
  },
  caller_unsigned: {
    at: { ...REQUEST, ...FORWARDED },
    owner: 'operator',
    level: 'error',
    means:
      'No `webhook-signature` over exactly these bytes with a secret of `CALLER_SECRETS_PARAMETER`, or a timestamp more than 5 minutes off.',
    fix: "check the caller's secret and clock",
    alike: [
      { what: 'a secret was changed on one side only', tell: "every request of one caller, the forwarder's too" },
      { what: 'strangers knock', tell: 'requests of the container only; the forwarder has no such line' },
    ],
  },
  caller_replayed: {
    at: REQUEST,
    owner: 'Corbado',
    means:
      'An action with this `webhook-id` was received within the last 10 minutes. Every call needs an id of its own.',
  },
  caller_secrets_unavailable: {
    at: { ...at(['request'], 'fault'), ...FORWARDED },
    owner: 'us',
    level: 'error',
    means: 'No secret of the callers could be had: SSM failed, or the parameter is missing or has no `whsec_…` line.',
    fix: 'see what `/health/ready` names: `ssm` for the rights on `CALLER_SECRETS_PARAMETER`, `caller-secrets` for its `whsec_…` line',
  },
  overloaded: {
    at: { ...at(['request', 'connect-tokens'], 'fault'), ...FORWARDED },
    owner: 'us',
    level: 'error',
    means:
      'The process has more to do than it can answer in time. Of connect tokens: strangers name so many pools that those not in memory are not looked up; tenants in memory are served.',
    fix: 'add containers; `corbado-gateway report --since 2h` shows whose traffic grew',
  },
  invocation_unqualified: {
    at: at(['request', 'forwarder'], 'rejected'),
    owner: 'customer',
    means:
      'The invoked ARN names no alias. Wire the pool to the hosted ARN with its alias. Self-hosted: set `ALLOW_UNQUALIFIED=true`.',
  },
  invocation_wrong_alias: {
    at: at(['request', 'forwarder'], 'rejected'),
    owner: 'customer',
    means:
      "A trigger came through the actions alias, an action through another, or a forwarder's envelope names another function than `GATEWAY_FUNCTION_ARN`. Correct the ARN that the caller uses.",
  },
  invocation_unknown: {
    at: at(['invocation', 'forwarder'], 'rejected'),
    owner: 'us',
    means: 'The payload is no trigger event, no action and no HTTP event. Find out who invokes the function.',
  },
  internal: {
    at: {
      ...at([...TRIGGERS, 'unknown', 'post-login', 'post-append', 'connect-tokens', 'request', 'invocation'], 'fault'),
      ...REFUSED,
      ...FORWARDED,
    },
    owner: 'us',
    level: 'error',
    means: 'A bug of the gateway: `err.at` says where. The answer was a refusal, never a token.',
    fix: 'see `err.at` on the line, and go back if it began with a release: infra/RELEASE.md#roll-back',
    alarm: { from: 1, look: "a bug: the line's `err`" },
  },

  // The forwarder, the function before a container.
  gateway_unsent: {
    at: FORWARDED,
    owner: 'us',
    level: 'error',
    means: 'No connection to a container came about, twice.',
    fix: 'check that containers run, and that the load balancer lets the forwarder in',
  },
  gateway_timeout: {
    at: FORWARDED,
    owner: 'us',
    level: 'error',
    means: 'The container did not answer before the deadline.',
    fix: 'see `upstream` on the lines of the containers; if they have none of that time, the way to them',
    alike: [
      { what: 'a dependency is slow', tell: '`upstream` on the lines of the containers' },
      { what: 'the way to the container is broken', tell: 'the containers have no line of that time' },
    ],
  },
  gateway_reset: {
    at: FORWARDED,
    owner: 'us',
    level: 'error',
    means: 'The connection broke off after the event was sent: a container ended, or the load balancer let go of it.',
    fix: "see why containers ended: their memory, a deployment, the load balancer's time-outs",
  },
  gateway_too_large: {
    at: FORWARDED,
    owner: 'us',
    level: 'error',
    means: "The answer had more than 4 MiB: it was none of the gateway's.",
    fix: 'see what answers at `GATEWAY_URL`',
  },
  gateway_malformed: {
    at: FORWARDED,
    owner: 'us',
    level: 'error',
    means:
      "The answer was none of the gateway's: a page of the load balancer, which has no healthy container, or of something else.",
    fix: 'check that the load balancer has a healthy container, and see what answers at `GATEWAY_URL`',
  },
  upstream_timeout: {
    at: FORWARDER,
    owner: 'us',
    means: 'A dependency of the container did not answer in its share of the time. Its own line says which.',
    fix: LOGS,
  },
  upstream_unavailable: {
    at: FORWARDER,
    owner: 'us',
    means: 'A dependency of the container could not be reached, or answered 5xx. Its own line says which.',
    fix: LOGS,
  },
  upstream_throttled: {
    at: FORWARDER,
    owner: 'us',
    means: 'A quota of a dependency of the container is used up. Its own line says which.',
    fix: LOGS,
  },
  upstream_denied: {
    at: FORWARDER,
    owner: 'us',
    means: 'The container lacks a permission. Its own line says which.',
    fix: LOGS,
  },
  upstream_expired: {
    at: FORWARDER,
    owner: 'us',
    means: "The container's credentials had expired or were revoked.",
    fix: 'check the clock of the container, and the role of its task',
  },
  upstream_rejected: {
    at: FORWARDER,
    owner: 'us',
    means: 'A dependency answered the container 4xx. Its own line says which, and why.',
    fix: LOGS,
  },
  upstream_malformed: {
    at: FORWARDER,
    owner: 'us',
    means: 'An answer of a dependency could not be read by the container. Its own line says which.',
    fix: LOGS,
  },
} as const satisfies Readonly<Record<string, ReasonRow>>

/** Every reason that a line can have. */
export type Reason = keyof typeof REASONS

/** The reasons that a step can come to with an outcome. */
export type ReasonAt<S extends Step, O extends Outcome> = {
  [R in Reason]: (typeof REASONS)[R]['at'] extends { readonly [K in S]: readonly (infer X)[] }
    ? O extends X
      ? R
      : never
    : never
}[Reason]

/** The reasons whose lines are errors, by their level or as what failed. */
type FaultReason = {
  [R in Reason]: (typeof REASONS)[R] extends { readonly level: 'error' }
    ? R
    : 'fault' extends OutcomesOf<(typeof REASONS)[R]['at']>
      ? R
      : never
}[Reason]
type OutcomesOf<A> = A extends unknown ? (A[keyof A] extends readonly (infer O)[] ? O : never) : never

/** The compiler refuses a fault that has nothing to say on what to do. */
const rows: Readonly<Record<Reason, ReasonRow> & Record<FaultReason, { readonly fix: string }>> = REASONS

/** The row of a reason, without the types of its own values. */
export function rowOf(reason: Reason): ReasonRow {
  return rows[reason]
}

/** Is a text one of the reasons? */
export function isReason(text: unknown): text is Reason {
  return typeof text === 'string' && Object.hasOwn(REASONS, text)
}

/** All reasons, in the order of the table. */
export const reasons = Object.keys(REASONS) as readonly Reason[]

/** The level of a line with this reason and outcome. */
export function levelOf(reason: Reason, outcome: Outcome): Level {
  if (outcome === 'fault') return 'error'
  return outcome === 'rejected' ? 'warn' : (rowOf(reason).level ?? 'info')
}

/** Every place where a reason can come: a step with an outcome. */
export function placesOf(reason: Reason): { readonly step: Step; readonly outcome: Outcome }[] {
  return Object.entries(rowOf(reason).at).flatMap(([step, outcomes = []]) =>
    outcomes.map((outcome) => ({ step: step as Step, outcome })),
  )
}

/** Is a line with this reason an error in any of its places? */
export function isFault(reason: Reason): boolean {
  return placesOf(reason).some(({ outcome }) => levelOf(reason, outcome) === 'error')
}

/** The steps of a reason, as a person calls them. */
export function stepNamesOf(reason: Reason): string[] {
  const left = new Set(placesOf(reason).map(({ step }) => step))
  return Object.entries(STEP_GROUPS).flatMap(([name, steps]) => {
    if (!steps.every((step) => left.has(step))) return []
    for (const step of steps) left.delete(step)
    return [name]
  })
}

/** The section of infra/ON-CALL.md that a reason is found in. A reason of logins and actions may be in two. */
export function sectionsOf(reason: Reason): ('verify reasons' | 'other reasons' | 'faults and refusals')[] {
  const { at } = rowOf(reason)
  const decided = at['define-auth-challenge']?.includes('fail') || at['post-append']?.includes('unchanged')
  const sections = [
    ...(at['verify-auth-challenge-response']?.some((one) => /correct$/.test(one)) ? ['verify reasons' as const] : []),
    ...(decided || (at['pre-login']?.includes('refused') && !isFault(reason)) ? ['other reasons' as const] : []),
  ]
  return sections.length === 0 ? ['faults and refusals'] : sections
}
