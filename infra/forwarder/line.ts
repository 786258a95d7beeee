import { GATEWAY_VERSION } from '../../src/env.js'
import { aliasOf } from '../../src/ids.js'
import type { LOG_FIELDS } from '../../src/plugins/log-line.js'
import type { Decision } from './decide.js'

/** A line has fields of the service's list and no others; what the fields may hold is decided below. */
export type Line = Partial<Record<keyof typeof LOG_FIELDS, unknown>>

export interface LineFacts {
  /** What came in, whatever it is. */
  readonly payload: unknown
  readonly trigger: string | undefined
  readonly decision: Decision
  readonly invokedFunctionArn: string
  readonly requestId: string
  readonly durationMs: number
  /** Milliseconds since the process started, on its first invocation. */
  readonly coldStartMs: number | undefined
  readonly instance: string
  /** Milliseconds by dependency. */
  readonly upstream: Readonly<Record<string, number>>
  readonly upstreamStatus: number | undefined
}

/** The closing line of an invocation. Who signs in, and with what, is not on it: the container's own line has the pseudonym. */
export function closingLine(facts: LineFacts): Line {
  const { payload, decision } = facts
  const { userPoolId, region, triggerSource } = (payload ?? {}) as Record<string, unknown>
  return {
    level: levelOf(decision),
    time: new Date().toISOString(),
    msg: 'trigger',
    userPoolId: idOf(userPoolId),
    region: idOf(region),
    alias: aliasOf(facts.invokedFunctionArn),
    trigger: facts.trigger,
    triggerSource: idOf(triggerSource),
    outcome: decision.outcome,
    reason: decision.reason,
    requestId: facts.requestId,
    durationMs: facts.durationMs,
    upstream: facts.upstream,
    upstreamStatus: facts.upstreamStatus,
    upstreamRequestId: decision.upstreamRequestId,
    coldStart: facts.coldStartMs !== undefined,
    startMs: facts.coldStartMs && Math.round(facts.coldStartMs),
    door: 'forwarder',
    instance: facts.instance,
    gatewayVersion: GATEWAY_VERSION,
  }
}

/** The event is the customer's: only what looks like an id is taken from it (as in src/routes/triggers.ts). */
function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined
}

function levelOf({ outcome, kind, reason }: Decision): 'info' | 'warn' | 'error' {
  if (outcome === 'forwarded') return 'info'
  if (outcome === 'fault') return 'error'
  const expected = kind === 'refuse' || reason === 'tenant_unknown' || reason === 'unknown_trigger'
  return expected ? 'warn' : 'error'
}
