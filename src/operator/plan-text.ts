import type { Paint } from './io.js'
import { type FieldChange, type Plan, type PlannedWrite, tenantIdOf } from './plan.js'

/** The plan for a person: what is added, what is changed field by field, what stays. */
export function planText({ writes, untouched, kept }: Plan, paint: Paint): string {
  const lines = [
    ...writes.map((write) => writeText(write, paint)),
    ...kept.map((record) => {
      const name = `${tenantIdOf(record)} (${record.userPoolId})`
      return paint('dim', `= ${name} is in the table but has no file here (kept: apply never removes)\n`)
    }),
    `${untouched} untouched\n`,
  ]
  return lines.join('')
}

function writeText({ tenant, old, changes }: PlannedWrite, paint: Paint): string {
  const name = `${tenant.tenantId} (${tenant.userPoolId})\n`
  if (!old) return `${paint('green', '+')} ${name}`
  return `${paint('yellow', '~')} ${name}${changes.map((change) => changeText(change, paint)).join('')}`
}

function changeText(change: FieldChange, paint: Paint): string {
  const { field, from, to } = change
  const name = field || '(all of it)'
  if (!('from' in change)) return `  ${paint('green', '+')} ${name}: ${JSON.stringify(to)}\n`
  if (!('to' in change)) return `  ${paint('red', '-')} ${name}: ${JSON.stringify(from)}\n`
  return `  ${paint('yellow', '~')} ${name}: ${JSON.stringify(from)} -> ${JSON.stringify(to)}\n`
}
