import type { Finding } from '../../operator/doctor/checks/finding.js'
import type { Examined } from '../../operator/doctor/index.js'
import { inLine } from '../../terminal/clean.js'
import type { Output, Paint } from '../../terminal/io.js'
import { keptFinding, knownAt, timeOf } from './past.js'
import { findingsText } from './report.js'
import { type DoctorState, readDoctorState, writeDoctorState } from './state.js'

type Known = DoctorState['tables'][string]

/** What is different with one tenant from last time. */
interface TenantChanges {
  readonly tenantId: string
  readonly userPoolId: string
  /** Findings as they are now; `was` is missing for a check that is new. */
  readonly changes: readonly (Finding & { readonly was?: string })[]
}

interface DoctorChanges {
  readonly tenants: readonly TenantChanges[]
  /** Those that were active when they were last examined, and are not any more. */
  readonly gone: readonly { readonly tenantId: string; readonly userPoolId: string }[]
}

/**
 * Compares with what was found last time. Of a tenant that is new, all that has not passed is a change. What depends on a
 * check that does not pass any more is not told: it follows.
 * @param whole whether all active tenants were examined, so that one that is missing is gone
 */
function compare(known: Known, all: readonly Examined[], whole: boolean): DoctorChanges {
  const tenants = all.flatMap(({ tenantId, userPoolId, findings }) => {
    const told = findings.filter(saysSomething)
    const changes = told.flatMap((finding) => changeOf(known[userPoolId]?.findings[finding.check], finding))
    return changes.length > 0 ? [{ tenantId, userPoolId, changes }] : []
  })
  const now = new Set(all.map(({ userPoolId }) => userPoolId))
  const gone = Object.entries(known).filter(
    ([userPoolId, { status = 'active' }]) => whole && status === 'active' && !now.has(userPoolId),
  )
  return { tenants, gone: gone.map(([userPoolId, { tenantId }]) => ({ tenantId, userPoolId })) }
}

/** Does a finding say anything of its own? One that depends on another does not, nor one of which nothing can be known. */
const saysSomething = ({ dependsOn, byDesign }: Finding) => dependsOn === undefined && byDesign !== true

function changeOf(was: { state: string; what: string } | undefined, finding: Finding): TenantChanges['changes'] {
  if (was === undefined) return finding.state === 'passed' ? [] : [finding]
  return was.state === finding.state && was.what === finding.what ? [] : [{ ...finding, was: was.state }]
}

/**
 * What is to be remembered after this time: of a check that meant nothing now, what it said when it last meant something;
 * of tenants that were not examined, what was found before. Those that are gone are forgotten.
 */
function remember(known: Known, all: readonly Examined[], gone: DoctorChanges['gone'], checkedAt: string): Known {
  const now = all.map(({ tenantId, userPoolId, status, findings }) => {
    const told = findings.filter(saysSomething)
    const before = known[userPoolId]
    const kept = Object.fromEntries(
      told.map(({ check, state, what }) => [
        check,
        keptFinding(before?.findings[check], { state, what }, checkedAt, before?.checkedAt),
      ]),
    )
    const firstAt = before?.firstAt ?? before?.checkedAt ?? checkedAt
    return [userPoolId, { tenantId, status, checkedAt, firstAt, findings: { ...before?.findings, ...kept } }]
  })
  const left = new Set(gone.map(({ userPoolId }) => userPoolId))
  const kept = Object.entries(known).filter(([userPoolId]) => !left.has(userPoolId))
  return Object.fromEntries([...kept, ...now])
}

/** The changes for a person; `times` are those of the examinations that are compared with, as {@link lastTimes} has them. */
export function changesText(
  { tenants, gone }: DoctorChanges,
  times: readonly string[],
  paint: Paint,
  output: Output,
): string {
  const blocks = tenants.map(({ tenantId, userPoolId, changes }) => {
    const told = changes.map((change) => ({ ...change, what: `${wasText(change)}${change.what}` }))
    return `${paint('bold', `${tenantId} (${userPoolId})`)}\n${findingsText(told, paint, output)}`
  })
  const left = gone.map(
    ({ tenantId, userPoolId }) => `${inLine(`${tenantId} (${userPoolId})`)} is not active any more\n`,
  )
  const count = tenants.reduce((sum, { changes }) => sum + changes.length, gone.length)
  const later = times.length > 1 ? ', or whenever a tenant was last examined' : ''
  const when = times[0] === undefined ? 'this is the first time' : `since ${inLine(times[0])}${later}`
  return `${blocks.join('')}${left.join('')}${count === 0 ? 'nothing' : count} changed (${when})\n`
}

const wasText = ({ was, state }: { was?: string; state: string }) =>
  was === undefined || was === state ? '' : `was ${was}: `

/** When these tenants were last examined, each time once, the longest ago first; empty if none ever was. */
function lastTimes(known: Known, all: readonly Examined[]): readonly string[] {
  const times = all.flatMap(({ userPoolId }) => known[userPoolId]?.checkedAt ?? [])
  return [...new Set(times)].sort()
}

/** What did not pass, with since when that is so, if it is not new. */
function withSince(all: readonly Examined[], now: Known, checkedAt: string): readonly Examined[] {
  return all.map((one) => {
    const kept = now[one.userPoolId]?.findings
    const findings = one.findings.map((finding) => {
      const since = finding.dependsOn === undefined ? kept?.[finding.check]?.since : undefined
      return finding.state === 'passed' || since === undefined || since === checkedAt ? finding : { ...finding, since }
    })
    return { ...one, findings }
  })
}

/** What a run came to, beside what was kept. */
export interface RecordedRun {
  readonly changes: DoctorChanges
  /** When what it was compared with was found. */
  readonly times: readonly string[]
  /** The findings, each with since when it is so. */
  readonly all: readonly Examined[]
}

/** What one run of the doctor examined. */
export interface DoctorRun {
  readonly all: readonly Examined[]
  /** Were these all active tenants of the table? */
  readonly whole: boolean
  /** Region and name of the table: one file serves an operator of several regions. */
  readonly table: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** Under which name it can be compared with later. */
  readonly name?: string | undefined
  /** With what it is compared: a date or the name of a run; if it is undefined, with the run before. */
  readonly since?: string | undefined
}

/**
 * Keeps what a run found in place of what the last one found of the same tenants, and answers what is different, and when
 * they were last examined. Reads the file now: another run may have written it meanwhile.
 * @throws NotPossible if the file cannot be read or written, or is of something else
 */
export async function recordRun(
  file: string,
  { all, whole, table, nowMs, name, since }: DoctorRun,
): Promise<RecordedRun> {
  const state = await readDoctorState(file)
  const known = state.tables[table] ?? {}
  const names = state.names?.[table] ?? {}
  const when = since === undefined ? undefined : timeOf(since, names)
  const checkedAt = new Date(nowMs).toISOString()
  const now = remember(known, all, compare(known, all, whole).gone, checkedAt)
  const dated = withSince(all, now, checkedAt)
  const changes = compare(when === undefined ? known : knownAt(known, when), dated, whole)
  const named = name === undefined ? names : { ...names, [name]: checkedAt }
  const tables = { ...state.tables, [table]: now }
  await writeDoctorState(file, { ...state, tables, names: { ...state.names, [table]: named } })
  return { changes, times: when === undefined ? lastTimes(known, all) : [when], all: dated }
}
