import { LOG_FIELDS } from '../../../src/plugins/log-line.js'
import { type Clue, type Reason, reasons, rowOf } from '../../../src/reasons.js'

type LogField = keyof typeof LOG_FIELDS

export interface SavedQuery {
  /** What it shows, for the page of the person on call. */
  readonly doc: string
  readonly text: string
}

/** Put a tenant's id, a request id or a flow id in the place of this one before the query is run. */
const TENANT = 'acme-shop'

const lines = (filter: string, fields: string) => `${filter}
| fields ${fields}
| sort @timestamp desc
| limit 500`

/** For what people look for by hand: `filterIndex` goes by the field index and reads nothing else. */
const BY_HAND = {
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
  silence: {
    doc: 'when the lines of the service stop, and of how many tenants they were: a minute a row',
    text: `filter ispresent(outcome)
| stats count(*) as lines, count_distinct(tenantId) as tenants by bin(1m) as minute
| sort minute desc`,
  },
} as const satisfies Record<string, SavedQuery>

/** The field that shows a clue. Whether traffic is more than usual no field of a line tells. */
const FIELDS_OF_CLUES: Readonly<Partial<Record<Clue, readonly LogField[]>>> = {
  'config changed': ['configVersion'],
  'config old': ['configVersion'],
  'secret changed': ['secretVersion'],
  'secret old': ['secretVersion'],
  'one client': ['clientId'],
  'one release': ['gatewayVersion'],
  'status 401': ['upstreamStatus'],
  'status 403': ['upstreamStatus'],
  'status 5xx': ['upstreamStatus', 'upstreamErrorType'],
  'no status': ['upstreamStatus', 'upstreamErrorType'],
}
/** What a fault is counted by if its look-alikes name nothing more. */
const FAULT_FIELDS: readonly LogField[] = ['upstreamStatus', 'upstreamErrorType', 'gatewayVersion']
/** Fields with a value of its own on nearly every line: nothing is counted by them. */
const NOT_COUNTED: readonly LogField[] = ['tenantId', 'flowId', 'lateMs', 'userPoolId', 'upstream', 'breakerOpen']

const isLogField = (word: string): word is LogField => Object.hasOwn(LOG_FIELDS, word)

/** The fields that tell the causes of a reason apart, as the catalogue says: by their names in its words, and by its clues. */
function tellingFields(reason: Reason): readonly LogField[] {
  const { alike = [], alarm } = rowOf(reason)
  const words = [...alike.map(({ tell }) => tell), alarm?.look ?? ''].join(' ')
  const named = [...words.matchAll(/`(\w+)`/g)].map(([, word = '']) => word).filter(isLogField)
  const shown = alike.flatMap(({ clues = [] }) => clues.flatMap((clue) => FIELDS_OF_CLUES[clue] ?? []))
  const found = [...new Set([...named, ...shown])].filter((field) => !NOT_COUNTED.includes(field))
  return found.length === 0 && alarm !== undefined ? FAULT_FIELDS : found
}

/** The query of one reason: how many lines, of whom, since when, by what tells its causes apart. */
function reasonQuery(reason: Reason): SavedQuery {
  const fields = ['tenantId', ...tellingFields(reason).map((field) => (field === 'err' ? 'err.at' : field))]
  const late = rowOf(reason).alike?.some(({ tell }) => tell.includes('`lateMs`'))
  const spread = late ? ', pct(lateMs, 10) as p10, pct(lateMs, 90) as p90' : ''
  return {
    doc: `lines with this reason, by ${fields.map((field) => `\`${field}\``).join(', ')}${late ? ', with the spread of `lateMs`' : ''}`,
    text: `filterIndex reason = "${reason}"
| stats count(*) as lines, count_distinct(user) as users, min(@timestamp) as first, max(@timestamp) as last${spread} by ${fields.join(', ')}
| sort lines desc`,
  }
}

/** Who has to act; for an end user there is nothing to do. */
const OWNERS = { us: 'us', operator: 'the operator', customer: 'the customer', Corbado: 'Corbado' } as const
type ActingOwner = keyof typeof OWNERS

/** The query of one owner: what is wrong now that they have to act on. */
function ownerQuery(owner: ActingOwner): SavedQuery {
  const theirs = reasons.filter((reason) => rowOf(reason).owner === owner).map((reason) => `"${reason}"`)
  return {
    doc: `warnings and errors that are of ${OWNERS[owner]}, by reason`,
    text: `filter level in ["warn", "error"] and reason in [${theirs.join(', ')}]
| stats count(*) as lines, count_distinct(tenantId) as tenants by reason
| sort lines desc`,
  }
}

/** The name of the query of a reason; one that neither rings nor has look-alikes has none. */
export const reasonQueryName = (reason: Reason) => `reason/${reason}`

/** Every saved Logs Insights query by its name; those of owners and reasons are made from the catalogue. */
export const QUERIES: Readonly<Record<string, SavedQuery>> = {
  ...BY_HAND,
  ...Object.fromEntries(
    (Object.keys(OWNERS) as ActingOwner[]).map((owner) => [`owner/${owner.toLowerCase()}`, ownerQuery(owner)]),
  ),
  ...Object.fromEntries(
    reasons
      .filter((reason) => rowOf(reason).alarm !== undefined || rowOf(reason).alike !== undefined)
      .map((reason) => [reasonQueryName(reason), reasonQuery(reason)]),
  ),
}
