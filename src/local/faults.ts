import { textAt } from '../fields.js'
import type { ChosenFault, RecordedCall, StandIn } from './aws/server.js'
import type { Stack } from './stack.js'

/** What the gateway depends on, by the names on its log lines. */
export const DEPENDENCIES = ['table', 'ssm', 'sts', 'cognito', 'corbado'] as const
export type Dependency = (typeof DEPENDENCIES)[number]

/** How a dependency may fail. */
export const FAULT_KINDS = ['error', 'hang', 'throttled', 'denied'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Whose calls fail. */
export interface FaultyTenant {
  readonly tenantId: string
  readonly userPoolId: string
  readonly projectId: string
}

export interface FaultOrder {
  readonly dependency: Dependency
  readonly kind: FaultKind
  /** Without one, everybody's calls fail. */
  readonly tenant?: FaultyTenant | undefined
  readonly forMs: number
}

/** A fault that lasts. */
export interface LastingFault {
  readonly dependency: Dependency
  readonly kind: FaultKind
  readonly tenantId?: string
  /** ISO 8601. */
  readonly until: string
}

/** The faults of one running stack; each ends by itself. */
export interface Faults {
  /** Begins a fault, in place of the one that the same calls have. */
  begin(order: FaultOrder): Promise<void>
  /** All that last, by the stack's clock. */
  list(): LastingFault[]
  /** Ends those of a dependency, or all; of one tenant's own, if it is named. Answers which. */
  clear(dependency?: Dependency, userPoolId?: string): LastingFault[]
}

const FAULTS: Readonly<Record<FaultKind, ChosenFault>> = {
  error: { kind: 'status', status: 500 },
  hang: { kind: 'hang' },
  throttled: { kind: 'status', status: 429 },
  denied: { kind: 'denied' },
}

/** Is a call one of this tenant's? By what it asks for, whoever asks. */
const OF_TENANT: Readonly<Record<Dependency, (call: RecordedCall, tenant: FaultyTenant) => boolean>> = {
  table: ({ input }, { userPoolId }) => JSON.stringify(input).includes(`"${userPoolId}"`),
  ssm: ({ input }, { userPoolId }) => textAt(input, 'Name')?.includes(`/${userPoolId}/`) === true,
  sts: ({ input }, { userPoolId }) => textAt(input, 'RoleArn')?.endsWith(`/corbado-${userPoolId}`) === true,
  cognito: ({ input }, { userPoolId }) => textAt(input, 'UserPoolId') === userPoolId,
  corbado: ({ principal }, { projectId }) => principal === projectId,
}

/** Calls of the users' own apps: they are not the gateway's, and go on. */
const OF_APPS: Partial<Record<Dependency, (call: RecordedCall) => boolean>> = {
  cognito: ({ principal }) => principal === undefined,
  corbado: ({ operation }) => ['start', 'finish', 'append'].includes(operation) || operation.includes('/'),
}

/** Lets the dependencies of a stack fail, one tenant's calls or all. */
export function createFaults(stack: Stack): Faults {
  const { clock, table, ssm, sts, cognito, corbado } = stack
  const standIns: Readonly<Record<Dependency, StandIn>> = { table, ssm, sts, cognito, corbado }
  let begun: (FaultOrder & { readonly until: string; readonly endsAt: number })[] = []

  const lasting = () => {
    begun = begun.filter(({ endsAt }) => endsAt > clock.elapsed())
    return begun
  }

  /** Lets a dependency be if none of its faults lasts. */
  const heal = (dependency: Dependency) => {
    if (!lasting().some((one) => one.dependency === dependency)) void standIns[dependency].setFault(undefined)
  }

  const faultOf = (dependency: Dependency, call: RecordedCall): ChosenFault | undefined => {
    if (OF_APPS[dependency]?.(call)) return undefined
    heal(dependency)
    const hit = lasting().find((one) => {
      return one.dependency === dependency && (!one.tenant || OF_TENANT[dependency](call, one.tenant))
    })
    return hit && FAULTS[hit.kind]
  }

  const isSame = (a: FaultOrder, b: FaultOrder) =>
    a.dependency === b.dependency && a.tenant?.userPoolId === b.tenant?.userPoolId

  return {
    async begin(order) {
      const until = new Date(clock.now() + order.forMs).toISOString()
      const one = { ...order, until, endsAt: clock.elapsed() + order.forMs }
      const others = lasting().filter((other) => !isSame(other, order))
      // A tenant's own fault counts before everybody's.
      begun = order.tenant ? [one, ...others] : [...others, one]
      const { dependency } = order
      await standIns[dependency].setFault({ kind: 'chosen', of: (call) => faultOf(dependency, call) })
    },
    list: () => lasting().map(shown),
    clear(dependency, userPoolId) {
      const isMeant = ({ tenant, ...one }: FaultOrder) =>
        (dependency === undefined || one.dependency === dependency) &&
        (userPoolId === undefined || tenant?.userPoolId === userPoolId)
      const ended = lasting().filter(isMeant)
      begun = begun.filter((one) => !ended.includes(one))
      for (const one of ended) heal(one.dependency)
      return ended.map(shown)
    },
  }
}

function shown({ dependency, kind, tenant, until }: FaultOrder & { until: string }): LastingFault {
  return { dependency, kind, ...(tenant && { tenantId: tenant.tenantId }), until }
}
