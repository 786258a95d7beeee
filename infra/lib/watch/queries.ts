/** Put a tenant's id, a request id or a flow id in the place of this one before the query is run. */
const TENANT = 'acme-shop'

const lines = (filter: string, fields: string) => `${filter}
| fields ${fields}
| sort @timestamp desc
| limit 500`

/** Saved Logs Insights queries: `filterIndex` goes by the field index and reads nothing else. */
export const QUERIES = {
  'tenant-lines': {
    doc: 'what one tenant had, newest first',
    text: lines(
      `filterIndex tenantId = "${TENANT}"`,
      '@timestamp, trigger, action, outcome, reason, durationMs, user, flowId, requestId',
    ),
  },
  'tenant-reasons': {
    doc: 'how often each reason, by trigger or action, for one tenant',
    text: `filterIndex tenantId = "${TENANT}"
| stats count(*) as lines, pct(durationMs, 99) as p99 by trigger, action, outcome, reason
| sort lines desc`,
  },
  'tenant-dependencies': {
    doc: 'what failing dependencies answered to one tenant',
    text: `filterIndex tenantId = "${TENANT}"
| filter level = "error"
| stats count(*) as lines by reason, upstreamStatus, upstreamErrorType, err.code
| sort lines desc`,
  },
  'one-login': {
    doc: 'all lines of one login',
    text: `filterIndex flowId = "put-the-flow-id-here"
| fields @timestamp, trigger, outcome, reason, durationMs, upstreamRequestId, requestId
| sort @timestamp asc`,
  },
  'one-request': {
    doc: 'the line behind the `ref` that a user saw',
    text: `filterIndex requestId = "put-the-ref-here"
| fields @timestamp, @message`,
  },
  'faults-by-tenant': {
    doc: 'which tenants a fault reaches',
    text: `filter level = "error"
| stats count(*) as lines by reason, tenantId
| sort lines desc`,
  },
  versions: {
    doc: 'a canary beside the version before it',
    text: `filter ispresent(gatewayVersion)
| stats count(*) as lines, sum(strcontains(level, "error")) as faults, pct(durationMs, 99) as p99 by gatewayVersion, trigger, action
| sort trigger, action`,
  },
  'cold-starts': {
    doc: 'how long first invocations took',
    text: `filter coldStart = 1
| stats count(*) as starts, pct(durationMs, 50) as p50, pct(durationMs, 99) as p99, max(durationMs) as longest by bin(1h)`,
  },
} as const satisfies Record<string, { readonly doc: string; readonly text: string }>
