// What the process that measures and the one that stands in for the world say to each other.

export const DEPENDENCIES = ['backend', 'cognito', 'sts', 'table', 'ssm'] as const
export type Dependency = (typeof DEPENDENCIES)[number]

/** `hang`: the bad tenants' requests to this dependency are never answered. */
export type Order =
  | { readonly kind: 'hang'; readonly dependency: Dependency | undefined }
  | { readonly kind: 'sign'; readonly tenants: readonly string[] }

/** The call that a tenant sends again and again. */
export type CallName = 'verify' | 'preLogin' | 'define' | 'create'

/** What the tenant in trouble sends, and where to. */
export interface Sending {
  readonly url: string
  readonly call: CallName
  readonly member: Member
  readonly proof: string
  readonly perSecond: number
  readonly seconds: number
}

export interface Member {
  readonly userPoolId: string
  readonly tenantId: string
}

export interface World {
  readonly env: Record<string, string>
  readonly good: readonly Member[]
  /** At the Backend API host that all share, and at one of its own. */
  readonly bad: { readonly shared: Member; readonly own: Member }
}

export const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
export const CALLERS = '/corbado/gateway/callers'
