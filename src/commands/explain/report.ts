import type { Change, Diagnosis } from '../../operator/causes/diagnose.js'
import type { Finding } from '../../operator/causes/find.js'
import { type Fold, timeOfMinute } from '../../operator/causes/fold.js'
import { nameOf, percent } from '../../operator/causes/words.js'
import type { LineCounts } from '../../operator/lines/source.js'
import { spanText, timeText } from '../../operator/lines/when.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { counted, textAt } from '../../terminal/text.js'

/** What was looked at. */
export interface Scope {
  /** Nothing for all. */
  readonly tenant: string | undefined
  readonly fold: Fold
  readonly counts: LineCounts
  /** Findings beyond those that are told. */
  readonly left: number
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
    for (const [name, text] of factsOf(diagnosis)) {
      const prefix = `   ${name.padEnd(NAME_WIDTH)}`
      stdout.write(`${paint('dim', prefix)}${textAt(prefix.length, text, stdout)}\n`)
    }
    if (index > 0) continue
    for (const sample of diagnosis.evidence.samples.slice(0, 2)) stdout.write(`   ${paint('dim', sample)}\n`)
  }
  stdout.write(endOf(scope, diagnoses.length))
}

function headOf({ tenant, fold, counts }: Scope): string {
  const skipped = counts.others + counts.tooLong
  const others = skipped > 0 ? `, ${skipped} that are not the gateway's left out` : ''
  const whose = tenant ?? counted(fold.tenants.size, 'tenant')
  const when = fold.lines === 0 ? '' : `, from ${timeText(fold.first)} to ${timeText(fold.last)}`
  return `${whose}: ${counted(fold.lines, 'line')}${when}${others}`
}

function endOf({ tenant, fold, left }: Scope, count: number): string {
  if (count > 0) return left > 0 ? `\n${counted(left, 'further finding')}: --at narrows them\n` : ''
  const probe = `corbado-gateway doctor ${tenant ?? '--all'}`
  if (fold.lines < 50) return `\nToo few lines to tell anything. Run: ${probe}\n`
  return `\nNothing differs from the rest of these lines. If logins fail all the same, they do not reach the gateway: ${probe}\n`
}

function factsOf(diagnosis: Diagnosis): [name: string, text: string][] {
  const { finding, evidence, owner, fix, alike, changes, confidence, probe } = diagnosis
  const { folded } = finding
  const facts: [string, string | undefined][] = [
    ['since', sinceOf(finding)],
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

function sinceOf({ from, to, ongoing }: Finding): string {
  const length = spanText(timeOfMinute(to) - timeOfMinute(from))
  const end = ongoing
    ? `still so at the end of the lines, ${length} later`
    : `until ${timeText(timeOfMinute(to))}, ${length}`
  return `${timeText(timeOfMinute(from))}, ${end}`
}

function whomOf({ finding, evidence }: Diagnosis): string {
  const { tenants, everywhere, of, lost, what } = finding
  const users = evidence.users > 0 ? `, ${counted(evidence.users, 'user')}` : ''
  const missing = what.kind === 'reason' || what.kind === 'slow' ? 'more than usual' : 'missing'
  const count = `${counted(lost, 'line')} ${missing}${users}`
  if (everywhere && tenants.length === 0) return `everybody: ${count}`
  const names =
    tenants.length > 4 ? `${tenants.slice(0, 3).join(', ')} and ${tenants.length - 3} more` : tenants.join(', ')
  return everywhere ? `${tenants.length} of ${of} tenants (${names}): ${count}` : `${names}: ${count}`
}

function sharesOf(finding: Finding): string {
  const { what, inside, outside } = finding
  if (what.kind !== 'reason' && what.kind !== 'slow')
    return `${nameOf(finding)}: ${inside.k} came, ${Math.round((inside.n * outside.k) / Math.max(1, outside.n))} would have`
  const usual = outside.n === 0 ? 0 : outside.k / outside.n
  return `${nameOf(finding)}: ${percent(inside.k / inside.n)} of ${inside.n}, before and after ${percent(usual)}`
}

/** The same for a program. */
export function answerOf({ tenant, fold, counts, left }: Scope, diagnoses: readonly Diagnosis[]) {
  return {
    tenantId: tenant ?? null,
    lines: fold.lines,
    others: counts.others + counts.tooLong,
    ...(fold.lines > 0 && { from: timeText(fold.first), to: timeText(fold.last) }),
    left,
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
      confidence,
      probe,
      samples: evidence.samples,
    })),
  }
}
