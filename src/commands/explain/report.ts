import type { Change, Diagnosis } from '../../operator/causes/diagnose.js'
import { type Failed, failedOf } from '../../operator/causes/faults.js'
import type { Finding } from '../../operator/causes/find.js'
import { type Fold, timeOfMinute } from '../../operator/causes/fold.js'
import { isShare, nameOf, percent } from '../../operator/causes/words.js'
import type { Finding as DoctorFinding } from '../../operator/doctor/checks/finding.js'
import type { LineCounts } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { rowOf } from '../../reasons.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { adviceAt, counted, textAt } from '../../terminal/text.js'
import { sinceOf } from './since.js'

/** What was looked at. */
export interface Scope {
  /** Nothing for all. */
  readonly tenant: string | undefined
  readonly fold: Fold
  readonly counts: LineCounts
  /** Findings beyond those that are told. */
  readonly left: number
  /** Findings of another time than the one that was named. */
  readonly elsewhere: number
  /** What the doctor finds wrong, if it was asked as lines show no cause. */
  readonly doctor?: readonly DoctorFinding[] | undefined
  /** The time that was asked for, as it was understood; '' if none was. */
  readonly asked: string
  /** Lines of about the time that was named are among these. */
  readonly isRead: boolean
}

const NAME_WIDTH = 10

/** Writes the causes for a person: one after another, the first with the lines that show it. */
export function writeCauses(io: CommandIo, scope: Scope, diagnoses: readonly Diagnosis[]): void {
  const { stdout } = io
  const paint = createPaint(stdout, io.env)
  stdout.write(`${textAt(0, headOf(scope), stdout)}\n`)
  for (const [index, diagnosis] of diagnoses.entries()) {
    const number = `${index + 1}. `
    stdout.write(`\n${number}${paint('bold', textAt(number.length, diagnosis.cause, stdout))}\n`)
    for (const [name, text] of factsOf(diagnosis, scope.fold)) {
      const prefix = `   ${name.padEnd(NAME_WIDTH)}`
      stdout.write(`${paint('dim', prefix)}${adviceAt(prefix.length, text, stdout)}\n`)
    }
    if (index > 0) continue
    for (const sample of diagnosis.evidence.samples.slice(0, 2)) stdout.write(`   ${paint('dim', sample)}\n`)
  }
  const end = endOf(scope, diagnoses.length)
  if (end !== '') stdout.write(`\n${adviceAt(0, end, stdout)}\n`)
  if (scope.doctor?.length === 0) stdout.write('The doctor finds nothing wrong now.\n')
  for (const { check, what, fix } of scope.doctor ?? []) {
    const text = `The doctor: ${check} failed. ${what}${fix === undefined ? '' : ` Do: ${fix}`}`
    stdout.write(`${paint('red', adviceAt(0, text, stdout))}\n`)
  }
}

function headOf({ tenant, fold, counts, asked, isRead }: Scope): string {
  const skipped = counts.others + counts.tooLong
  const others = skipped > 0 ? `, ${skipped} that are not the gateway's left out` : ''
  const whose = tenant ?? counted(fold.tenants.size, 'tenant')
  const when = fold.lines === 0 ? '' : `, from ${timeText(fold.first)} to ${timeText(fold.last)}`
  // Its own lines are compared with all that were read.
  const own = tenant === undefined ? fold.lines : (fold.tenants.get(tenant)?.all.total ?? 0)
  const read = counted(fold.lines, 'line')
  const time = asked === '' ? '' : `; asked for: ${asked}${isRead ? '' : ', and no line is of about that time'}`
  return `${whose}: ${own === fold.lines ? read : `${own} of ${read}`}${when}${others}${time}`
}

function endOf({ tenant, fold, left, elsewhere }: Scope, count: number): string {
  if (count > 0) return left > 0 ? `${counted(left, 'further finding')}: --at narrows them` : ''
  const probe = `corbado-gateway doctor ${tenant ?? '--all'}`
  if (elsewhere > 0) {
    const are = elsewhere === 1 ? 'is' : 'are'
    return `Nothing was found at about that time; ${counted(elsewhere, 'finding')} of other times ${are} told without --at. What is wrong now says: ${probe}`
  }
  const lines = tenant === undefined ? fold.lines : (fold.tenants.get(tenant)?.all.total ?? 0)
  const failed = failedOf(fold, tenant)
  const few = lines < 50
  if (failed.length > 0) {
    const more = failed.length > FAILED_MAX ? `, and ${failed.length - FAILED_MAX} more` : ''
    const head = few ? 'Too few lines to tell what is usual.' : 'Nothing differs from the rest of these lines.'
    const shown = failed.slice(0, FAILED_MAX).map(failedText).join(', ')
    return `${head} What failed in them: ${shown}${more}. What is wrong now says: ${probe}`
  }
  if (few) return `Too few lines to tell anything. Run: ${probe}`
  return `Nothing differs from the rest of these lines, and none of them failed. If logins fail all the same, they do not reach the gateway: ${probe}`
}

/** More would not be read. */
const FAILED_MAX = 4

const failedText = ({ reason, lines, of, step }: Failed) =>
  `${lines} of ${of} ${step} with ${reason} (${rowOf(reason).owner})`

function factsOf(diagnosis: Diagnosis, fold: Fold): [name: string, text: string][] {
  const { finding, evidence, owner, fix, alike, changes, confidence, probe } = diagnosis
  const { folded } = finding
  const facts: [string, string | undefined][] = [
    ['since', sinceOf(diagnosis, fold)],
    ['whom', whomOf(diagnosis)],
    ['lines', sharesOf(finding)],
    ['who acts', owner],
    ['do', fix],
    [
      'odd',
      evidence.odd
        .slice(0, 2)
        .map(
          ({ field, value, share, rest }) =>
            `${field} ${value}: ${percent(share)} of its lines, ${percent(rest)} of the others`,
        )
        .join('; '),
    ],
    ['changed', changes.map(changeText).join('; ')],
    ['follows', [...new Set(folded.map(nameOf))].join(', ')],
    ...alike.map(({ what, tell }): [string, string] => ['perhaps', `${what}: ${tell}`]),
    ['probe', probe],
    ['sure', confidence],
  ]
  return facts.flatMap(([name, text]) => (text ? [[name, text]] : []))
}

function changeText({ what, version, at, by, fields = [] }: Change): string {
  const whose = by === undefined ? '' : ` by ${by || 'nobody named'}`
  return `${what} ${version} at ${timeText(at)}${whose}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`
}

function whomOf({ finding, evidence }: Diagnosis): string {
  const { tenants, everywhere, of, lost, what } = finding
  if (what.kind === 'stale') return `${counted(lost, 'line')}; whoever was in memory`
  if (what.kind === 'unfinished') return `${counted(lost, 'invocation')}; Lambda's lines name no tenant`
  const users = evidence.users > 0 ? `, ${counted(evidence.users, 'user')}` : ''
  const more = isShare(finding) ? 'more than usual' : 'missing'
  const missing = finding.plain ? 'that failed' : more
  const count = `${counted(lost, 'line')} ${missing}${users}`
  if (everywhere && tenants.length === 0) return `everybody: ${count}`
  const names =
    tenants.length > 4 ? `${tenants.slice(0, 3).join(', ')} and ${tenants.length - 3} more` : tenants.join(', ')
  return everywhere ? `${tenants.length} of ${of} tenants (${names}): ${count}` : `${names}: ${count}`
}

function sharesOf(finding: Finding): string {
  const { inside, outside } = finding
  if (!isShare(finding))
    return `${nameOf(finding)}: ${inside.k} came, ${Math.round((inside.n * outside.k) / Math.max(1, outside.n))} would have`
  if (finding.plain) {
    const before = outside.n === 0 ? 'what was before is not in these lines' : `none of ${outside.n} before`
    return `${nameOf(finding)}: ${inside.k} of ${inside.n}, ${before}`
  }
  const usual = outside.n === 0 ? 0 : outside.k / outside.n
  return `${nameOf(finding)}: ${percent(inside.k / inside.n)} of ${inside.n}, before and after ${percent(usual)}`
}

/** The same for a program. */
export function answerOf({ tenant, fold, counts, left, doctor }: Scope, diagnoses: readonly Diagnosis[]) {
  return {
    tenantId: tenant ?? null,
    lines: fold.lines,
    others: counts.others + counts.tooLong,
    ...(fold.lines > 0 && { from: timeText(fold.first), to: timeText(fold.last) }),
    left,
    failed: failedOf(fold, tenant),
    ...(doctor && { doctor: doctor.map(({ check, what, fix }) => ({ check, what, fix })) }),
    causes: diagnoses.map(({ finding, evidence, cause, owner, fix, alike, changes, confidence, probe }) => ({
      cause,
      owner,
      fix,
      what: nameOf(finding),
      reason: finding.what.kind === 'reason' ? finding.what.cell.reason : undefined,
      since: timeText(timeOfMinute(finding.from)),
      until: finding.ongoing ? undefined : timeText(timeOfMinute(finding.to)),
      everywhere: finding.everywhere,
      tenants: finding.tenants,
      inside: finding.inside,
      outside: finding.outside,
      lost: finding.lost,
      users: evidence.users,
      odd: evidence.odd,
      changes: changes.map((change) => ({ ...change, at: timeText(change.at) })),
      follows: finding.folded.map(nameOf),
      alike: alike.map(({ what, tell }) => ({ what, tell })),
      baseline: finding.plain ? ('unknown' as const) : ('known' as const),
      confidence,
      probe,
      samples: evidence.samples,
    })),
  }
}
