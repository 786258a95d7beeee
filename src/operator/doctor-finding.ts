/** What one check of a tenant found. */
export interface Finding {
  /** Its stable name, kebab case. */
  readonly check: Check
  /** `warned`: it works, and somebody should know; `not-checkable`: nobody here can tell. Only `failed` is wrong. */
  readonly state: 'passed' | 'warned' | 'failed' | 'not-checkable'
  /** One sentence. */
  readonly what: string
  /** What to do about it, and who: `operator: …` or `customer: …`. */
  readonly fix?: string
  /** The check that must pass before this one means anything. */
  readonly dependsOn?: Check
}

/** All checks of the doctor, in the order in which they are told. */
export const CHECKS = [
  'config',
  'alias',
  'invoke-permission',
  'role-assumable',
  'role-without-external-id',
  'role-wrong-external-id',
  'may-get-user',
  'may-list-users',
  'may-set-mfa',
  'no-other-operation',
  'no-other-pool',
  'secret',
  'backend-credential',
  'backend-refusal',
  'pool',
  'triggers',
  'stray-triggers',
  'app-clients',
  'enumeration',
  'auth-session',
  'identifier',
  'case-sensitivity',
  'device-tracking',
  'pool-mfa',
  'mfa-factor',
] as const

export type Check = (typeof CHECKS)[number]

export const passed = (check: Check, what: string): Finding => ({ check, state: 'passed', what })
export const warned = (check: Check, what: string, fix: string): Finding => ({ check, state: 'warned', what, fix })
export const failed = (check: Check, what: string, fix: string): Finding => ({ check, state: 'failed', what, fix })

export function notCheckable(check: Check, what: string, fix?: string): Finding {
  return { check, state: 'not-checkable', what, ...(fix !== undefined && { fix }) }
}

/** For checks that mean nothing until another one passes. */
export function dependent(checks: readonly Check[], dependsOn: Check): Finding[] {
  return checks.map((check) => ({ ...notCheckable(check, `Depends on ${dependsOn}.`), dependsOn }))
}
