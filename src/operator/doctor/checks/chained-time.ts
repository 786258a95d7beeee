import { type Clock, createCall, pause } from '../../../call.js'
import { upstreamError } from '../../../errors.js'
import { fieldsOf, textAt } from '../../../fields.js'
import { type Attempt, attempt, isDenied, retryFix, saidOf } from '../../attempt.js'
import { readRows } from '../../lines/insights.js'
import { logGroupsOf } from '../../settings.js'
import { type Finding, failed, IN_FILE, NO_CHAIN, notCheckable, passed, warned } from './finding.js'
import type { ChainedCalls, DoctorDeps, Patient } from './patient.js'

const CHECK = 'chained-time'

/** Lines of so many hours are counted: CloudWatch asks money for each that it reads, and every tenant's lie there. */
const HOURS = 3
const HOUR_MS = 3_600_000
/** Longest wait for the count. */
const COUNT_MS = 10_000
/** Between two looks at it: all readers of an account together may look ten times a second. */
const LOOK_MS = 200
const LOOKS_MAX = COUNT_MS / LOOK_MS
const QUERY = `filter ispresent(outcome) and ispresent(chained)
| stats count(*) as n by userPoolId, trigger, reason
| limit 100000`

/**
 * How the customers' functions have answered the gateway lately, of all tenants in one count. No function is run for this:
 * what it would do, nobody here knows. Nor is its configuration read, which holds the customer's environment variables.
 */
export async function countChained({ upstreams, settings, clock }: DoctorDeps): Promise<readonly ChainedCalls[]> {
  const logs = await upstreams.openLogs()
  const call = createCall(COUNT_MS, clock)
  const to = clock.now()
  const query = { groups: logGroupsOf(settings), text: QUERY, from: to - HOURS * HOUR_MS, to }
  const queryId = await unhurried(() => logs.startQuery(query, call), clock)
  const fetchPage = (token: string | undefined) => unhurried(() => logs.fetchRows(queryId, token, call), clock)
  const read = await readRows(fetchPage, { lookMs: LOOK_MS, longestMs: COUNT_MS, clock })
  if (read.kind !== 'rows') throw upstreamError('cloudwatch', read.kind === 'late' ? 'timeout' : 'unavailable')
  return read.rows.map((row) => {
    const [count, isLate] = [Number(row.get('n') ?? 0), row.get('reason') === 'chain_timeout']
    const [userPoolId = '', trigger = ''] = [row.get('userPoolId'), row.get('trigger')]
    return { userPoolId, trigger, count, late: isLate ? count : 0 }
  })
}

/** Asks again for a while if others ask too much. */
async function unhurried<T>(ask: () => Promise<T>, clock: Clock): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const tried = await attempt(ask())
    if (tried.kind === 'answered') return tried.value
    if (tried.fault.kind !== 'throttled' || tries >= LOOKS_MAX) throw tried.fault
    await pause(LOOK_MS, clock)
  }
}

/** Do the customer's own functions answer within their time, as far as the gateway's lines tell? */
export async function checkChainedTime(patient: Patient): Promise<Finding> {
  const names = chainedTriggers(patient)
  if (names.length === 0) return passed(CHECK, NO_CHAIN)
  const tried = await attempt((patient.countChained ?? (() => countChained(patient)))())
  return tried.kind === 'answered' ? timeFinding(patient, tried.value) : unread(tried)
}

/** Triggers whose function has to answer; of a sender's nobody waits for an answer. */
function chainedTriggers({ tenant }: Pick<Patient, 'tenant'>): string[] {
  return Object.entries(fieldsOf(tenant.triggers)).flatMap(([name, value]) =>
    textAt(value, 'functionArn') === undefined || /Sender$/.test(name) ? [] : [name],
  )
}

/** What the counts say. The words are the same for every count, so that `--changes` tells a change alone. */
export function timeFinding(patient: Pick<Patient, 'tenant'>, counted: readonly ChainedCalls[]): Finding {
  const { userPoolId } = patient.tenant
  const names = chainedTriggers(patient)
  const callsOf = (name: string) => {
    const own = counted.filter((one) => one.userPoolId === userPoolId && keyOf(one.trigger) === name.toLowerCase())
    const sum = (field: 'count' | 'late') => own.reduce((all, one) => all + one[field], 0)
    return { count: sum('count'), late: sum('late') }
  }
  const called = names.filter((name) => callsOf(name).count > 0)
  const late = called.filter((name) => callsOf(name).late > 0)
  const silent = late.filter((name) => callsOf(name).late === callsOf(name).count)
  if (silent.length > 0) {
    const what = `In the last ${HOURS} hours no call of ${silent.join(', ')} was answered by its function in time.`
    return failed(CHECK, what, fixOf(silent))
  }
  if (late.length > 0) {
    const what = `In the last ${HOURS} hours some calls of ${late.join(', ')} were not answered by their function in time.`
    return warned(CHECK, what, fixOf(late))
  }
  const quiet = names.filter((name) => !called.includes(name))
  if (quiet.length === 0) {
    return passed(CHECK, `Every call of ${names.join(', ')} in the last ${HOURS} hours was answered in time.`)
  }
  const what = `No call of ${quiet.join(', ')} in the last ${HOURS} hours: how long its function takes is not known.`
  const fix = 'operator: let a user of the pool cause one, then run the doctor again; no function is run for a test'
  return { ...notCheckable(CHECK, what, fix), byDesign: true }
}

/** A trigger of a line in the letters of a tenant file's, all small. */
const keyOf = (trigger: string) => trigger.replaceAll('-', '')

function fixOf(names: readonly string[]): string {
  const fields = names.map((name) => `triggers.${name}.timeoutMs`).join(', ')
  return (
    `customer: see in the log of the function what takes so long, and whether it has memory enough; ` +
    `operator: or give it more time, ${fields} ${IN_FILE}`
  )
}

/** The lines are not read: then nothing is known, and nothing hangs on it. */
function unread(tried: Attempt<unknown> & { readonly kind: 'fault' }): Finding {
  const { fault } = tried
  const fix = isDenied(tried)
    ? 'operator: use the rights of an operator on call, who may read the lines of the gateway'
    : fault.facts.errorType === 'ResourceNotFoundException'
      ? 'operator: set LOG_GROUPS to the log groups that have the lines of the gateway'
      : retryFix(fault)
  return notCheckable(CHECK, `How long the functions take is not known: ${saidOf(fault)}.`, fix)
}
