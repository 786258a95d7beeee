import { type Alike, type Clue, type Owner, rowOf } from '../../reasons.js'
import { howOf } from './broken.js'
import type { Evidence } from './evidence.js'
import type { Finding, Stage, What } from './find.js'
import { type Fold, type Span, type TenantFold, timeOfMinute } from './fold.js'

const MINUTE_MS = 60_000
/** How long before the first failing line a change may lie: what it replaced is remembered for a while (src/FACTS.md). */
const CONFIG_MS = 3 * MINUTE_MS
const SECRET_MS = 7 * MINUTE_MS
const RELEASE_MS = 15 * MINUTE_MS
/** And how long after: a minute is the grain of what is counted, and tenants share a release. */
export const AFTER_MS = 3 * MINUTE_MS
/** Traffic over this many times the usual is more. */
const MORE = 3
const EVIDENCE_MIN = 20
/** So many lines in a row that fail are no chance, whatever was before. */
const PLAIN_MIN = 5
/** What is missing in the lines is found where it is configured. */
const DOCTOR = 'corbado-gateway doctor <tenant>'
const PROBE = 'corbado-gateway explain <tenant> --probe'
const ROLLBACK = 'corbado-gateway tenants rollback <tenant>'

export interface Change {
  readonly what: 'config' | 'secret' | 'client secret' | 'release'
  readonly version: string
  readonly at: number
  /** Who made it, and in which fields of the config, as far as the table was asked. */
  readonly by?: string
  readonly fields?: readonly string[]
}

/** A finding with its cause as far as lines can tell it, who has to act, and how. */
export interface Diagnosis {
  readonly finding: Finding
  readonly evidence: Evidence
  /** One sentence: what is wrong. */
  readonly cause: string
  readonly owner: Owner
  readonly fix: string | undefined
  /** Causes that look the same in the lines, with what tells them apart; empty if the lines tell. */
  readonly alike: readonly Alike[]
  /** What changed shortly before. */
  readonly changes: readonly Change[]
  readonly confidence: 'high' | 'medium' | 'low'
  /** What the doctor's checks had to say, if they were asked. */
  readonly probe?: string
}

/** Who has to look first at a dependency that is slow. */
const SLOW_OWNERS: Readonly<Record<string, Owner>> = { corbado: 'Corbado', cognito: 'customer' }

/** And what to do then; of all others, the health of the service that AWS runs is what there is to see. */
const SLOW_FIXES: Readonly<Record<string, string>> = {
  corbado: 'tell Corbado since when, and see its status page, and the way there',
  cognito: DOCTOR,
  lambda: "see the metrics and the log of the customer's own function",
}

/** Says what a finding means. */
export function diagnose(fold: Fold, finding: Finding, evidence: Evidence): Diagnosis {
  const { what } = finding
  const changes = changesBefore(fold, finding)
  const said = what.kind === 'reason' ? sayReason(fold, finding, evidence, changes) : sayOther(what, finding)
  const confidence = confidenceOf(finding, said.alike.length)
  const alike = said.alike.map((one) => ({ ...one, tell: namedIn(one.tell, finding) }))
  return { finding, evidence, changes, confidence, ...said, alike, fix: said.fix && fixFor(said.fix, finding) }
}

interface Said {
  readonly cause: string
  readonly owner: Owner
  readonly fix: string | undefined
  readonly alike: readonly Alike[]
}

function sayReason(fold: Fold, finding: Finding, evidence: Evidence, changes: readonly Change[]): Said {
  if (finding.what.kind !== 'reason' || finding.what.cell.reason === undefined)
    throw new Error('a finding of a reason has one')
  const { owner, means, fix, alike = [] } = rowOf(finding.what.cell.reason)
  const holds = clueReader(fold, finding, evidence, changes)
  const told = alike
    .filter(({ clues = [] }) => clues.length > 0 && clues.every(holds))
    .sort((a, b) => (b.clues?.length ?? 0) - (a.clues?.length ?? 0))[0]
  if (told === undefined) return { cause: means, owner, fix, alike }
  const back = told.clues?.includes('config changed') ? rollbackOf(fold, finding, changes) : undefined
  return {
    cause: `${capital(told.what)}. ${means}`,
    owner: told.owner ?? owner,
    fix: back ?? told.fix ?? fix,
    alike: [],
  }
}

/** The way back from the config that came before it began, to the one that served until then. */
function rollbackOf(fold: Fold, { tenants }: Finding, changes: readonly Change[]): string | undefined {
  const came = changes.flatMap(({ what, version }) => (what === 'config' ? [Number(version)] : []))
  const seen = [...(fold.tenants.get(tenants[0] ?? '')?.configs.keys() ?? [])]
  const before = seen.filter((version) => version < Math.min(...came))
  return before.length === 0 ? undefined : `${ROLLBACK} --to ${Math.max(...before)}`
}

const MISSING: Readonly<Partial<Record<Stage, Omit<Said, 'alike'>>>> = {
  define: {
    cause:
      'Users are found, and no login begins: one of the three triggers of the pool no longer calls us, or its app clients lost ALLOW_CUSTOM_AUTH.',
    owner: 'customer',
    fix: DOCTOR,
  },
  create: {
    cause: 'Logins begin, and none comes to CreateAuthChallenge: the pool no longer calls it here.',
    owner: 'customer',
    fix: DOCTOR,
  },
  verify: {
    cause:
      'Challenges are made, and no answer comes: the pool no longer calls VerifyAuthChallengeResponse here, or the client fails before it answers.',
    owner: 'customer',
    fix: DOCTOR,
  },
  tokens: {
    cause: 'Proofs are right, and no tokens follow: the pool no longer calls DefineAuthChallenge here.',
    owner: 'customer',
    fix: DOCTOR,
  },
}

function sayOther(what: What, { everywhere }: Finding): Said {
  if (what.kind === 'missing') {
    const said = MISSING[what.step]
    if (said !== undefined) return { ...said, alike: [] }
  }
  if (what.kind === 'slow')
    return {
      cause: `${capital(what.dependency)} is slow: calls take over ${what.overMs} ms.`,
      owner: SLOW_OWNERS[what.dependency] ?? 'us',
      fix: SLOW_FIXES[what.dependency] ?? `see the health of ${what.dependency} in this region`,
      alike: [],
    }
  if (what.kind === 'stale')
    return {
      cause:
        'The table fails, and tenants are served by the configs that are in memory: what is changed now is not seen, and a process that starts now serves nobody.',
      owner: 'us',
      fix: 'corbado-gateway reasons table',
      alike: [],
    }
  if (what.kind === 'unfinished') {
    const { text, fix } = howOf(what.how)
    return { cause: `Invocations end without a line of the gateway: ${text}.`, owner: 'us', fix, alike: [] }
  }
  if (what.kind === 'client')
    return {
      cause: `The app client ${what.clientId} begins no login, others of the pool go on: it lost ALLOW_CUSTOM_AUTH, or its application is down.`,
      owner: 'customer',
      fix: PROBE,
      alike: [],
    }
  if (everywhere)
    return {
      cause: 'No line of any tenant: the gateway is not called, does not start, or its lines do not arrive.',
      owner: 'us',
      fix: 'corbado-gateway doctor --all',
      alike: [],
    }
  const known = what.kind === 'silent' ? COMPARED[what.by] : ''
  return {
    cause: `The tenant has no lines, ${known}: its triggers were detached, its application is down, or nobody logs in.`,
    owner: 'customer',
    fix: DOCTOR,
    alike: [],
  }
}

/** What a silence was told by. */
const COMPARED = {
  share: 'and others go on',
  day: 'and had some at this time on the days before',
  hour: 'and had some just before; what is usual at this time of day is not in what was read',
} as const

/** Tells whether a clue holds for a finding. */
function clueReader(
  fold: Fold,
  finding: Finding,
  evidence: Evidence,
  changes: readonly Change[],
): (clue: Clue) => boolean {
  const many = finding.everywhere || finding.tenants.length > 2
  const changed = (what: Change['what']) => changes.some((change) => change.what === what)
  // What is old is known only if there are lines of before.
  const old = (what: Change['what']) => !changed(what) && (!finding.plain || finding.outside.n > 0)
  // With a secret that once was right, nothing wrong was stored.
  const sound = isSound(fold, finding)
  const { status, operation } = finding.what.kind === 'reason' ? finding.what.cell : {}
  const odd = (field: string) => evidence.odd.some((one) => one.field === field)
  const late = [...evidence.lateMs].sort((a, b) => a - b)
  const lateAt = (share: number) => late[Math.floor((late.length - 1) * share)] ?? 0
  const sameLateness = lateAt(0.9) - lateAt(0.1) < 0.5 * lateAt(0.5)
  const more = () => trafficOf(fold, finding) >= MORE
  const holds: Readonly<Record<Clue, () => boolean>> = {
    'config changed': () => changed('config'),
    'config old': () => old('config'),
    'secret changed': () => changed('secret') && !sound,
    'secret old': () => old('secret') || sound,
    'many tenants': () => many,
    'one tenant': () => !many,
    'one client': () => odd('clientId') || odd('clientSdk'),
    'one release': () => odd('gatewayVersion'),
    'more traffic': more,
    'usual traffic': () => !more(),
    'status 401': () => status === 401,
    'status 403': () => status === 403,
    'status 5xx': () => status !== undefined && status >= 500,
    'no status': () => status === undefined,
    'same lateness': () => late.length >= 5 && sameLateness,
    'lateness differs': () => late.length >= 5 && !sameLateness,
    'operation AdminGetUser': () => operation === 'AdminGetUser',
    'operation ListUsers': () => operation === 'ListUsers',
    'operation AdminSetUserMFAPreference': () => operation === 'AdminSetUserMFAPreference',
    'operation of a sign-in': () => operation === 'AdminInitiateAuth' || operation === 'AdminRespondToAuthChallenge',
  }
  return (clue) => holds[clue]()
}

/** Was each version of the secret that served in the interval a right one? */
function isSound(fold: Fold, { tenants, from, to }: Finding): boolean {
  const tenant = tenants.length === 1 ? fold.tenants.get(tenants[0] ?? '') : undefined
  const served = [...(tenant?.secrets ?? [])].filter(
    ([, { first, last }]) => first < timeOfMinute(to) && last >= timeOfMinute(from),
  )
  return served.length > 0 && served.every(([version]) => isRight(tenant, version))
}

/**
 * Was it right before it was refused? A wrong one is not, and what is right only afterwards says nothing: what was wrong may have
 * been mended at Corbado.
 */
function isRight(tenant: TenantFold | undefined, version: number): boolean {
  const [right, refused] = [tenant?.right.get(version), tenant?.refused.get(version)]
  return right !== undefined && (refused === undefined || right.first <= refused.last)
}

/** How many times its usual share of all lines of the step the tenant has in the interval: who only tries has no later steps. */
function trafficOf(fold: Fold, { what, tenants, from, to }: Finding): number {
  const linesOf = ({ all, steps }: TenantFold) => (what.kind === 'reason' ? steps.get(what.cell.step) : all)
  const sumOf = (folds: readonly (TenantFold | undefined)[]) => {
    const counts = folds.flatMap((one) => {
      const lines = one && linesOf(one)
      return lines === undefined ? [] : [countsOf(lines, from, to)]
    })
    const sum = (side: 'inside' | 'outside') => counts.reduce((all, one) => all + one[side], 0)
    return { inside: sum('inside'), outside: sum('outside') }
  }
  const all = sumOf(fold.together === undefined ? [...fold.tenants.values()] : [fold.together])
  const { inside, outside } = sumOf(tenants.map((name) => fold.tenants.get(name)))
  // Alone in what was read, it can only be compared with its own past.
  const others = { inside: all.inside - inside, outside: all.outside - outside }
  const minutes = { inside: to - from, outside: Math.max(1, minutesOf(fold) - (to - from)) }
  const base = others.inside > 0 && others.outside > 0 ? others : minutes
  if (outside === 0) return 1
  return inside / base.inside / (outside / base.outside)
}

const minutesOf = ({ first, last }: Fold) => (last - first) / MINUTE_MS

function countsOf(series: Fold['all'], from: number, to: number): { inside: number; outside: number } {
  let inside = 0
  for (const [hour, counts] of series.hours)
    for (const [at, count] of counts.entries()) {
      const minute = hour * 60 + at
      if (minute >= from && minute < to) inside += count
    }
  return { inside, outside: series.total - inside }
}

/** Versions that came shortly before the finding began; what was there from the first line on did not come. */
function changesBefore(fold: Fold, { tenants, everywhere, from }: Finding): Change[] {
  const began = timeOfMinute(from)
  const near = ({ first }: Span, beforeMs: number) =>
    first > fold.first + MINUTE_MS && first >= began - beforeMs && first <= began + AFTER_MS
  const among = <K>(what: Change['what'], spans: Map<K, Span> | undefined, beforeMs: number): Change[] =>
    [...(spans ?? [])]
      .filter(([, span]) => spans && spans.size > 1 && near(span, beforeMs))
      .map(([version, { first }]) => {
        return { what, version: String(version), at: first }
      })
  const one = everywhere || tenants.length > 2 ? undefined : fold.tenants.get(tenants[0] ?? '')
  return [
    ...among('config', one?.configs, CONFIG_MS),
    ...among('secret', one?.secrets, SECRET_MS),
    ...among('release', fold.releases, RELEASE_MS),
  ]
}

function confidenceOf({ what, plain, inside, g }: Finding, alike: number): Diagnosis['confidence'] {
  if (plain && (what.kind === 'unfinished' || what.kind === 'stale')) return inside.k >= PLAIN_MIN ? 'medium' : 'low'
  if (plain) return inside.k >= PLAIN_MIN && inside.k >= 0.9 * inside.n ? 'medium' : 'low'
  if (what.kind === 'silent' && what.by !== 'share') return what.by === 'day' ? 'medium' : 'low'
  if (inside.n < EVIDENCE_MIN || g < 60) return 'low'
  return alike > 0 ? 'medium' : 'high'
}

/** The command with the name of its tenant; of several the first, and a word on the others. */
function fixFor(fix: string, finding: Finding): string {
  const named = namedIn(fix, finding)
  const isOfOne = named !== fix && !named.includes('--all')
  return isOfOne && finding.tenants.length > 1 ? `${named}; and so for each other of the tenants` : named
}

/** A text with a tenant's name for `<tenant>`; the doctor is asked about all of several. */
function namedIn(text: string, { tenants }: Finding): string {
  const [first = '', ...others] = tenants
  const all = first === '' || others.length > 0 ? text.replaceAll(DOCTOR, 'corbado-gateway doctor --all') : text
  return all.replaceAll('<tenant>', first === '' ? 'TENANT' : first)
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
