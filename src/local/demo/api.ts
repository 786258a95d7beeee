/**
 * What the demo's page and its server say to each other: types and paths, which both sides import. All is one origin,
 * `http://localhost:<port>`; what goes wrong is answered with {@link DemoProblem} and a status of 400 or more.
 */

/** Paths of the one origin. */
export const PATHS = {
  /** GET: {@link DemoConfig}. */
  config: '/config.json',
  /** POST {@link ConnectTokenRequest} with `Authorization: Bearer <id token>`: {@link ConnectTokenAnswer}. `?tab=` as below. */
  connectToken: '/connectToken',
  /** GET `?tenantId=`: {@link OutboxAnswer}, the newest message first. New ones also come with the trace. */
  outbox: '/outbox',
  /** GET `?after=<id>`: server-sent events, each one's data a {@link TraceEvent}; those after that id, and all to come. */
  trace: '/trace',
  /** GET `?tenantId=&flowId=`: {@link ExplainAnswer}. Takes a second or two: it is the operator's own command. */
  explain: '/explain',
  /** GET: {@link ProvokeAnswer}. POST {@link ProvokeRequest}: the same, after the change. */
  provoke: '/provoke',
  /** Passed on to Cognito: Amplify's `userPoolEndpoint` is `<origin>/cognito`, and what {@link tabPath} puts behind it. */
  cognito: '/cognito',
  /** Passed on to Corbado's Frontend API: the `customDomain` of web-core's ConnectService is `<origin>/corbado`. */
  corbado: '/corbado',
} as const

/** The tab that asks, behind a path: neither Amplify nor Corbado's client can be given a header. */
export const tabPath = (tab: string) => `/tab-${tab}`

/** An answer that is none. */
export interface DemoProblem {
  /** Stable, in snake_case. */
  readonly code: string
  /** Fit to be shown. */
  readonly message: string
}

/** Of this start of the stack; what an earlier one left in a browser is of no use any more. */
export interface DemoConfig {
  /** Another one than the page remembers: remove `CognitoIdentityServiceProvider.*` and `cbo_*` from storage first. */
  readonly start: string
  readonly gatewayVersion: string
  readonly tenants: readonly DemoTenant[]
  readonly provocations: readonly ProvocationInfo[]
}

/** One tenant whose app the page can be. */
export interface DemoTenant {
  readonly tenantId: string
  readonly displayName: string
  readonly userPoolId: string
  readonly region: string
  /** App client for passwords and passkeys; it has no secret. */
  readonly clientId: string
  /** Corbado's. */
  readonly projectId: string
  readonly flow: 'passkey' | 'password-then-passkey'
  readonly maxAttempts: number
  /** Factor that post-append sets, which a sign-in by password asks for from then on. */
  readonly mfa: 'sms' | 'email' | 'software-token' | 'none'
  /**
   * `email`: SignUp's username is the e-mail address, and Cognito makes the user name; people sign in by their address.
   * `username`: the app makes up the user name of a new user, beginning with `usernamePrefix`, and sends the address as an
   * attribute; with a password people sign in by that name, with a passkey also by their address.
   */
  readonly signUp: 'email' | 'username'
  readonly usernamePrefix: string
  /** What SignUp must be sent as attributes. */
  readonly requiredAttributes: readonly ('email' | 'phone_number')[]
  /** Who answers `/connectToken`: the gateway's own route, or the customer's server as the guide has it. */
  readonly connectTokens: 'gateway' | 'app-server'
  /** How the app tells an unknown address: `report` shows it, else nothing may be said. */
  readonly unknownUser: 'report' | 'silent' | 'decoy'
  /** The customer's own sign-in by one-time code, through another app client, which the gateway hands to its function. */
  readonly ownCode?: { readonly clientId: string }
  /** Accounts that are there already. */
  readonly people: readonly DemoPerson[]
}

/** A made-up account. */
export interface DemoPerson {
  /** What it signs in by. */
  readonly identifier: string
  readonly email: string
  readonly password: string
}

export const TOKEN_TYPES = ['passkey-append', 'passkey-list', 'passkey-delete'] as const
export type TokenType = (typeof TOKEN_TYPES)[number]

export interface ConnectTokenRequest {
  readonly tenantId: string
  readonly type: TokenType
}

export interface ConnectTokenAnswer {
  readonly connectToken: string
  /** Seconds since the epoch. */
  readonly expires: number
}

/**
 * A mail or text that was sent to a user. `authenticator`: nothing was sent; it is what the user's app shows when a sign-in
 * asks for its code.
 */
export interface OutboxMessage {
  /** Of the stream's ids: they grow. */
  readonly id: number
  /** ISO 8601. */
  readonly at: string
  readonly tenantId: string
  readonly medium: 'email' | 'sms' | 'authenticator'
  readonly to: string
  readonly purpose: 'sign-up' | 'forgot-password' | 'mfa' | 'own-code'
  readonly subject?: string
  readonly text: string
  readonly code: string
}

export interface OutboxAnswer {
  readonly messages: readonly OutboxMessage[]
}

/** Who takes part, from left to right in the guide's sequence diagram. */
export const PARTIES = ['browser', 'app', 'cognito', 'gateway', 'corbado', 'aws', 'customer'] as const
/**
 * `app`: the customer's server, for connect tokens. `aws`: the gateway's table, secrets and roles. `customer`: the
 * customer's own functions, which the gateway hands events to.
 */
export type Party = (typeof PARTIES)[number]

/** One call between two of them. It comes once more with the same `id`, when the gateway's log line has been read. */
export interface TraceCall {
  /** In the order in which the calls began. */
  readonly id: number
  /** ISO 8601, when it began. */
  readonly at: string
  readonly from: Party
  readonly to: Party
  /** Operation: `InitiateAuth`, `pre-login`, `define-auth-challenge`, `login/start`, `verifySignedData`. */
  readonly name: string
  /** A trigger's source, a flow, the service of `aws`. */
  readonly detail?: string
  /** Absent if it belongs to none or to several. */
  readonly tenantId?: string
  /** Of the browser's tab that led to it; absent if none did, or if several can have. */
  readonly tab?: string
  /** Milliseconds; null if nothing was answered. */
  readonly ms: number | null
  /** It did what it was for; a refusal is not ok, and no fault. */
  readonly ok: boolean
  /** What was answered, in a few words: `CUSTOM_CHALLENGE`, `answerCorrect: true`, an error's name. */
  readonly outcome: string
  /** Of the calls to the gateway, from its log line: why. */
  readonly reason?: string
  /** The login that it belongs to. */
  readonly flowId?: string
  /** Text of the reason, as `reasons` has it: what it means, who has to act. */
  readonly meaning?: string
  readonly requestId?: string
  /** The gateway's log line, its fields in their order. */
  readonly line?: Readonly<Record<string, unknown>>
}

/** What the stream of `/trace` brings. */
export type TraceEvent =
  | { readonly kind: 'call'; readonly call: TraceCall }
  | { readonly kind: 'message'; readonly message: OutboxMessage }
  | { readonly kind: 'provoked'; readonly active: readonly ActiveProvocation[] }

/** The operator's command `explain` of one login. */
export interface ExplainAnswer {
  /** The line that an engineer types. */
  readonly command: string
  /** What it prints where there is no terminal: a table's lines may be wider than 80 columns. */
  readonly text: string
  /** What it answers with `--json`. */
  readonly answer: Readonly<Record<string, unknown>>
}

export const PROVOCATIONS = ['used-proof', 'wrong-passkey', 'paused-tenant', 'corbado-down', 'secret-wrong'] as const
export type Provocation = (typeof PROVOCATIONS)[number]

export interface ProvocationInfo {
  readonly what: Provocation
  /** On a button. */
  readonly label: string
  /** What it does, in a sentence. */
  readonly about: string
  /** `next`: of the next sign-in alone. `lasting`: until it is undone. */
  readonly lasts: 'next' | 'lasting'
}

export interface ProvokeRequest {
  readonly tenantId: string
  readonly what: Provocation
  /** false undoes it. */
  readonly on: boolean
}

export interface ActiveProvocation {
  readonly tenantId: string
  readonly what: Provocation
}

export interface ProvokeAnswer {
  readonly active: readonly ActiveProvocation[]
}
