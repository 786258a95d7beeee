import { Check } from 'typebox/value'
import { TenantFile } from '../../tenant/config.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { textOf } from './record.js'

export type Status = TenantFile['status']

/** What a pool is in the table. A tenant that was suspended before it ever went live is `suspended draft`. */
export type Place = Status | 'none' | 'suspended draft'

/** The commands that can change what is served; `npm start` fills the embedded stack's own table. */
export type StatusCommand =
  | 'apply'
  | 'apply --status'
  | 'activate'
  | 'pause'
  | 'resume'
  | 'suspend'
  | 'rollback'
  | 'npm start'

/** What must hold for an edge, as the table in tenants/README.md words it. */
const CONDITIONS = {
  always: '',
  green: 'no check of the doctor blocks it',
  stopped: 'the file, or that version, says `draft` or `suspended`',
  'self-hosted': 'the gateway is self-hosted: its owner has no doctor',
} as const

/** One way from a status to another. */
interface Edge {
  readonly from: readonly Place[]
  readonly command: StatusCommand
  readonly condition: keyof typeof CONDITIONS
  /** `as before`: what it was before it was suspended; `as asked`: what the file, or the version, says. */
  readonly to: Status | 'as before' | 'as asked'
}

const NOT_LIVE = ['none', 'draft', 'suspended draft'] as const
const LIVE = ['active', 'passkeys-off', 'suspended'] as const

/**
 * Which status leads to which, by which command. There is no other way: a command that finds no edge leaves the status as
 * it is, or is refused. Nothing but `activate` leads from {@link NOT_LIVE} to {@link LIVE}, but in one's own gateway.
 */
const EDGES: readonly Edge[] = [
  { from: ['none'], command: 'apply', condition: 'always', to: 'draft' },
  {
    from: ['draft', 'suspended draft', 'passkeys-off', 'suspended'],
    command: 'activate',
    condition: 'green',
    to: 'active',
  },
  { from: ['active'], command: 'pause', condition: 'always', to: 'passkeys-off' },
  { from: ['passkeys-off'], command: 'resume', condition: 'always', to: 'active' },
  { from: ['suspended', 'suspended draft'], command: 'resume', condition: 'always', to: 'as before' },
  { from: ['draft', 'active', 'passkeys-off'], command: 'suspend', condition: 'always', to: 'suspended' },
  { from: NOT_LIVE, command: 'apply --status', condition: 'stopped', to: 'as asked' },
  { from: NOT_LIVE, command: 'apply --status', condition: 'self-hosted', to: 'as asked' },
  { from: ['none'], command: 'apply --status', condition: 'always', to: 'draft' },
  { from: LIVE, command: 'apply --status', condition: 'always', to: 'as asked' },
  { from: ['draft', 'suspended draft'], command: 'rollback', condition: 'stopped', to: 'as asked' },
  { from: LIVE, command: 'rollback', condition: 'always', to: 'as asked' },
  { from: ['none'], command: 'npm start', condition: 'always', to: 'as asked' },
]

/** The edges as rows of a page: from, command, condition, to. */
export const STATUS_ROWS: readonly (readonly [from: string, command: string, condition: string, to: string])[] =
  EDGES.map(({ from, command, condition, to }) => {
    const name = (place: string) => (place.startsWith('as ') || place === 'none' ? place : `\`${place}\``)
    return [from.map(name).join(', '), `\`${command}\``, CONDITIONS[condition], name(to)]
  })

/** What a decision is made from. */
export interface StatusQuestion {
  readonly command: StatusCommand
  /** Where the tenant is now. */
  readonly place: Place
  /** What it was before it was suspended, as {@link statusBefore} has it. */
  readonly before?: Status
  /** What the file, or the version that is gone back to, says. */
  readonly asked?: Status
  /** Did the doctor find nothing that blocks it? */
  readonly green?: boolean
  /** Is it the owner's own gateway? */
  readonly selfHosted?: boolean
}

/** The status that a command leads to; undefined if it does not lead from here to another. */
export function nextStatus(question: StatusQuestion): Status | undefined {
  const { command, place, before = 'draft', asked = 'draft' } = question
  const edge = EDGES.find(
    (one) => one.command === command && one.from.includes(place) && holds(one.condition, question),
  )
  if (edge?.to === 'as before') return before
  return edge?.to === 'as asked' ? asked : edge?.to
}

function holds(condition: Edge['condition'], { asked, green = false, selfHosted = false }: StatusQuestion): boolean {
  if (condition === 'green') return green
  if (condition === 'stopped') return asked === 'draft' || asked === 'suspended'
  return condition === 'always' || selfHosted
}

/** From where a command leads anywhere, whatever its condition. */
export function leadsFrom(command: StatusCommand, place: Place): boolean {
  return EDGES.some((one) => one.command === command && one.from.includes(place))
}

/** The words of the commands that bring a tenant from a place to a status, one after the other; undefined if none do. */
export function waysTo(to: Status, place: Place, before?: Status): readonly StatusCommand[] | undefined {
  const verbs = ['pause', 'resume', 'suspend', 'activate'] as const
  const step = (from: Place) =>
    verbs.map((command) => ({
      command,
      next: nextStatus({ command, place: from, green: true, ...(before && { before }) }),
    }))
  const first = step(place)
  const direct = first.find(({ next }) => next === to)
  if (direct) return [direct.command]
  for (const { command, next } of first) {
    const second = next && next !== 'suspended' && step(next).find((one) => one.next === to)
    if (second) return [command, second.command]
  }
  return undefined
}

/** Where a record stands; undefined stands for none. A record whose status cannot be read counts as a draft. */
export function placeOfRecord(record: TenantRecord | undefined, before?: Status): Place {
  if (!record) return 'none'
  const status = statusOf(record)
  return status === 'suspended' && (before ?? 'draft') === 'draft' ? 'suspended draft' : status
}

/** The status of a record; one that cannot be read counts as a draft. */
export function statusOf(record: TenantRecord): Status {
  const status = textOf(record, 'status')
  return Check(TenantFile.properties.status, status) ? status : 'draft'
}

/**
 * What a tenant was before it was suspended: of the versions before the current one, the newest that was not suspended. What
 * was before the pool was taken out does not count, and if nothing is known it was a draft.
 * @param kept the versions of its pool, the oldest first
 */
export function statusBefore(record: TenantRecord, kept: readonly TenantRecord[]): Status {
  // A write that was stopped half-way has kept the current record already.
  const earlier = kept.filter(({ version }) => version < record.version)
  const last = earlier.findLast((one) => one.record.endsWith('-removed') || statusOf(one) !== 'suspended')
  return !last || last.record.endsWith('-removed') ? 'draft' : statusOf(last)
}
