/** Keeps what is wrong from one look at the lines to the next, and says when it changes: a function of state, findings and time. */
import { type Static, Type } from 'typebox'
import { type Finding, isConsequence, isOfFailedTries } from '../causes/find.js'
import { timeOfMinute } from '../causes/fold.js'
import { healthOf, nameOf } from '../causes/words.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** What is not seen for so long has recovered. */
const CALM_MS = 15 * MINUTE_MS
/** What comes back within so long flaps: from then on it has recovered only after an hour. */
const FLAP_MS = 2 * HOUR_MS
const FLAPPING_CALM_MS = HOUR_MS
/** A cause that reaches so many times more tenants than it was told of is told of again. */
const MORE = 3
/** Whoever writes ever new values must not fill the state. */
const CAUSES_MAX = 1_000

const Bad = Type.Union([Type.Literal('degraded'), Type.Literal('failing'), Type.Literal('silent')])
type Bad = Static<typeof Bad>

/** Nothing but what we write is read back. */
const closed = { additionalProperties: false }

/** Names and figures, as the lines have them: a sentence or an address in a state is none of ours. */
const words = Type.String({ pattern: '^[\\w.:+/#=() -]{1,400}$' })
const name = Type.String({ pattern: '^[\\w.:+/#=-]{0,128}$' })

/** Times are milliseconds since 1970. */
const Kept = Type.Object(
  {
    /** What was counted, in the words of the lines. */
    what: words,
    reason: Type.Optional(name),
    /** `new` is not told yet: the next look confirms it. */
    health: Type.Union([Type.Literal('new'), Bad, Type.Literal('recovered')]),
    first: Type.Number(),
    last: Type.Number(),
    everywhere: Type.Boolean(),
    /** How many tenants were told of. */
    told: Type.Number(),
    calmMs: Type.Number(),
    tenants: Type.Record(
      name,
      Type.Object(
        { health: Type.Union([Bad, Type.Literal('recovered')]), first: Type.Number(), last: Type.Number() },
        closed,
      ),
      closed,
    ),
  },
  closed,
)
type Kept = Static<typeof Kept>

/** All that is known from earlier looks. It holds no user, and nothing that a person typed. */
export const WatchState = Type.Object(
  {
    version: Type.Literal(1),
    /** When the lines were last looked at. */
    at: Type.Number(),
    causes: Type.Record(words, Kept, closed),
  },
  closed,
)
export type WatchState = Static<typeof WatchState>

export const EMPTY: WatchState = { version: 1, at: 0, causes: {} }

/** One cause, of one tenant or ten thousand, whose state has changed. */
export interface Notice {
  readonly key: string
  readonly what: string
  readonly reason: string | undefined
  readonly was: 'ok' | Bad | 'recovered'
  readonly health: Bad | 'recovered'
  readonly everywhere: boolean
  /** Those that it reaches, or reached. */
  readonly tenants: readonly string[]
  readonly first: number
  readonly last: number
  /** What it was told by; nothing of what has recovered. */
  readonly finding: Finding | undefined
}

/** What is wrong is of one cause if this is the same, whichever tenants have it. */
export function causeKey({ what }: Finding): string {
  if (what.kind === 'reason') return `reason ${what.cell.reason} ${what.cell.status ?? ''}`.trim()
  if (what.kind === 'slow') return `slow ${what.dependency}`
  if (what.kind === 'missing') return `missing ${what.step}`
  if (what.kind === 'client') return `client ${what.clientId}`
  if (what.kind === 'stale') return 'stale'
  if (what.kind === 'unfinished') return `unfinished ${what.how}`
  return 'silent'
}

const RANK = { degraded: 1, failing: 2, silent: 2 } as const
const worse = (a: Bad, b: Bad): Bad => (RANK[b] > RANK[a] ? b : a)

interface Seen {
  readonly finding: Finding
  readonly health: Bad
  readonly everywhere: boolean
  readonly first: number
  readonly tenants: ReadonlyMap<string, Bad>
}

/**
 * Takes a further look into account.
 * @param findings what goes on at this time, and only that
 * @param at milliseconds since 1970
 * @returns the new state, and one notice for each cause whose state has changed
 */
export function advance(
  state: WatchState,
  findings: readonly Finding[],
  at: number,
): { readonly state: WatchState; readonly notices: readonly Notice[] } {
  const seen = gather(findings)
  const notices: Notice[] = []
  const causes: Record<string, Kept> = {}
  for (const [key, kept] of Object.entries(state.causes)) {
    const now = seen.get(key)
    const next = now === undefined ? withoutIt(kept, at) : withIt(kept, now, at)
    if (next === undefined) continue
    causes[key] = next
    const told = tell(key, kept, next, now?.finding)
    if (told !== undefined) {
      notices.push(told)
      causes[key] = { ...next, told: told.tenants.length }
    }
  }
  for (const [key, now] of seen) {
    if (Object.hasOwn(state.causes, key) || Object.keys(causes).length >= CAUSES_MAX) continue
    if (isConsequence(now.finding) && Object.values(causes).some((kept) => explains(kept, now))) continue
    const next = begin(now, at)
    causes[key] = next
    const told = tell(key, undefined, next, now.finding)
    if (told !== undefined) {
      notices.push(told)
      causes[key] = { ...next, told: told.tenants.length }
    }
  }
  return { state: { version: 1, at, causes }, notices }
}

/**
 * Does a cause that was told, and has not recovered yet, make these tries fail? Logins end as exhausted some minutes after
 * what failed them is over, when nothing else is found that they follow from.
 */
function explains({ health, reason, everywhere, tenants, last }: Kept, now: Seen): boolean {
  if (health === 'new' || health === 'recovered' || isOfFailedTries(reason)) return false
  return now.first <= last && (everywhere || [...now.tenants.keys()].every((name) => Object.hasOwn(tenants, name)))
}

/** Findings of one cause belong together, whenever each tenant's began. */
function gather(findings: readonly Finding[]): Map<string, Seen> {
  const seen = new Map<string, Seen>()
  for (const finding of findings) {
    const key = causeKey(finding)
    const before = seen.get(key)
    const health = healthOf(finding)
    const tenants = new Map(before?.tenants)
    for (const tenant of finding.tenants) tenants.set(tenant, worse(tenants.get(tenant) ?? 'degraded', health))
    seen.set(key, {
      finding: before?.finding ?? finding,
      health: before === undefined ? health : worse(before.health, health),
      everywhere: finding.everywhere || before?.everywhere === true,
      first: Math.min(timeOfMinute(finding.from), before?.first ?? Number.POSITIVE_INFINITY),
      tenants,
    })
  }
  return seen
}

/** What all have, and all silence, needs no second look. */
function begin(now: Seen, at: number): Kept {
  const { finding, health, everywhere, first, tenants } = now
  return {
    what: nameOf(finding),
    ...(finding.what.kind === 'reason' && { reason: finding.what.cell.reason as string }),
    health: everywhere ? health : 'new',
    first,
    last: at,
    everywhere,
    told: 0,
    calmMs: CALM_MS,
    tenants: Object.fromEntries([...tenants].map(([name, health]) => [name, { health, first, last: at }])),
  }
}

function withIt(kept: Kept, now: Seen, at: number): Kept {
  const again = kept.health === 'recovered'
  const flaps = again && at - kept.last < FLAP_MS + kept.calmMs
  const tenants = again ? {} : { ...kept.tenants }
  for (const [name, health] of now.tenants) {
    const before = Object.hasOwn(tenants, name) ? tenants[name] : undefined
    const whole = before === undefined || before.health === 'recovered' ? undefined : before
    tenants[name] = {
      health: whole === undefined ? health : worse(whole.health as Bad, health),
      first: whole?.first ?? now.first,
      last: at,
    }
  }
  for (const [name, tenant] of Object.entries(tenants))
    if (tenant.health !== 'recovered' && at - tenant.last >= kept.calmMs)
      tenants[name] = { ...tenant, health: 'recovered' }
  return {
    ...kept,
    // It gets worse at once, and better only when it is over: what swings between two states is told once.
    health:
      again || kept.health === 'new'
        ? again && !now.everywhere && !flaps
          ? 'new'
          : now.health
        : worse(kept.health as Bad, now.health),
    first: again ? now.first : Math.min(kept.first, now.first),
    last: at,
    everywhere: again ? now.everywhere : kept.everywhere || now.everywhere,
    told: again ? 0 : kept.told,
    calmMs: flaps ? FLAPPING_CALM_MS : again ? CALM_MS : kept.calmMs,
    tenants,
  }
}

/** @returns nothing if it is forgotten: it was never told of, or has been over for long */
function withoutIt(kept: Kept, at: number): Kept | undefined {
  if (kept.health === 'new') return
  const calm = at - kept.last
  if (kept.health === 'recovered') return calm < FLAP_MS + kept.calmMs ? kept : undefined
  if (calm < kept.calmMs) return kept
  const tenants = Object.entries(kept.tenants).map(([name, tenant]) => [
    name,
    { ...tenant, health: 'recovered' as const },
  ])
  return { ...kept, health: 'recovered', tenants: Object.fromEntries(tenants) }
}

function tell(key: string, before: Kept | undefined, next: Kept, finding: Finding | undefined): Notice | undefined {
  if (next.health === 'new') return
  const was = before === undefined || before.health === 'new' ? 'ok' : before.health
  const over = next.health === 'recovered'
  const tenants = Object.entries(next.tenants)
    .filter(([, { health }]) => over || health !== 'recovered')
    .map(([name]) => name)
  const wider =
    !over &&
    before !== undefined &&
    ((next.everywhere && !before.everywhere) || (!before.everywhere && tenants.length >= MORE * Math.max(1, next.told)))
  if (was === next.health && !wider) return
  const { what, reason, health, everywhere, first, last } = next
  return { key, what, reason, was, health: health as Bad | 'recovered', everywhere, tenants, first, last, finding }
}
