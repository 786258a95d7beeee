import { type Finding, isBlocking } from '../../operator/doctor/checks/finding.js'
import type { Examined } from '../../operator/doctor/index.js'
import { inLine } from '../../terminal/clean.js'
import type { Output, Paint } from '../../terminal/io.js'
import { adviceAt, counted, textAt, textTable } from '../../terminal/text.js'

type State = Finding['state']

const MARKS = {
  passed: ['✓', 'green'],
  warned: ['!', 'yellow'],
  failed: ['✗', 'red'],
  'not-checkable': ['–', 'dim'],
} as const
const WORDS: Readonly<Record<State, string>> = {
  passed: 'passed',
  warned: 'warned',
  failed: 'failed',
  'not-checkable': 'not checkable',
}
const STATES: readonly State[] = ['passed', 'warned', 'failed', 'not-checkable']

/** Is nothing wrong, and everything known that matters? */
export const isHealthy = ({ findings }: Examined) => !findings.some(isBlocking)

/** Every finding of one tenant, and how many there are of each kind. */
export function tenantText(examined: Examined, paint: Paint, output?: Output): string {
  const { tenantId, userPoolId, status, findings } = examined
  const title = paint('bold', `${tenantId} (${userPoolId}), ${status || 'no status'}`)
  const counts = STATES.map((state) => `${countOf(state, examined)} ${WORDS[state]}`).join(', ')
  return `${title}\n${findingsText(findings, paint, output)}${counts}\n`
}

/**
 * Findings in aligned lines, each with its fix below, and on a line of its own the policy that the fix speaks of. On a
 * terminal those that depend on the same check share one.
 */
export function findingsText(findings: readonly Finding[], paint: Paint, output?: Output): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length))
  // On a screen, twenty lines that say the same would push what failed off its top.
  const shown = output?.isTTY ? findings.filter((one) => !isFollower(one, findings)) : findings
  const lines = shown.map(({ check, state, what: own, since, fix, policy, dependsOn }) => {
    const followers = output?.isTTY && dependsOn ? findings.filter((one) => one.dependsOn === dependsOn).slice(1) : []
    const said = followers.length === 0 ? own : `${own} So do ${followers.map((one) => one.check).join(', ')}.`
    const what = since === undefined ? said : `${said} (since ${since})`
    const [mark, color] = MARKS[state]
    const advice = fix === undefined ? '' : `      ${adviceAt(6, inLine(fix), output)}\n`
    const wanted = policy === undefined ? '' : `        ${paint('dim', JSON.stringify(policy))}\n`
    return `  ${paint(color, mark)} ${check.padEnd(width)}  ${textAt(width + 6, inLine(what), output)}\n${advice}${wanted}`
  })
  return lines.join('')
}

/** Is there an earlier finding that depends on the same check? */
function isFollower({ check, dependsOn }: Finding, findings: readonly Finding[]): boolean {
  return dependsOn !== undefined && findings.find((one) => one.dependsOn === dependsOn)?.check !== check
}

/** A tenant of the table that is not served, and so was not examined. */
export type Unexamined = Pick<Examined, 'tenantId' | 'userPoolId' | 'status'>

/** One line a tenant, also of those that are not served, then what failed, then how many are healthy. */
export function summaryText(
  all: readonly Examined[],
  others: readonly Unexamined[],
  paint: Paint,
  output: Output,
): string {
  // The pool comes last: it is what goes on in a second line where the terminal is too narrow.
  const rowOf = ({ tenantId, userPoolId, status }: Unexamined, cell: (state: State) => string) => [
    tenantId,
    status || 'no status',
    ...STATES.map(cell),
    userPoolId,
  ]
  const rows = [
    ...all.map((one) => rowOf(one, (state) => String(countOf(state, one)))),
    ...others.map((one) => rowOf(one, () => '–')),
  ]
  const ill = all.filter((one) => !isHealthy(one))
  const details = ill.map(({ tenantId, userPoolId, findings }) => {
    const failures = findings.filter((finding) => isBlocking(finding) && finding.dependsOn === undefined)
    return `\n${paint('bold', `${tenantId} (${userPoolId})`)}\n${findingsText(failures, paint, output)}`
  })
  const rest = others.length > 0 ? `; ${others.length} not active, so not examined` : ''
  const healthy = `${all.length - ill.length} of ${counted(all.length, 'tenant')} healthy${rest}\n`
  const table =
    rows.length > 0 ? textTable(['tenant', 'status', ...STATES.map((state) => WORDS[state]), 'pool'], rows, output) : ''
  return `${table}${details.join('')}${details.length > 0 ? '\n' : ''}${healthy}`
}

/** One line that names the tenants that are not served, so that none is missing without a word; empty if there are none. */
export function unexaminedText(others: readonly Unexamined[]): string {
  const named = others.map(({ tenantId, status }) => inLine(`${tenantId} (${status || 'no status'})`))
  return named.length === 0 ? '' : `not active, so not examined: ${named.join(', ')}\n`
}

function countOf(state: State, { findings }: Examined): number {
  return findings.filter((finding) => finding.state === state).length
}

/** What `--json` says of a tenant. */
export const examinedJson = (examined: Examined) => ({ ...examined, healthy: isHealthy(examined) })
