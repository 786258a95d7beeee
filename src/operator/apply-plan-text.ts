import type { Plan, PlannedWrite } from './apply-plan.js'
import { changeText } from './config-changes.js'
import type { Paint } from './io.js'
import { shellWord } from './shell-word.js'
import { tenantIdOf } from './tenant-record.js'

/** The plan for a person: what is added, what is changed field by field, what has no file any more, what stays. */
export function planText({ writes, untouched, withoutFile }: Plan, paint: Paint): string {
  const lines = [
    ...writes.map((write) => writeText(write, paint)),
    ...withoutFile.map((record) => {
      const name = `${tenantIdOf(record)} (${record.userPoolId})`
      const remove = `corbado-gateway tenants remove ${shellWord(tenantIdOf(record))}`
      return `${paint('red', '-')} ${name} has no file here; apply keeps it, and this would take it out: ${remove}\n`
    }),
    `${untouched} untouched\n`,
  ]
  return lines.join('')
}

function writeText({ tenant, old, changes }: PlannedWrite, paint: Paint): string {
  const name = `${tenant.tenantId} (${tenant.userPoolId})\n`
  if (!old) return `${paint('green', '+')} ${name}`
  return `${paint('yellow', '~')} ${name}${changes.map((change) => `  ${changeText(change, paint)}\n`).join('')}`
}
