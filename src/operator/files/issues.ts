import { inLine } from '../../terminal/clean.js'
import { type CommandIo, createPaint, type Paint } from '../../terminal/io.js'
import { counted } from '../../terminal/text.js'
import { writeAnswer } from '../answers/write.js'
import type { TenantFolder } from './folder.js'
import type { FileIssue } from './read.js'

/** Prints what is wrong with a folder's files and makes the exit code 1. */
export function reportIssues(folder: TenantFolder, json: boolean, io: CommandIo): void {
  io.foundProblems()
  if (json) writeAnswer(io, 'tenant-files', folderJson(folder))
  else io.stdout.write(issuesText(folder.issues, createPaint(io.stdout, io.env)))
}

/** What `tenants validate --json` prints. */
export function folderJson({ entries, issues }: TenantFolder) {
  return { valid: issues.length === 0, tenants: entries.map(({ tenant }) => tenant.tenantId), issues }
}

/** One line an issue, a blank line between files, and at the end how many there are. */
function issuesText(issues: readonly FileIssue[], paint: Paint): string {
  const files = [...new Set(issues.map(({ file }) => file))]
  const groups = files.map((name) => {
    const lines = issues.filter(({ file }) => file === name).map((issue) => `${issueText(issue, paint)}\n`)
    return lines.join('')
  })
  const count = `${counted(issues.length, 'issue')} in ${counted(files.length, 'file')}`
  return `${groups.join('\n')}\n${paint('red', count)}\n`
}

function issueText({ file, line, column, field, message }: FileIssue, paint: Paint): string {
  const place = paint('dim', inLine(`${file}:${line}:${column}`))
  return [place, ...(field === '' ? [] : [paint('yellow', inLine(field))]), inLine(message)].join('  ')
}
