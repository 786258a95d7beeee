import type { Finding } from '../../operator/doctor/index.js'
import { type CommandIo, createPaint, type Paint, writeJson } from '../../terminal/io.js'

/** Says why a tenant was not activated; makes the exit code 1. */
export function reportRefused(tenantId: string, findings: readonly Finding[], json: boolean, io: CommandIo): void {
  io.foundProblems()
  if (json) {
    writeJson(io.stdout, { tenantId, written: false, findings })
    return
  }
  writeFindings(findings, io)
  const paint = createPaint(io.stderr, io.env)
  io.stderr.write(
    `${paint('red', 'error:')} ${tenantId} was not activated: mend what failed or could not be checked, then try again\n`,
  )
}

/** Prints what is not as it should be, and how many checks passed. */
export function writeFindings(findings: readonly Finding[], io: CommandIo): void {
  const paint = createPaint(io.stdout, io.env)
  const lines = findings.flatMap((finding) => (finding.state === 'passed' ? [] : findingLines(finding, paint)))
  const passed = findings.filter(({ state }) => state === 'passed').length
  io.stdout.write(
    [...lines, `doctor: ${passed} of ${findings.length} checks passed`].map((line) => `${line}\n`).join(''),
  )
}

function findingLines({ check, state, what, fix }: Finding, paint: Paint): string[] {
  const color = state === 'failed' ? 'red' : 'yellow'
  return [`${paint(color, state)} ${check}: ${what}`, ...(fix === undefined ? [] : [`  ${fix}`])]
}
