import type { IamPolicy, IamStatement } from '../../role/role.js'

/** What one check of a tenant found. */
export interface Finding {
  /** Its stable name, kebab case. */
  readonly check: Check
  /** `warned`: it works, but look at it; `not-checkable`: it cannot be known from here. See {@link isBlocking}. */
  readonly state: 'passed' | 'warned' | 'failed' | 'not-checkable'
  /** One sentence. */
  readonly what: string
  /** What to do about it, and who: `operator: …` or `customer: …`. Missing if it passed, or depends on another. */
  readonly fix?: string
  /** The trust, the permissions or the statement that the fix speaks of. */
  readonly policy?: IamPolicy | IamStatement
  /** The check that must pass before this one means anything. */
  readonly dependsOn?: Check
  /** Since when it is so, as the doctor's own notes have it. */
  readonly since?: string
  /** It cannot be known from here, or not yet, so it blocks nothing, and is no change from what was known before. */
  readonly byDesign?: true
}

/** What each check of the doctor makes sure of, in the order in which they are told; the table in DOCTOR.md is compared with it. */
export const CHECK_DOCS = {
  config: 'the config passes schema and rules, and names a hosted ARN of this function',
  alias: "the gateway's function has the tenant's alias",
  'invoke-permission': "the alias's policy lets in exactly this pool, for its account",
  'role-assumable': "the customer's role can be assumed with the ExternalId",
  'role-without-external-id': 'it is refused without one',
  'role-wrong-external-id': 'it is refused with a wrong one',
  'may-get-user': 'the role allows AdminGetUser on the pool',
  'may-list-users': 'the role allows ListUsers on the pool',
  'may-set-mfa': 'the role allows AdminSetUserMFAPreference, if post-append needs it',
  'may-sign-in': 'the role allows AdminInitiateAuth and AdminRespondToAuthChallenge, if post-login needs them',
  'may-read-client': 'the role allows DescribeUserPoolClient, if the claim needs it',
  'no-other-operation': 'the role refuses an operation that the gateway never calls',
  'no-other-pool': 'the role refuses another pool of the account',
  'chained-functions': "the customer's own functions that answer triggers are there, and the role may invoke them",
  'chained-time': 'those functions answered in time lately, as far as the gateway has called them',
  secret: 'the Backend API credential is there, well-formed, and of this project',
  'backend-credential': 'Corbado accepts it',
  'backend-refusal': 'Corbado refuses a false proof, and for the right reason',
  pool: "the pool's settings can be read",
  triggers:
    "the three triggers of custom authentication, and that of the claim if there is one, hold the tenant's hosted ARN",
  'stray-triggers': 'no other trigger of the pool holds an ARN of ours that would break it',
  'app-clients': 'an app client allows custom authentication, and those that the config names are there and fit',
  'foreign-clients': 'no other app client allows custom authentication that nobody answers',
  enumeration: 'the app clients do not tell which users exist',
  'auth-session': 'a login has time enough between two answers',
  'client-secret': "if post-login's app client has a secret, the tenant's parameter holds it",
  identifier: 'what users type finds them: it is an alias, or an attribute match is accepted',
  'case-sensitivity': 'upper and lower case of what is typed make no difference',
  'device-tracking': 'remembered devices do not cut into the flow',
  'pool-mfa': "the pool's MFA setting fits the flow",
  'threat-protection': 'threat protection does not refuse passkey logins',
  'native-passkeys': "no app client offers both Cognito's own passkeys and Corbado's",
  'mfa-factor': 'the factor that post-append sets can be set in this pool',
} as const

export type Check = keyof typeof CHECK_DOCS

/** All checks, in order. */
export const CHECKS = Object.keys(CHECK_DOCS) as readonly Check[]

/** Until these are known, it is not certain that logins work and that no other can use the role. */
const ESSENTIAL: readonly Check[] = [
  'config',
  'alias',
  'invoke-permission',
  'role-assumable',
  'role-without-external-id',
  'role-wrong-external-id',
  'may-get-user',
  'may-list-users',
  'may-set-mfa',
  'may-sign-in',
  'secret',
  'backend-credential',
  'backend-refusal',
]

/** May the tenant not go live with this? It failed, or it is not known although it matters. */
export function isBlocking({ check, state, byDesign }: Finding): boolean {
  return state === 'failed' || (state === 'not-checkable' && !byDesign && ESSENTIAL.includes(check))
}

/** Of the checks that are about the customer's own functions. */
export const NO_CHAIN = 'Not needed: no trigger is answered by a function of the customer.'

/** How an operator changes a config; completes "correct aws.region …". */
export const IN_FILE = "in the tenant's file, then: corbado-gateway tenants apply"

export const passed = (check: Check, what: string): Finding => ({ check, state: 'passed', what })
export const warned = (check: Check, what: string, fix: string): Finding => ({ check, state: 'warned', what, fix })

export function failed(check: Check, what: string, fix: string, policy?: Finding['policy']): Finding {
  return { check, state: 'failed', what, fix, ...(policy && { policy }) }
}

export function notCheckable(check: Check, what: string, fix: string, policy?: Finding['policy']): Finding {
  return { check, state: 'not-checkable', what, fix, ...(policy && { policy }) }
}

/** For checks that mean nothing until another one passes. */
export function dependent(checks: readonly Check[], dependsOn: Check): Finding[] {
  return checks.map((check) => dependentOne(check, dependsOn))
}

/** The same of one check. */
export function dependentOne(check: Check, dependsOn: Check): Finding {
  return { check, state: 'not-checkable', what: `Depends on ${dependsOn}.`, dependsOn }
}
